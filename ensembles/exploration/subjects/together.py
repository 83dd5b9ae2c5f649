"""Series that move together, once their weekdays and what is slow are taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.exploration.fact import Fact, Subject
from ensembles.exploration.material import Material
from ensembles.exploration.statistics import Correlation, correlation
from ensembles.exploration.words import known, numbered
from ensembles.report.charts.chart import Bars, Chart, Dots, Layer
from forecasting.schema import FloatArray, IntArray

__all__ = ["SUBJECT"]

MOST_SERIES = 3000
"""Series that are compared, the largest ones: all pairs of them are looked at."""
MOST_TOLD = 50
"""Pairs that JSON holds, the most alike first."""
FAR = 4.0
"""Robust standard deviations at which a day is cut, so that a single one makes no two series alike."""
FEWEST_DAYS = 30
BINS = np.linspace(-1.0, 1.0, 41)


@dataclass(frozen=True)
class _Pairs:
    """Correlations `values` ``[n_pairs]`` of the series with the places `one` and `other`."""

    values: FloatArray
    one: IntArray
    other: IntArray


def together_fact(material: Material) -> Fact | None:
    if len(material.panel.series) < 2:
        return None
    rest, rows = _cut(material)
    found = _pairs(material, rest, rows)
    if not len(found.values):
        return Fact("No two series can be compared: they are constant, or too short.")
    order = np.argsort(-np.abs(found.values), kind="stable")[:MOST_TOLD]
    names = [material.panel.unique_ids[row] for row in rows]
    best = order[0]
    sure = correlation(rest[found.one[best]], rest[found.other[best]], len(found.values))
    plain = correlation(rest[found.one[best]], rest[found.other[best]])
    numbers = {
        "series": len(rows),
        "pairs": len(found.values),
        "median": float(np.median(found.values)),
        "above_0.5": int((found.values > 0.5).sum()),
        "most_alike": [
            {"series": [names[found.one[k]], names[found.other[k]]], "correlation": float(found.values[k])}
            for k in order
        ],
        "largest": {"low": known(plain.low), "high": known(plain.high), "n": plain.n, "stands_out": sure.stands_out},
    }
    pair = names[found.one[best]], names[found.other[best]]
    sentence = _sentence(found, pair, plain, sure)
    shown = len(found.values) > 2 and material.kind != "yuebao"  # few pairs need no picture
    return Fact(sentence, numbers, _chart(found, pair, best) if shown else None)


def _cut(material: Material) -> tuple[FloatArray, IntArray]:
    """Distances from the usual ``[n, n_periods]`` in robust standard deviations, and the rows of the series."""
    rest = material.cases.rest
    enough = (~np.isnan(rest)).sum(axis=1) >= FEWEST_DAYS
    spread = np.array([np.nanmedian(np.abs(line)) if ok else 0.0 for line, ok in zip(rest, enough, strict=True)])
    rows = np.flatnonzero(enough & (spread > 0))
    if len(rows) > MOST_SERIES:
        sizes = np.nansum(np.abs(material.panel.y[rows]), axis=1)
        rows = np.sort(rows[np.argsort(-sizes)[:MOST_SERIES]])
    return np.clip(rest[rows] / (1.4826 * spread[rows, None]), -FAR, FAR), rows


def _pairs(material: Material, rest: FloatArray, rows: IntArray) -> _Pairs:
    """Every pair of series of different entities; of one table, its targets."""
    there = ~np.isnan(rest)
    means = np.nansum(rest, axis=1) / np.maximum(there.sum(axis=1), 1)
    z = np.where(there, rest - means[:, None], 0.0).astype(np.float32)
    days = there.astype(np.float32)
    common, size = days @ days.T, np.sqrt((z**2) @ days.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (z @ z.T) / (size * size.T)
    r[common < FEWEST_DAYS] = np.nan
    if material.is_panel:
        entity = np.unique([material.panel.series[row].entity or "" for row in rows], return_inverse=True)[1]
        r[entity[:, None] == entity] = np.nan
    one, other = np.nonzero(np.triu(~np.isnan(r), 1))
    return _Pairs(r[one, other].astype(np.float64), one, other)


def _sentence(found: _Pairs, pair: tuple[str, str], plain: Correlation, sure: Correlation) -> str:
    interval = f"correlation {plain.value:+z.2f}, 90% interval {plain.low:+z.2f} to {plain.high:+z.2f}"
    if len(found.values) == 1:
        how = "move together" if plain.value > 0 else "move against each other"
        if not sure.stands_out:
            return f"{pair[0]} and {pair[1]} move on their own: {interval}."
        return f"{pair[0]} and {pair[1]} {how} beyond their weekdays: {interval}."
    strong, n = int((found.values > 0.5).sum()), len(found.values)
    above = "none is" if not strong else "1 is" if strong == 1 else f"{strong:,} are"
    rest = f"the median of {n:,} pairs is {np.median(found.values):+z.2f}, and {above} above 0.5"
    how = "move most together" if plain.value > 0 else "move most against each other"
    chance = "" if sure.stands_out else ", no more than chance among so many"
    return f"{pair[0]} and {pair[1]} {how}: {interval}{chance}; {rest}."


def _chart(found: _Pairs, pair: tuple[str, str], best: int) -> Chart:
    counts, _ = np.histogram(found.values, BINS)
    middle = (BINS[:-1] + BINS[1:]) / 2
    layers: list[Layer] = [
        Bars("pairs of series", middle, counts.astype(float), "forecast", 0.045),
        Dots(f"{pair[0]} and {pair[1]}", np.array([found.values[best]]), np.zeros(1), "bad"),
    ]
    title = "how alike series move, all pairs"
    label = "correlation of their distances from the usual"
    return Chart("explore-together", title, "number", numbered(2, "pair").split()[1], layers, x_label=label)


SUBJECT = Subject("together", "Series that move together", 95, together_fact)
