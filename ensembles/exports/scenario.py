"""scenario.csv: the forecast and a scenario of it side by side, one row per series and day.

Differences are those of the amounts as they are written, in decimal arithmetic. After the series come, where a balance
is known, the net flow and the balance of all accounts together and of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ensembles.bands.quantiles import quantile_name
from ensembles.exports.layout import Cell, csv_for_people
from ensembles.exports.why import decimal_text
from ensembles.files.amounts import Amounts
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.table import Quantiles
from ensembles.treasury.totals import EXACT, NET_FLOW, written_amounts
from forecasting.schema import DS, UNIQUE_ID, DateArray, iso

if TYPE_CHECKING:
    from ensembles.risk.cash.position import Account

__all__ = [
    "BALANCE",
    "SCENARIO",
    "Compared",
    "compared_accounts",
    "compared_columns",
    "compared_series",
    "scenario_csv",
]

SCENARIO = "scenario.csv"
BALANCE = "balance"
ALL = "all"
"""Stands for all accounts of a panel together, as in cash.csv."""


@dataclass(frozen=True)
class Compared:
    """Amounts ``[n_days]`` of a series, a net flow or a balance, as they are written, in the forecast and in the
    scenario; quantiles by probability in the unit of the data.
    """

    entity: str | None
    target: str
    unique_id: str
    ds: DateArray
    base: tuple[Decimal, ...]
    scenario: tuple[Decimal, ...]
    base_quantiles: Quantiles
    scenario_quantiles: Quantiles

    @cached_property
    def difference(self) -> tuple[Decimal, ...]:
        """The scenario less the forecast, ``[n_days]``."""
        return tuple(EXACT.subtract(new, old) for old, new in zip(self.base, self.scenario, strict=True))


def compared_series(base: ForecastFile, scenario: ForecastFile, amounts: Amounts) -> Iterator[Compared]:
    """The series of two forecasts of the same days, in the forecast's order."""
    changed = scenario.blend_by_series()
    for series, old in base.blend_by_series().items():
        new, uid = changed[series], str(old.unique_id[0])
        was = written_amounts(old, series.target, amounts)
        same = np.array_equal(old.y_hat, new.y_hat)
        would = was if same else written_amounts(new, series.target, amounts)
        bands, others = (
            {p: amounts.rounded(v, series.target) for p, v in rows.quantiles.items()} for rows in (old, new)
        )
        yield Compared(series.entity, series.target, uid, old.ds, was, would, bands, others)


def compared_accounts(
    base: Sequence[Account], scenario: Sequence[Account], amounts: Amounts, *, panel: bool
) -> Iterator[Compared]:
    """Net flow of each account, and its balance where both know the opening.

    Parameters
    ----------
    panel
        Accounts are entities; those together are called all.
    """
    for old, new in zip(base, scenario, strict=True):
        entity = (old.entity or ALL) if panel else None
        found = {NET_FLOW: (old.flows["net_flow"], new.flows["net_flow"])}
        if old.opening is not None and new.opening is not None:
            found[BALANCE] = old.balance, new.balance
        for target, (was, would) in found.items():
            uid = target if entity is None else f"{entity}/{target}"
            first, then = (tuple(Decimal(amounts.amount(float(v))) for v in banded.point) for banded in (was, would))
            yield Compared(entity, target, uid, old.ds, first, then, was.quantiles, would.quantiles)


def compared_columns(lines: Sequence[Compared]) -> dict[str, NDArray[Any]]:
    """One row per line and day, ``[n_lines * n_days]`` each: unique_id, entity, target, ds, base, scenario, difference
    and the quantiles of both, as ``base_q10``, in the unit shown.
    """
    n_days = [len(line.ds) for line in lines]
    found: dict[str, NDArray[Any]] = {
        name: np.repeat(np.array([getattr(line, name) for line in lines], dtype=object), n_days)
        for name in (UNIQUE_ID, "entity", "target")
    }
    found[DS] = np.concatenate([line.ds for line in lines])
    for name in ("base", "scenario", "difference"):
        found[name] = np.array([amount for line in lines for amount in getattr(line, name)], dtype=np.float64)
    for p in sorted(lines[0].base_quantiles):
        for name in ("base", "scenario"):
            parts = [getattr(line, f"{name}_quantiles").get(p, np.full(len(line.ds), np.nan)) for line in lines]
            found[f"{name}_{quantile_name(p)}"] = np.concatenate(parts)
    return found


def scenario_csv(lines: Sequence[Compared], amounts: Amounts) -> bytes:
    """A header, then the days in order of each line; in a panel the entity first."""
    panel = any(line.entity is not None for line in lines)
    probabilities = sorted(lines[0].base_quantiles)
    ends = [f"{which}_{quantile_name(p)}" for p in probabilities for which in ("base", "scenario")]
    head = ["entity", "target"] if panel else ["target"]
    header = [*head, "date", *(amounts.column(name) for name in ("base", "scenario", "difference", *ends))]
    return csv_for_people([header, *(row for line in lines for row in _rows(line, probabilities, amounts, panel))])


def _rows(line: Compared, probabilities: Sequence[float], amounts: Amounts, panel: bool) -> Iterator[list[Cell]]:
    head: list[Cell] = [line.entity, line.target] if panel else [line.target]
    ends = [cells for p in probabilities for cells in _ends(line, p, amounts)]
    for i, day in enumerate(line.ds):
        points = map(decimal_text, (line.base[i], line.scenario[i], line.difference[i]))
        yield [*head, iso(day), *points, *(cells[i] for cells in ends)]


def _ends(line: Compared, p: float, amounts: Amounts) -> tuple[list[Cell], list[Cell]]:
    """A quantile of the forecast and of the scenario, written once where both are the same; empty where not known."""
    nothing = np.full(len(line.ds), np.nan)
    base, scenario = (ends.get(p, nothing) for ends in (line.base_quantiles, line.scenario_quantiles))
    cells: list[Cell] = [None if isnan(end) else amounts.amount(end) for end in base.tolist()]
    if base is scenario or np.array_equal(base, scenario, equal_nan=True):
        return cells, cells
    return cells, [None if isnan(end) else amounts.amount(end) for end in scenario.tolist()]
