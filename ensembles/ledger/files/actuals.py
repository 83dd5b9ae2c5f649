"""Actual values as they were reported, one file each time, and what is taken of them: the last word on every day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ensembles.files.table import NameArray, named, places
from ensembles.ledger.files.facts import ActualsFacts, table_bytes
from forecasting.errors import DamagedFile
from forecasting.schema import DS, UNIQUE_ID, BoolArray, DateArray, FloatArray, IntArray, Y, as_dates, iso

__all__ = ["Actuals", "ReportedActuals"]


@dataclass(frozen=True)
class ReportedActuals:
    """A table of actual values: `y` ``[n]`` of the series `unique_id` on the days `ds`, in the unit of the data."""

    facts: ActualsFacts
    unique_id: NameArray
    ds: DateArray
    y: FloatArray

    @classmethod
    def of(cls, unique_id: Sequence[str], ds: DateArray, y: FloatArray, unit: str | None, name: str) -> ReportedActuals:
        """What the file `name` says, whatever the order of its rows."""
        labels, row = places(named(list(unique_id), np.arange(len(unique_id))))
        order = np.lexsort((ds, np.argsort(np.argsort(labels))[row]))
        days = as_dates(ds)
        facts = ActualsFacts(start=iso(days.min()), end=iso(days.max()), unit=unit, name=name)
        found = cls(facts, named(labels, row[order]), days[order], np.asarray(y)[order])
        same = facts.model_copy(update={"name": ""})  # a file may be called otherwise and say the same
        return replace(found, facts=facts.model_copy(update={"identity": same.identified(found._table()).identity}))

    def _table(self) -> pa.Table:
        columns = {UNIQUE_ID: pa.array(self.unique_id, pa.string()), DS: pa.array(self.ds)}
        return pa.table(columns | {Y: pa.array(self.y, pa.float64(), from_pandas=True)})

    def to_bytes(self, parents: Mapping[str, int] | None = None) -> bytes:
        """The file's content, after the heads `parents`, by digest with their generations."""
        return table_bytes(self._table(), self.facts.after(parents or {}))

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> ReportedActuals:
        """Inverse of `to_bytes`; errors as of `Vintage.from_bytes`."""
        facts = ActualsFacts.read(pa.BufferReader(data), where)
        try:
            table = pq.ParquetFile(pa.BufferReader(data)).read().combine_chunks()
            encoded = table[UNIQUE_ID].combine_chunks().dictionary_encode()
            uids = named(encoded.dictionary.to_pylist(), encoded.indices.to_numpy())
            return cls(facts, uids, as_dates(table[DS].to_numpy()), table[Y].to_numpy().astype(np.float64))
        except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
            raise DamagedFile(where, " ".join(str(error).split())) from None


@dataclass(frozen=True)
class Actuals:
    """The last word on every day: `y` ``[n_series, n_days]`` of `unique_ids` on the days `ds`, NaN where nothing was
    said. `tables` say what was taken, oldest first; `revised` ``[n_series, n_days]`` where a later one said otherwise.
    """

    unique_ids: tuple[str, ...]
    ds: DateArray
    y: FloatArray
    revised: BoolArray
    tables: tuple[ActualsFacts, ...] = ()

    @classmethod
    def of(cls, tables: Sequence[ReportedActuals]) -> Actuals:
        """Of tables in the order in which they were reported."""
        uids = tuple(dict.fromkeys(uid for table in tables for uid in places(table.unique_id)[0]))
        days = [table.ds for table in tables if len(table.ds)]
        ds = np.arange(min(d.min() for d in days), max(d.max() for d in days) + 1) if days else as_dates([])
        y = np.full((len(uids), len(ds)), np.nan)
        revised, rows = np.zeros(y.shape, dtype=bool), {uid: k for k, uid in enumerate(uids)}
        for table in tables:
            names, place = places(table.unique_id)
            row = np.array([rows[uid] for uid in names], dtype=np.int64)[place]
            day = (table.ds - ds[0]).astype(np.int64) if len(ds) else row
            said, before = ~np.isnan(table.y), y[row, day]
            revised[row, day] |= said & ~np.isnan(before) & (before != table.y)
            y[row[said], day[said]] = table.y[said]
        return cls(uids, as_dates(ds), y, revised, tuple(table.facts for table in tables))

    def at(self, unique_ids: Sequence[str], place: IntArray, ds: DateArray) -> FloatArray:
        """The actual value of the series `unique_ids[place]` on each day ``[n]``; NaN where none is known."""
        if not len(self.ds):
            return np.full(len(ds), np.nan)
        rows = {uid: k for k, uid in enumerate(self.unique_ids)}
        row = np.array([rows.get(uid, -1) for uid in unique_ids], dtype=np.int64)[place]
        day = (ds - self.ds[0]).astype(np.int64)
        inside = (row >= 0) & (day >= 0) & (day < len(self.ds))
        found = np.full(len(ds), np.nan)
        found[inside] = self.y[row[inside], day[inside]]
        return found

    @property
    def sentence(self) -> str:
        """Which tables were used, and what was revised."""
        if not self.tables:
            return "no actual values are known"
        names = [f"{facts.name} ({facts.start} to {facts.end})" for facts in self.tables]
        used = f"actual values of {names[-1]}"
        if len(names) > 1:
            used += f", before it {', '.join(reversed(names[:-1][-3:]))}" + (" and older ones" * (len(names) > 4))
        n = int(self.revised.sum())
        last = f"; {n} {'value was' if n == 1 else 'values were'} revised, and the last word counts" if n else ""
        return used + last
