"""Which rows of a batch are looked at: those that hold something, up to a day."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecasting.data.formats.decode import Records
from forecasting.data.formats.writing.habits import Habits
from forecasting.schema import BoolArray

__all__ = ["PLAIN", "rows_until"]

PLAIN = Habits()
"""Days with the year first, and decimal points."""


def rows_until(
    batch: pa.RecordBatch, date: str, until: str | None, start: int = 0, habits: Habits = PLAIN
) -> tuple[pa.RecordBatch, Records]:
    """The rows of a batch that hold something and are not after the day `until` (None: all), and their records.

    `start` is the record of the first.
    """
    kept = np.ones(batch.num_rows, dtype=bool)
    column = batch.column(date)
    if pa.types.is_string(column.type) and pc.any(pc.equal(column.fill_null(""), "")).as_py():
        kept = ~np.logical_and.reduce([_is_empty(c) for c in batch.columns])
    if until is not None:
        kept &= ~(habits.days(column) > np.datetime64(until, "D"))
    if kept.all():
        return batch, range(start, start + batch.num_rows)
    return batch.filter(pa.array(kept)), start + np.flatnonzero(kept)


def _is_empty(column: pa.Array) -> BoolArray:
    nothing = column.is_null()
    if pa.types.is_string(column.type):
        nothing = pc.or_(nothing, pc.equal(column.fill_null(""), ""))
    return np.asarray(nothing.to_numpy(zero_copy_only=False), dtype=bool)
