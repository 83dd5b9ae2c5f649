"""How often bands and buffers of the cash position would have held, by what the procedure knew at the time.

For each window the draws are made from errors of earlier windows, and each actual sum has its place among its draws, as
a share below it. A band or buffer failed where that place lies beyond its ends.

The days of a week are correlated, and so are those of a window. So the interval of a share counts a week as one
observation of single days and of weeks, and a window as one observation of longer sums.

References
----------
Dawid (1984), Present position and potential developments: the prequential approach. Clopper and Pearson (1934), The use
of confidence or fiducial limits illustrated in the case of the binomial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ensembles.bands.quantiles import ends_of
from ensembles.judging.intervals import CONFIDENCE
from ensembles.oof import known_before, last_dates
from ensembles.risk.cash.draws import Draws, JointDraws, errors_of
from ensembles.risk.cash.error_model import ErrorModel
from ensembles.risk.cash.flows import Flows
from ensembles.risk.cash.spans import UNITS, Unit, spans_of
from forecasting.schema import BoolArray, FloatArray, IntArray
from forecasting.seeding import generator

__all__ = ["CashTest", "Kind", "Share", "judge_cash", "places_of_window"]

N_DRAWS = 2000
WEEK = 7
Scope = Literal["together", "each"]
Kind = Literal["day", "sum", "lowest", "band of a day", "band of the balance", "band of a week", "band of a month"]
BUFFERS: Mapping[Kind, str] = {"day": "day", "sum": "balance", "lowest": "lowest"}
BANDS: Mapping[Kind, str] = {
    "band of a day": "day",
    "band of the balance": "balance",
    "band of a week": "week",
    "band of a month": "month",
}
"""What each test looks at: a day's net flow, the balance of a day, the lowest balance of a window, or a sum."""


@dataclass(frozen=True)
class Share:
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
        """Share that went beyond."""
        return self.beyond / self.n if self.n else float("nan")


@dataclass(frozen=True)
class CashTest:
    """One test, of all accounts together or of each: meant to fail in ``100 - level`` percent of cases. A `kind` that
    is a band fails on either side, a buffer where less was left than it covers.

    `honest` with errors of earlier windows only, `in_sample` with errors of all windows, the judged one included.
    """

    scope: Scope
    kind: Kind
    level: int
    honest: Share
    in_sample: Share

    @property
    def is_band(self) -> bool:
        return self.kind in BANDS

    @property
    def meant(self) -> float:
        """Share that was meant to go beyond."""
        return 1 - self.level / 100

    @property
    def too_often(self) -> bool:
        """More than twice as often as meant, honestly counted."""
        return self.honest.share > 2 * self.meant


Places = Mapping[str, FloatArray]
"""Share of the draws below the actual value by what is looked at, ``[n_accounts, n]``; NaN where it is not known."""


def judge_cash(
    flows: Flows, pairs: Mapping[str, tuple[int, int]], covered: Sequence[int], levels: Sequence[int], seed: int
) -> tuple[tuple[CashTest, ...], int]:
    """Every test, and the number of windows that had earlier ones.

    Parameters
    ----------
    pairs
        Rows of what comes in and what goes out by entity.
    covered, levels
        Percent of cases that buffers cover, and that bands hold.
    """
    everything = np.arange(len(flows.cutoffs))
    before = known_before(flows.cutoffs, last_dates(flows.windows))
    judged = {k: before[k] for k in range(len(before)) if len(before[k])}
    honest = _places(flows, pairs, judged, seed)
    in_sample = _places(flows, pairs, dict.fromkeys(range(len(before)), everything), seed)
    scopes: tuple[Scope, ...] = ("together", "each") if len(pairs) > 1 else ("together",)
    asked: list[tuple[Kind, int]] = [(kind, level) for kind in BUFFERS for level in covered]
    asked += [(kind, level) for kind in BANDS for level in levels]
    tests = [
        CashTest(scope, kind, level, *(_share(found[scope], kind, level) for found in (honest, in_sample)))
        for scope in scopes
        for kind, level in asked
    ]
    return tuple(test for test in tests if test.in_sample.n), len(judged)


