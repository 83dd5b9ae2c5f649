"""The user table read once: each batch of rows goes into the daily totals and into the checks.

The table is read in Arrow's integers first. When a cell is no integer both begin again with text, in a second reading.
What only the totals cannot take (a negative amount, say) leaves them to `sum_by_day`, which names the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from forecasting.data.formats.files import TableFile
from forecasting.data.formats.reading import OpenPart, OpenTable
from forecasting.data.quality.user_checks import USER, NotPlain, UserChecks
from forecasting.data.quality.user_rows import UserRows
from forecasting.data.sources.aggregate import CarefulSums, DaySums, TotalsQuery, plain_sums, with_habits
from forecasting.data.sources.user_flows import UserFlows
from forecasting.errors import DataError
from forecasting.schema import DateArray, IntArray

__all__ = ["UserTable", "read_users"]


@dataclass(frozen=True)
class UserTable:
    """What one reading of the table gave; `sums` is None where they have to be found by `sum_by_day`.

    `fingerprint` is the hash of the bytes, None where they were not hashed; `flows` are None unless asked for.
    """

    sums: DaySums | None
    checks: UserChecks
    fingerprint: str | None = None
    flows: UserFlows | None = None


def read_users(table: OpenTable, sums: TotalsQuery | None, judged: TotalsQuery, *, flows: bool = False) -> UserTable:
    """Every row of an opened user table summed and judged.

    Parameters
    ----------
    sums
        What to sum; None: nothing.
    judged
        The date column and the amounts of the targets.
    flows
        Whether users are counted too.

    Raises
    ------
    DataError
        When a file cannot be read at all, or a part lacks a column.
    """
    try:
        return _as_integers(table, sums, judged, UserFlows(judged.amounts) if flows else None)
    except (NotPlain, DataError):
        return _as_text(table.files, sums, judged, UserFlows(judged.amounts) if flows else None)


def _as_integers(
    table: OpenTable, sums: TotalsQuery | None, judged: TotalsQuery, flows: UserFlows | None = None
) -> UserTable:
    checks = UserChecks(judged.date, judged.amounts, whole=judged.scale == 1, plain=True, until=judged.until)
    found = None if sums is None else DaySums(sums)
    for part in table.parts():
        part.require((judged.date, *judged.amounts))
        checks.begin(part)
        columns = part.clear_columns
        types = dict.fromkeys(columns, pa.int64()) | {judged.date: pa.string(), USER: pa.string()}
        found = _if_columns(found, part)
        work = partial(_sums_and_batch, None if found is None else sums)
        for by_day, batch in part.typed(columns, types, work, trace_rows=True):
            _count(flows, checks.add(batch))
            if by_day is None:
                found = None
            elif found is not None:
                found.add(*by_day)
    return UserTable(found, checks, table.fingerprint(), flows)


def _sums_and_batch(
    query: TotalsQuery | None, batch: pa.RecordBatch
) -> tuple[tuple[DateArray, IntArray] | None, pa.RecordBatch]:
    return None if query is None else plain_sums(query, batch), batch


def _as_text(
    files: Sequence[TableFile], sums: TotalsQuery | None, judged: TotalsQuery, flows: UserFlows | None = None
) -> UserTable:
    checks = UserChecks(judged.date, judged.amounts, whole=judged.scale == 1, plain=False, until=judged.until)
    found = None if sums is None else DaySums(sums)
    with OpenTable(files) as table:
        for part in table.parts():
            part.require((judged.date, *judged.amounts))
            checks.begin(part)
            found = _if_columns(found, part)
            batches, habits = with_habits(part.text(part.clear_columns, checks.skip), part, files, sums or judged)
            checks.habits = habits
            careful = None if found is None else CarefulSums(part, found.query, habits)
            for batch in batches:
                _count(flows, checks.add(batch))
                careful = _summed(careful, batch)
            found = None if checks.skipped[-1] else _merged(found, careful)
    return UserTable(found, checks, flows=flows)


def _count(flows: UserFlows | None, rows: UserRows) -> None:
    if flows is not None:
        flows.add(rows)


def _if_columns(found: DaySums | None, part: OpenPart) -> DaySums | None:
    """The sums so far; None when the part lacks a column to go on."""
    return found if found is not None and set(found.query.columns) <= set(part.columns) else None


def _summed(careful: CarefulSums | None, batch: pa.RecordBatch) -> CarefulSums | None:
    """The sums with those of the batch; None when a cell of it cannot be summed."""
    if careful is None:
        return None
    try:
        careful.add(batch)
    except DataError:
        return None
    return careful


def _merged(found: DaySums | None, careful: CarefulSums | None) -> DaySums | None:
    if found is None or careful is None:
        return None
    found.merge(careful.sums)
    return found
