"""How often the actual net outflow exceeded the quantiles that the procedure would have given at the time.

The days of a week are correlated, and so are those of a window. So the interval of a share counts a week as one
observation of single days and a window as one observation of sums.

References
----------
Clopper and Pearson (1934), The use of confidence or fiducial limits illustrated in the case of the binomial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ensembles.judging.intervals import CONFIDENCE
from ensembles.oof import known_before, last_dates
from ensembles.risk.liquidity.error_model import BLOCK, ErrorModel, quantiles
from ensembles.risk.liquidity.flows import Flows
from forecasting.schema import BoolArray, FloatArray, IntArray
from forecasting.seeding import generator

__all__ = ["Exceedance", "ExceedanceKind", "ExceededShare", "measure_exceedance"]

N_DRAWS = 2000
ExceedanceKind = Literal["day", "sum", "window"]
KINDS: tuple[ExceedanceKind, ...] = ("day", "sum", "window")


@dataclass(frozen=True)
class ExceededShare:
    """`beyond` of `n` went beyond; `low` and `high` enclose the share at `CONFIDENCE`, NaN without any."""

    beyond: int
    n: int
    low: float
    high: float

    @property
    def held(self) -> int:
        """Of `n`, how many did not go beyond."""
        return self.n - self.beyond

    @property
    def share(self) -> float:
        return self.beyond / self.n if self.n else float("nan")


@dataclass(frozen=True)
class Exceedance:
    """One test: `kind` day (its net outflow), sum (the cumulative outflow at the end of a day) or window (the largest
    cumulative outflow); `scope` all together or each entity; meant to be exceeded in ``100 - level`` percent.

    `honest` with errors of earlier windows only, `in_sample` with errors of all windows, the judged one included.
    """

    scope: Literal["together", "each"]
    kind: ExceedanceKind
    level: int
    honest: ExceededShare
    in_sample: ExceededShare

    @property
    def meant(self) -> float:
        """Share that was meant to go beyond."""
        return 1 - self.level / 100

    @property
    def too_often(self) -> bool:
        """More than twice as often as meant, honestly counted."""
        return self.honest.share > 2 * self.meant


Beyond = dict[tuple[str, str, int], list[FloatArray]]
"""By scope, kind and level, for each window ``[n_entities, n]``: 1 beyond, 0 not, NaN where it cannot be judged."""


def measure_exceedance(flows: Flows, levels: Sequence[int], seed: int) -> tuple[tuple[Exceedance, ...], int]:
    """Every test, and the number of windows that had earlier ones."""
    everything = np.arange(len(flows.cutoffs))
    before = known_before(flows.cutoffs, last_dates(flows.windows))
    judged = [k for k in range(len(before)) if len(before[k])]
    honest = _beyond(flows, {k: before[k] for k in judged}, levels, seed)
    in_sample = _beyond(flows, dict.fromkeys(range(len(before)), everything), levels, seed)
    scopes: tuple[Literal["together", "each"], ...] = ("together", "each") if len(flows.entities) > 1 else ("together",)
    rows = []
    for scope in scopes:
        for kind in KINDS:
            for level in levels:
                shares = (_share(found.get((scope, kind, level), []), kind) for found in (honest, in_sample))
                rows.append(Exceedance(scope, kind, level, *shares))
    return tuple(rows), len(judged)


def _share(found: Sequence[FloatArray], kind: ExceedanceKind) -> ExceededShare:
    """Of arrays ``[n_entities, n]``, one per window."""
    judged = [~np.isnan(f) for f in found]
    beyond, n = sum(int((f == 1).sum()) for f in found), sum(int(known.sum()) for known in judged)
    if n == 0:
        return ExceededShare(0, 0, float("nan"), float("nan"))
    n_days = sum(int(known.any(axis=0).sum()) for known in judged)
    independent = n_days / BLOCK if kind == "day" else sum(bool(known.any()) for known in judged)
    return ExceededShare(beyond, n, *_clopper_pearson(beyond / n * independent, max(independent, 1.0)))


def _clopper_pearson(hits: float, n: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(hits, n - hits + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return low, high


def _beyond(flows: Flows, errors_from: dict[int, IntArray], levels: Sequence[int], seed: int) -> Beyond:
    """For every judged window, whether the actual values exceeded the quantiles made from errors of other windows.

    Sums go over the days that are known.
    """
    found: Beyond = {}
    models: dict[bytes, ErrorModel] = {}
    for window, past in errors_from.items():
        n_days, key = int(flows.horizons[window]), past.tobytes()
        if key not in models:  # windows share what they may look at
            y_hat, y = flows.y_hat[:, :, past], flows.y[:, :, past]
            models[key] = ErrorModel.of(y_hat, y, flows.windows[past], flows.half_life)
        model = models[key]
        drawn = model.draw(N_DRAWS, n_days, generator(seed, f"liquidity of {flows.cutoffs[window]}"))
        made, came = (values[:, :, window, :n_days] for values in (flows.y_hat, flows.y))
        unknown = np.isnan(came[1] - came[0])
        actual, total = np.where(unknown, 0.0, came[1] - came[0]), np.zeros(drawn.days.shape)
        each = []
        for entity in range(len(flows.entities)):
            outflow = model.net_outflow(np.nan_to_num(made[:, entity]), entity, drawn)
            outflow = np.where(unknown[entity], 0.0, outflow)
            total += outflow
            each += [_limits(outflow, levels)] if len(flows.entities) > 1 else []
        together = _Actual(actual.sum(axis=0)[None], unknown.all(axis=0)[None])
        _judge(found, "together", levels, [_limits(total, levels)], together)
        if each:
            _judge(found, "each", levels, each, _Actual(actual, unknown))
    return found


@dataclass(frozen=True)
class _Actual:
    """Actual net outflows ``[n, n_days]``, 0 on days that are `unknown`."""

    outflow: FloatArray
    unknown: BoolArray

    @property
    def judged(self) -> dict[ExceedanceKind, BoolArray]:
        """Which days, sums and windows have a known day."""
        nothing_yet = np.logical_and.accumulate(self.unknown, axis=1)
        return {"day": ~self.unknown, "sum": ~nothing_yet, "window": ~nothing_yet[:, -1:]}


_Limits = dict[ExceedanceKind, FloatArray]
"""Quantiles of an entity's draws by kind, ``[n_levels, n]``."""


def _limits(outflow: FloatArray, levels: Sequence[int]) -> _Limits:
    """From draws ``[n_draws, n_days]``, which need not be kept: those of thousands of entities fill no memory."""
    cumulative, share = outflow.cumsum(axis=1), np.array(levels) / 100
    return {
        "day": quantiles(outflow, share),
        "sum": quantiles(cumulative, share),
        "window": quantiles(cumulative.max(axis=1, keepdims=True), share),
    }


def _judge(found: Beyond, scope: str, levels: Sequence[int], limits_of: Sequence[_Limits], actual: _Actual) -> None:
    """Compare actual net outflows with the limits of each."""
    sums, judged = actual.outflow.cumsum(axis=1), actual.judged
    observed = {"day": actual.outflow, "sum": sums, "window": sums.max(axis=1, keepdims=True)}
    for kind in KINDS:
        limits = np.stack([limits[kind] for limits in limits_of])  # [n, n_levels, n_days]
        for i, level in enumerate(levels):
            beyond = np.where(judged[kind], observed[kind] > limits[:, i], np.nan)
            found.setdefault((scope, kind, level), []).append(beyond)