def _share(windows: Sequence[Places], kind: Kind, level: int) -> Share:
    """How often a test failed in windows."""
    seen = BUFFERS.get(kind) or BANDS[kind]
    low, high = (1 - level / 100, 1.0) if kind in BUFFERS else ends_of(level)
    places = [window[seen] for window in windows if seen in window]
    known = [~np.isnan(place) for place in places]
    n, beyond = sum(int(k.sum()) for k in known), sum(int(((p < low) | (p > high)).sum()) for p in places)
    if n == 0:
        return Share(0, 0, float("nan"), float("nan"))
    of_all = sum(int(k.any(axis=0).sum()) for k in known)
    windows_known = float(sum(bool(k.any()) for k in known))
    independent = {"day": of_all / WEEK, "week": float(of_all)}.get(seen, windows_known)
    return Share(beyond, n, *_clopper_pearson(beyond / n * independent, max(independent, 1.0)))


def _clopper_pearson(hits: float, n: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(hits, n - hits + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return low, high


def _places(
    flows: Flows, pairs: Mapping[str, tuple[int, int]], errors_from: Mapping[int, IntArray], seed: int
) -> dict[Scope, list[Places]]:
    """By scope, the places of each judged window, from the errors of other windows."""
    found: dict[Scope, list[Places]] = {"together": [], "each": []}
    models: dict[bytes, ErrorModel] = {}
    for window, past in errors_from.items():
        key = past.tobytes()
        if key not in models:  # windows share what they may look at
            models[key] = errors_of(flows, past)
        each = places_of_window(flows, pairs, window, models[key], seed)
        found["together"].append(each.pop())
        if len(pairs) > 1:
            found["each"].append({seen: np.concatenate([one[seen] for one in each]) for seen in each[0]})
    return found


def places_of_window(
    flows: Flows, pairs: Mapping[str, tuple[int, int]], window: int, model: ErrorModel, seed: int
) -> list[Places]:
    """Places of each account in a window, and last of all together. Sums go over the days that are known."""
    n_days = int(flows.horizons[window])
    made, came = (values[:, window, :n_days] for values in (flows.y_hat, flows.y))
    drawn = model.draw(N_DRAWS, n_days, generator(seed, f"cash of {flows.cutoffs[window]}"))
    joint = JointDraws(model, np.nan_to_num(made), drawn)
    spans = {unit: [span.days for span in spans_of(flows.windows[window, :n_days], unit)] for unit in UNITS}
    total, actual, known_any = np.zeros(drawn.days.shape), np.zeros(n_days), np.zeros(n_days, dtype=bool)
    found: list[Places] = []
    for inward, outward in pairs.values():
        known = ~np.isnan(came[inward] - came[outward])
        net = joint.total({inward: 1.0, outward: -1.0}).values * known[:, None]
        mine = np.where(known, came[inward] - came[outward], 0.0)
        if len(pairs) > 1:
            found.append(_seen(Draws(net), mine, known, spans))
        total, actual, known_any = total + net, actual + mine, known_any | known
    return [*found, _seen(Draws(total), actual, known_any, spans)]


def _seen(net: Draws, actual: FloatArray, known: BoolArray, spans: Mapping[Unit, Sequence[slice]]) -> Places:
    """Places of one account's net flow, balance, lowest balance and sums; a balance is known from the first known day
    on, a sum where any of its days is.
    """
    balance, begun = net.running(), np.logical_or.accumulate(known)
    sums = np.cumsum(actual)
    places = {
        "day": np.where(known, net.place(actual), np.nan),
        "balance": np.where(begun, balance.place(sums), np.nan),
        "lowest": np.where(begun[-1:], Draws(balance.lowest().values[-1:]).place(sums.min(keepdims=True)), np.nan),
    }
    for unit, days in spans.items():
        if days:
            place = net.over(days).place(np.array([actual[d].sum() for d in days]))
            places[unit] = np.where([known[d].any() for d in days], place, np.nan)
    return {seen: place[None] for seen, place in places.items()}
