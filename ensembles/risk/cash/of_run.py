"""The cash position of a run, or of a forecast that follows newer data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ensembles.bands.quantiles import MEDIAN, ends_of
from ensembles.risk.cash.backtest import judge_cash
from ensembles.risk.cash.draws import joint_draws
from ensembles.risk.cash.flows import Flows, flows_of_run
from ensembles.risk.cash.position import COVERED, CashPosition, accounts_of
from ensembles.risk.cash.terms import CashTerms

if TYPE_CHECKING:
    from ensembles.files.forecast_parquet import ForecastFile
    from ensembles.files.oof_parquet import OofFile
    from ensembles.files.run_json import RunFile
    from forecasting.schema import FloatArray

__all__ = ["cash_of", "cash_position", "quantiles_of_sums"]


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
    positions, several = [], len(set(run.units.values())) > 1
    for unit, flows, terms in _by_unit(run, oof, forecast, net, balances):
        if (found := cash_position(flows, net, terms, run.seed)) is not None:
            alone = (replace(found.total, entity=next(iter(flows.pairs(net)))),)
            positions.append(replace(found, accounts=found.accounts or alone, unit=unit) if several else found)
    return tuple(positions)


def _by_unit(
    run: RunFile, oof: OofFile, forecast: ForecastFile, net: tuple[str, str], balances: Mapping[str, float]
) -> Iterator[tuple[str | None, Flows, CashTerms]]:
    """The flows in each unit, with what is given for them; of a run on entities of one unit all of them."""
    flows = flows_of_run(oof, forecast, run.amounts, run.axis.freq)
    if flows is None:
        return
    terms = CashTerms.of(balances, run.config["data"].get("limits") or {}, tuple(run.config.get("bands", (80, 95))))
    parts = flows.in_units(run.units) if run.units else [(None, flows)]
    for unit, part in parts:
        yield unit, part, terms.together(part.pairs(net), None if unit in run.units else unit)


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
