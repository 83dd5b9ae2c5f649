"""The cash position of a run, or of a forecast that follows newer data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ensembles.bands.quantiles import MEDIAN, ends_of
from ensembles.risk.cash.backtest import judge_cash
from ensembles.risk.cash.draws import joint_draws
from ensembles.risk.cash.flows import Flows, flows_of_run
from ensembles.risk.cash.position import COVERED, Account, CashPosition, accounts_of
from ensembles.risk.cash.terms import CashTerms
from ensembles.risk.cash.views import View, views_of
from forecasting.data.hierarchy.hierarchy import Hierarchy

if TYPE_CHECKING:
    from ensembles.files.forecast_parquet import ForecastFile
    from ensembles.files.oof_parquet import OofFile
    from ensembles.files.run_json import RunFile
    from forecasting.schema import FloatArray

__all__ = ["accounts_ahead", "cash_of", "cash_position", "quantiles_of_sums", "views_of_run"]


def cash_of(
    run: RunFile, oof: OofFile, forecast: ForecastFile, net: tuple[str, str], balances: Mapping[str, float]
) -> tuple[CashPosition, ...]:
    """The position that a forecast leads to, by the errors of the backtest: one for each unit of the entities, without
    the units of which no entity has both targets. Amounts of several units are in no sum together.

    Parameters
    ----------
    net
        Targets that come in and go out.
    balances
        At the end of the data the forecast follows, by entity, by unit of all its entities; "" of all together.
    """
    positions = []
    several, parts = _by_unit(run, oof, forecast, net, balances)
    for unit, part, terms in parts:
        if (found := cash_position(part, net, terms, run.seed)) is None:
            continue
        if several:
            alone = (replace(found.total, entity=next(iter(part.pairs(net)))),)
            found = replace(found, accounts=found.accounts or alone, unit=unit)
        positions.append(found)
    return tuple(positions)


def accounts_ahead(
    run: RunFile,
    oof: OofFile,
    forecast: ForecastFile,
    balances: Mapping[str, float],
    net: tuple[str, str],
    only: Collection[str],
) -> tuple[Account, ...]:
    """The accounts of `cash_of`, without their test on past windows: all of a unit together, by the name of the unit
    where there are several, and after them their entities.

    Parameters
    ----------
    only
        Entities that are wanted besides all together.
    """
    accounts: list[Account] = []
    several, parts = _by_unit(run, oof, forecast, net, balances)
    for unit, part, terms in parts:
        total, *each = accounts_of(part, net, terms, joint_draws(part, run.seed), only) or (None,)
        if total is not None:
            accounts += (replace(total, entity=unit or "") if several else total, *each)
    return tuple(accounts)


def _by_unit(
    run: RunFile, oof: OofFile, forecast: ForecastFile, net: tuple[str, str], balances: Mapping[str, float]
) -> tuple[bool, Sequence[tuple[str | None, Flows, CashTerms]]]:
    """Whether entities have several units; the flows and terms of those of each unit."""
    flows = flows_of_run(oof, forecast, run.amounts, run.axis.freq)
    if flows is None:
        return False, ()
    terms = _terms(run, balances)
    units = {} if run.hierarchy is None else run.hierarchy.units
    several = len(set(units.values())) > 1
    parts = flows.in_units(units) if several else [(next(iter(units.values()), None), flows)]
    # An entity's own balance is not that of a unit of the same name.
    return several, [(u, part, terms.together(part.pairs(net), None if u in units else u)) for u, part in parts]


def _terms(run: RunFile, balances: Mapping[str, float]) -> CashTerms:
    """Openings are taken as they are written: a balance is then the sum of what stands in the files."""
    openings = {name: float(run.amounts.nearest(np.array(amount))) for name, amount in balances.items()}
    return CashTerms.of(openings, run.config["data"].get("limits") or {}, tuple(run.config.get("bands", (80, 95))))


def cash_position(flows: Flows, net: tuple[str, str], terms: CashTerms, seed: int) -> CashPosition | None:
    """The position from the errors of all windows, and its test on them; None where no entity has both targets.

    Parameters
    ----------
    net
        Targets (in, out).
    seed
        The run's: the same flows and seed give the same numbers.
    """
    found = accounts_of(flows, net, terms, joint_draws(flows, seed))
    if not found:
        return None
    tests, n_judged = judge_cash(flows, flows.pairs(net), COVERED, terms.levels, seed)
    return CashPosition(found[0], found[1:], tests, len(flows.cutoffs), n_judged)


def views_of_run(
    run: RunFile, oof: OofFile, forecast: ForecastFile, targets: Sequence[str], positions: Sequence[CashPosition]
) -> tuple[Flows, tuple[View, ...]] | None:
    """The flows and what a reader may pick of them, where any series has a backtest; `positions` are the run's."""
    flows = flows_of_run(oof, forecast, run.amounts, run.axis.freq)
    if flows is None:
        return None
    there = {series.entity or "": None for series in flows.series}
    entities = [e for e in dict.fromkeys((*run.units, *there)) if e in there]
    hierarchy = Hierarchy({e: run.groups.get(e, ()) for e in entities}, {e: run.units.get(e) for e in entities})
    found = views_of(flows, targets, hierarchy, _terms(run, run.data.balances), run.seed, positions)
    return flows, tuple(_with_own_bands(view, flows, forecast) for view in found)


def _with_own_bands(view: View, flows: Flows, forecast: ForecastFile) -> View:
    """A day of a single series has the bands of its forecast, which all files have; sums keep those of the draws."""
    if view.account is not None or any(len(rows) != 1 for rows in view.rows.values()):
        return view
    blend, days, totals = forecast.blend, dict(view.flows), dict(view.totals)
    for target, (row,) in view.rows.items():
        mine = blend.where(np.flatnonzero(blend.unique_id == flows.series[row].unique_id))
        place = np.searchsorted(flows.ds, mine.ds)
        own = {p: values.copy() for p, values in days[target].quantiles.items()}
        for p in own.keys() & mine.quantiles.keys():
            own[p][place] = mine.quantiles[p]
        days[target] = replace(days[target], quantiles=own)
        for name, sums in totals.items():
            alone = {at: span.days.start for at, span in enumerate(sums.spans) if span.days.stop - span.days.start == 1}
            quantiles = {p: values.copy() for p, values in sums.flows[target].quantiles.items()}
            for p, values in quantiles.items():
                values[list(alone)] = own[p][list(alone.values())]
            totals[name] = replace(sums, flows={**sums.flows, target: replace(sums.flows[target], quantiles=quantiles)})
    return replace(view, flows=days, totals=totals)


def quantiles_of_sums(
    run: RunFile, oof: OofFile, forecast: ForecastFile
) -> Callable[[Mapping[str, int]], Mapping[float, FloatArray]]:
    """Gives the quantiles of any sum of series, ``[horizon]`` by probability, from each unique_id with its sign; none
    where one of them has no backtest.
    """
    flows = flows_of_run(oof, forecast, run.amounts, run.axis.freq)
    levels = tuple(run.config.get("bands", (80, 95)))
    asked = (MEDIAN, *(end for level in levels for end in ends_of(level)))
    if flows is None:
        return lambda _: {}
    joint, rows = joint_draws(flows, run.seed), {series.unique_id: row for row, series in enumerate(flows.series)}

    def quantiles(signs: Mapping[str, int]) -> Mapping[float, FloatArray]:
        if not signs.keys() <= rows.keys():
            return {}
        return joint.total({rows[uid]: float(sign) for uid, sign in signs.items()}).quantiles(asked)

    return quantiles
