"""Whether rates, or other past covariates, go with the flows of the same day or of days after.

Both are compared with the days around them, and flows with their weekday too: growth and slow drifts of both would
make any two of them look alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ensembles.exploration.fact import Fact, Subject
from ensembles.exploration.material import Material
from ensembles.exploration.statistics import Correlation, correlation
from ensembles.exploration.subjects.totals import COLOURS
from ensembles.exploration.words import and_list, known, numbered
from ensembles.report.charts.chart import Area, Chart, Layer, Line
from forecasting.schema import FloatArray

__all__ = ["LAGS", "SUBJECT"]

LAGS = 14
"""Most periods by which a rate is looked at before a flow."""
NEAR = 14
"""A rate is compared with its values at most this many periods away."""


@dataclass(frozen=True)
class _Pair:
    """A rate and a target: correlations at 0 to `LAGS` periods; `sure` is that of `lag`, the largest, with an interval
    that counts all that are looked at.
    """

    rate: str
    target: str
    by_lag: tuple[Correlation, ...]
    lag: int
    sure: Correlation

    def as_json(self) -> dict[str, object]:
        lags = [
            {"lag": lag, "correlation": known(c.value), "low": known(c.low), "high": known(c.high), "n": c.n}
            for lag, c in enumerate(self.by_lag)
        ]
        return {"rate": self.rate, "target": self.target, "stands_out": self.sure.stands_out, "lags": lags}


def rates_fact(material: Material) -> Fact | None:
    names, noun = material.panel.past_names, "rates" if material.kind == "yuebao" else "past covariates"
    if not names:
        what = "there are no rate tables" if material.kind == "yuebao" else "none are named in data.past"
        return Fact(f"No {noun} are compared with the flows: {what}.")
    rates = {name: _deviation(values) for name, values in _values(material).items()}
    constant = [name for name, values in rates.items() if values is None]
    pairs = _pairs(material, {name: values for name, values in rates.items() if values is not None})
    if not pairs:
        return Fact(f"No {noun} can be compared with the flows: they are constant, or too few days are known.")
    best = max(pairs, key=lambda pair: abs(pair.sure.value))
    numbers = {"compared": len(pairs) * (LAGS + 1), "constant": constant, "pairs": [pair.as_json() for pair in pairs]}
    return Fact(_sentence(material, best, pairs, noun), numbers, _chart(material, pairs))


def _values(material: Material) -> Mapping[str, FloatArray]:
    """Each covariate ``[n]``, the mean over series where they have their own."""
    past = material.panel.past
    there = ~np.isnan(past)
    counts = there.sum(axis=0)
    means = np.where(counts > 0, np.nansum(past, axis=0) / np.maximum(counts, 1), np.nan)
    return dict(zip(material.panel.past_names, means.T, strict=True))


def _deviation(values: FloatArray) -> FloatArray | None:
    """A covariate less the median of its neighbours; None where it does not change."""
    there = ~np.isnan(values)
    if there.sum() < 2 * NEAR or np.ptp(values[there]) == 0:
        return None
    padded = np.pad(values[there], NEAR, mode="reflect")
    near = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * NEAR + 1), axis=1)
    left = np.full(len(values), np.nan)
    left[there] = values[there] - near
    return left


def _pairs(material: Material, rates: Mapping[str, FloatArray]) -> list[_Pair]:
    flows = {target: rest for target, rest in material.rest.items() if not np.isnan(rest).all()}
    compared = len(rates) * len(flows) * (LAGS + 1)
    found = []
    for name, rate in rates.items():
        for target, rest in flows.items():
            lagged = [_before(rate, lag) for lag in range(LAGS + 1)]
            by_lag = tuple(correlation(x, rest) for x in lagged)
            sizes = np.array([abs(c.value) for c in by_lag])
            if np.isnan(sizes).all():
                continue
            lag = int(np.nanargmax(sizes))
            found.append(_Pair(name, target, by_lag, lag, correlation(lagged[lag], rest, compared)))
    return found


def _before(values: FloatArray, lag: int) -> FloatArray:
    """What stood `lag` periods before each, ``[n]``; NaN before the first."""
    return np.concatenate([np.full(lag, np.nan), values[: len(values) - lag]])


def _sentence(material: Material, best: _Pair, pairs: list[_Pair], noun: str) -> str:
    n = len(pairs) * (LAGS + 1)
    found = best.by_lag[best.lag]
    when = "on the same day" if best.lag == 0 else f"{numbered(best.lag, material.noun)} before"
    if material.axis.freq == "W" and best.lag == 0:
        when = "in the same week"
    ends = f"90% interval {found.low:+z.2f} to {found.high:+z.2f}"
    what = f"{best.rate} {when} and {best.target}: {found.value:+z.2f}, {ends}"
    chance = f"Of {n:,} correlations of {noun} with flows the largest is that of {what}"
    if not best.sure.stands_out:
        return f"{chance}, no more than chance among so many."
    others = sorted({pair.rate for pair in pairs if pair.sure.stands_out} - {best.rate})
    also = f"; {and_list(others)} stand{'s' if len(others) == 1 else ''} out too" if others else ""
    return f"{chance}, more than chance among so many{also}."


def _chart(material: Material, pairs: list[_Pair]) -> Chart:
    lags = np.arange(LAGS + 1)
    layers: list[Layer] = []
    for target, colour in zip(material.targets, COLOURS, strict=False):
        mine = [pair for pair in pairs if pair.target == target]
        if mine:
            pair = max(mine, key=lambda one: abs(one.sure.value))
            ends = [np.array([getattr(c, end) for c in pair.by_lag]) for end in ("low", "high", "value")]
            name = f"{pair.rate} and {target}"
            layers += [Area("", lags, ends[0], ends[1], colour), Line(name, lags, ends[2], colour, 2)]
    layers.append(Line("none", lags, np.zeros(len(lags)), "actual", 1, dashed=True))
    title = "correlation of each target with what goes with it most, with 90% intervals"
    label = f"{material.axis.noun} from the rate to the flow"
    return Chart("explore-rates", title, "number", "correlation", layers, x_label=label)


SUBJECT = Subject("rates", "Rates against flows", 90, rates_fact)
