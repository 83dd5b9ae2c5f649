"""The distribution of the net outflow of the days to come, and the cash that covers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ensembles.risk.liquidity.error_model import ErrorModel, quantiles
from ensembles.risk.liquidity.exceedance import Exceedance, ExceedanceKind, measure_exceedance
from ensembles.risk.liquidity.flows import Flows
from forecasting.schema import DateArray, FloatArray, IntArray
from forecasting.seeding import generator

__all__ = ["COVERED", "Liquidity", "NetOutflow", "liquidity_at_risk"]

N_DRAWS = 4000
QUANTILES = (5, 50, 95, 99)
COVERED = (95, 99)
"""Percent of cases that a buffer covers."""


@dataclass(frozen=True)
class NetOutflow:
    """Net outflow (what goes out less what comes in) of one entity, or of all together; arrays ``[horizon]``.

    `forecast` what the blend forecasts; `daily` and `cumulative` quantiles by percent; `chance` that more goes out
    than comes in; `peak` by percent the largest cumulative outflow of the horizon.
    """

    entity: str
    ds: DateArray
    forecast: FloatArray
    daily: Mapping[int, FloatArray]
    cumulative: Mapping[int, FloatArray]
    chance: FloatArray
    peak: Mapping[int, float]

    def buffer(self, level: int) -> FloatArray:
        """Cash that covers the outflow of a single day in `level` percent of cases, ``[horizon]``, at least 0."""
        return np.maximum(self.daily[level], 0.0)

    def month_buffer(self, level: int) -> float:
        """Cash that, held on the first day, lasts the whole horizon in `level` percent of cases."""
        return max(self.peak[level], 0.0)

    @property
    def ranks(self) -> IntArray:
        """1 for the day with the largest 99% quantile, ``[horizon]``."""
        order = np.lexsort((np.arange(len(self.ds)), -self.daily[99]))
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = np.arange(1, len(order) + 1)
        return ranks


@dataclass(frozen=True)
class Liquidity:
    """`total` over all entities, `entities` each of them when there are several; `exceedances` what the procedure
    would have been worth; `n_windows` that errors came from, `n_judged` those it could be judged on.
    """

    total: NetOutflow
    entities: tuple[NetOutflow, ...]
    exceedances: tuple[Exceedance, ...]
    n_windows: int
    n_judged: int

    def exceedance(self, kind: ExceedanceKind, level: int) -> Exceedance:
        """The test of all entities together."""
        return next(e for e in self.exceedances if (e.scope, e.kind, e.level) == ("together", kind, level))

    @property
    def indicative(self) -> bool:
        """Fewer than 3 windows could judge it."""
        return self.n_judged < 3


def liquidity_at_risk(flows: Flows, seed: int) -> Liquidity:
    """Distribution of the net outflow from the errors of all windows, and its test on them.

    Parameters
    ----------
    seed
        The run's: the same flows and seed give the same numbers.
    """
    model = ErrorModel.of(flows.y_hat, flows.y, flows.windows, flows.half_life)
    drawn = model.draw(N_DRAWS, len(flows.ds), generator(seed, "liquidity"))
    total, each = np.zeros(drawn.days.shape), []
    for entity, name in enumerate(flows.entities):
        outflow = model.net_outflow(flows.ahead[:, entity], entity, drawn)
        each.append(_net_outflow(name, flows.ds, flows.ahead[1, entity] - flows.ahead[0, entity], outflow))
        total += outflow
    everything = _net_outflow("", flows.ds, (flows.ahead[1] - flows.ahead[0]).sum(axis=0), total)
    exceedances, n_judged = measure_exceedance(flows, COVERED, seed)
    return Liquidity(everything, tuple(each) if len(each) > 1 else (), exceedances, len(flows.cutoffs), n_judged)


def _net_outflow(entity: str, ds: DateArray, forecast: FloatArray, outflow: FloatArray) -> NetOutflow:
    cumulative = outflow.cumsum(axis=1)
    ends, sums = (quantiles(values, np.array(QUANTILES) / 100) for values in (outflow, cumulative))
    peaks = quantiles(cumulative.max(axis=1, keepdims=True), np.array(COVERED) / 100)[:, 0]
    return NetOutflow(
        entity,
        ds,
        forecast,
        dict(zip(QUANTILES, ends, strict=True)),
        dict(zip(QUANTILES, sums, strict=True)),
        (outflow > 0).mean(axis=0),
        dict(zip(COVERED, peaks.tolist(), strict=True)),
    )
