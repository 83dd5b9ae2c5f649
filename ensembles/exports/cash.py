"""cash.csv: the cash position of each day, week and month to come, with bands, limits and buffers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ensembles.bands.quantiles import quantile_name
from ensembles.exports.layout import Cell, csv_for_people
from ensembles.files.amounts import Amounts
from ensembles.files.day_names import DAY_COLUMNS, named_days
from ensembles.risk.cash.position import COVERED, SIDES, Account, Banded, CashPosition
from ensembles.risk.cash.spans import Span
from forecasting.calendar import Calendar
from forecasting.schema import FloatArray, IntArray, iso

__all__ = ["cash_csv"]

ALL = "all"
"""Stands for all entities together. They come first, so an entity of that name can be told apart."""
EVIDENCE = ("windows", "windows_judged", "indicative")


def cash_csv(positions: Sequence[CashPosition], calendar: Calendar, amounts: Amounts) -> bytes:
    """A header, then for all entities together (``all``) and for each the days in order, the weeks and the months.

    ``period`` tells them apart. The balance, and what is said of limits, is that of a period's last day. Where entities
    have several units, ``unit`` is that of a row's amounts, and ``all`` are all entities of the unit.
    """
    tables = [
        (position, account, _table(account, calendar, amounts))
        for position in positions
        for account in (position.total, *position.accounts)
    ]
    names = list(dict.fromkeys(name for *_, rows in tables for row in rows for name in row.columns))
    entities, units = any(p.accounts for p in positions), len(positions) > 1 or positions[0].unit is not None
    head: list[Cell] = [*(["entity"] if entities else []), *(["unit"] if units else [])]
    rows: list[list[Cell]] = [[*head, "period", DAY_COLUMNS[0], "end", *DAY_COLUMNS[1:], *names, *EVIDENCE]]
    for position, account, table in tables:
        evidence: list[Cell] = [position.n_windows, position.n_judged, position.indicative]
        first: list[Cell] = [account.entity or ALL] if entities else []
        first += [position.unit or ""] if units else []
        rows += [[*first, *row.cells, *(row.columns.get(name) for name in names), *evidence] for row in table]
    return csv_for_people(rows)


@dataclass(frozen=True)
class _Row:
    """A period: what stands before the amounts, and the amounts by the name of their column."""

    cells: Sequence[Cell]
    columns: Mapping[str, Cell]


def _table(account: Account, calendar: Calendar, amounts: Amounts) -> list[_Row]:
    days = named_days(calendar, account.ds)
    columns = _flows(account.flows, amounts) | _of_days(account, amounts) | _at_end(account, amounts)
    rows = [
        _Row(("day", day.date, day.date, *day.cells[1:]), {name: cells[i] for name, cells in columns.items()})
        for i, day in enumerate(days)
    ]
    nothing: list[Cell] = [None] * (len(DAY_COLUMNS) - 1)
    for unit, totals in account.totals.items():
        sums, ends = _flows(totals.flows, amounts), _at_end(account, amounts, _last(totals.spans))
        columns = sums | ends
        rows += [
            _Row((unit, iso(span.start), iso(span.end), *nothing), {name: cells[i] for name, cells in columns.items()})
            for i, span in enumerate(totals.spans)
        ]
    return rows


def _last(spans: Sequence[Span]) -> IntArray:
    """Places of the last days."""
    return np.array([span.days.stop - 1 for span in spans])


def _flows(flows: Mapping[str, Banded], amounts: Amounts) -> dict[str, list[Cell]]:
    return {name: cells for side in SIDES for name, cells in _banded(side, flows[side], amounts).items()}


def _banded(name: str, banded: Banded, amounts: Amounts) -> dict[str, list[Cell]]:
    """A forecast and its quantiles."""
    column = amounts.column(name)
    ends = {f"{column}_{quantile_name(p)}": _cells(values, amounts) for p, values in banded.quantiles.items()}
    return {column: _cells(banded.point, amounts), **ends}


def _of_days(account: Account, amounts: Amounts) -> dict[str, list[Cell]]:
    """What is said of single days."""
    buffers = {level: _cells(account.day_buffer(level), amounts) for level in COVERED}
    return {
        "chance_of_outflow": _chances(account.chance_of_outflow),
        "rank": account.ranks.tolist(),
        **{f"{amounts.column('day_buffer')}_{level}": cells for level, cells in buffers.items()},
    }


def _at_end(account: Account, amounts: Amounts, places: IntArray | None = None) -> dict[str, list[Cell]]:
    """Balance, chances and buffers at the end of some days, of all by default."""
    at = np.arange(len(account.ds)) if places is None else places
    start = account.opening or 0.0
    flowed = {p: values[at] - start for p, values in account.balance.quantiles.items()}
    found = _banded("cumulative", Banded(account.balance.point[at] - start, flowed), amounts)
    if account.opening is not None:
        ends = {p: values[at] for p, values in account.balance.quantiles.items()}
        found |= _banded("balance", Banded(account.balance.point[at], ends), amounts)
    for risk in account.limits:
        name = risk.limit.name
        found[f"chance_below_{name}"] = _chances(risk.chance[at])
        found[f"chance_below_{name}_so_far"] = _chances(risk.so_far[at])
        for level, values in risk.buffers.items():
            found[f"{amounts.column(f'buffer_{name}')}_{level}"] = _cells(values[at], amounts)
    return found


def _cells(values: FloatArray, amounts: Amounts) -> list[Cell]:
    return [amounts.amount(float(value)) for value in values]


def _chances(values: FloatArray) -> list[Cell]:
    return [round(float(value), 4) for value in values]
