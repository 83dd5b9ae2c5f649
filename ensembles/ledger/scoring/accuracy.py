"""Accuracy of a ledger's forecasts: by lead time, by week and month totals, by vintage and by series.

Bias is ``Σ(ŷ - y) / Σ|y|``, WAPE ``Σ|ŷ - y| / Σ|y|``, points are those of the score that the configuration names,
coverage is the share of days inside a band. Intervals are those of `ensembles.judging.intervals`: vintages that overlap
are cut into stretches of the calendar, so that a day that many of them forecast stands in one stretch and counts once.
What overlaps is all that an error comes from: the days of a total, and the days up to one that is forecast ahead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ensembles.files.stored import rounded
from ensembles.judging.intervals import Parts
from ensembles.judging.judge import Measured
from ensembles.ledger.scoring.tally import COUNTS, LEADS, SPANS, Tally
from forecasting.schema import DateArray, FloatArray
from forecasting.score.base import Score
from forecasting.score.points import FULL_MARK

__all__ = ["ALL", "Accuracy", "Line", "measured"]

ALL = "all"
FEWEST = 4
"""Forecasts, and stretches of the calendar, that an interval takes: of two it is wider than any value."""
_N, _SIZE, _ERROR, _MISSED, _ABOVE, _BELOW = range(len(COUNTS))
_RANGES = {False: (0.0, FULL_MARK), True: (-math.inf, FULL_MARK)}
"""What the points of a score can be, by whether it is pooled."""
_NONE = Measured(math.nan, math.nan, math.nan)
_Ends = tuple[DateArray, DateArray]
"""First and last days of windows, ``[n_windows]`` each."""


@dataclass(frozen=True)
class Line:
    """A line of a table of scores: of what, how many days (or totals) were judged, and the scores; `coverage` by level
    in percent. NaN where there is nothing to judge.
    """

    name: str
    n: int
    bias: Measured = _NONE
    wape: Measured = _NONE
    points: Measured = _NONE
    coverage: Mapping[int, Measured] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        scores = {"bias": self.bias, "wape": self.wape, "points": self.points}
        return {
            "name": self.name,
            "n": self.n,
            **{name: _json(value) for name, value in scores.items()},
            "coverage": {str(level): _json(value) for level, value in self.coverage.items()},
        }


@dataclass(frozen=True)
class Accuracy:
    """Scores of one target: `by_lead` (all days, lead times, weeks, months), `by_vintage`, `by_series`, and WAPE of
    each of `members` by group of lead times; `sentence` says what the intervals are.
    """

    target: str
    by_lead: tuple[Line, ...]
    by_vintage: tuple[Line, ...]
    by_series: tuple[Line, ...]
    members: Mapping[str, Mapping[str, float]]
    sentence: str

    @property
    def overall(self) -> Line:
        """Of all days."""
        return self.by_lead[0]

    def as_json(self) -> dict[str, Any]:
        lines = {"by_lead": self.by_lead, "by_vintage": self.by_vintage, "by_series": self.by_series}
        members = {name: {at: rounded(value) for at, value in of.items()} for name, of in self.members.items()}
        found = {name: [line.as_json() for line in of] for name, of in lines.items()}
        return {"target": self.target, **found, "members": members, "intervals": self.sentence}


def _json(value: Measured) -> dict[str, float | None]:
    return {"value": rounded(value.value), "low": rounded(value.low), "high": rounded(value.high)}


def measured(target: str, names: Sequence[str], tallies: Sequence[Tally], score: Score) -> Accuracy:
    """Scores of one target from the tallies of its vintages, oldest first, which are called `names`."""
    judged = [(name, one) for name, one in zip(names, tallies, strict=True) if one.by_lead[_N].sum() > 0]
    levels = tuple(dict.fromkeys(level for _, one in judged for level in one.levels))
    ds, counts = _grid([(one.ds, _with_levels(one, levels)) for _, one in judged])
    every = _line(ALL, counts, ds, levels, score)
    starts = np.array([one.start for _, one in judged], dtype="datetime64[D]")
    leads = []
    for ahead in LEADS:
        if ahead <= counts.shape[-1]:
            day = ds[:, [ahead - 1]]
            leads.append(_line(f"lead {ahead}", counts[..., [ahead - 1]], day, levels, score, (starts, day[:, 0])))
    spans = [_span(span, [one for _, one in judged], score) for span in SPANS]
    return Accuracy(
        target=target,
        by_lead=(every, *leads, *(line for line in spans if line.n)),
        by_vintage=tuple(_plain(name, _with_levels(one, levels).sum(axis=1), levels, score) for name, one in judged),
        by_series=_by_series([one for _, one in judged], levels, score),
        members=_members([one for _, one in judged]),
        sentence=_sentence(_trimmed(ds)[0]),
    )


def _parts(days: DateArray, spans: _Ends | None = None) -> Parts:
    """What counts as one observation; a single part, which gives no interval, where there are too few."""
    parts = Parts.of(days, spans)
    return parts if min(len(days), parts.n) >= FEWEST else replace(parts, n=min(parts.n, 1))


def _sentence(days: DateArray) -> str:
    """What the intervals are, for people."""
    if not (parts := _parts(days)).too_short:
        return parts.sentence
    if len(days) < FEWEST:
        return "no intervals: they need at least four forecasts"
    return "no interval for all days: the forecasts overlap and cover less than four times the days of one forecast"


def _span(span: str, tallies: Sequence[Tally], score: Score) -> Line:
    """A line of totals."""
    ds, counts = _grid([(one.total_ds[span], one.totals[span]) for one in tallies])
    ends = _grid([(one.total_ends[span], one.totals[span]) for one in tallies])[0]
    ds[counts[_N] == 0] = np.datetime64("NaT")
    ends[counts[_N] == 0] = np.datetime64("NaT")
    return _line(span, counts, ds, (), score, (_at_edge(ds, 0), _at_edge(ends, -1)))


def _with_levels(one: Tally, levels: Sequence[int]) -> FloatArray:
    """Counts by lead ``[n_counts, horizon]``, with the bands of these levels, 0 for those it has not."""
    return np.stack([one.by_lead[row] if row >= 0 else np.zeros(len(one.ds)) for row in _rows(one, levels)])


def _rows(one: Tally, levels: Sequence[int]) -> list[int]:
    """Places of `COUNTS` and of the counts of these levels in a tally, -1 for what it has not."""
    places = list(range(len(COUNTS)))
    for level in levels:
        first = len(COUNTS) + 2 * one.levels.index(level) if level in one.levels else -2
        places += [first, first + 1]
    return places


def _grid(parts: Sequence[tuple[DateArray, FloatArray]]) -> tuple[DateArray, FloatArray]:
    """Days ``[n_vintages, width]``, NaT where padded, and counts ``[n_counts, n_vintages, width]``."""
    width = max((len(ds) for ds, _ in parts), default=0)
    days = np.full((len(parts), width), np.datetime64("NaT"), dtype="datetime64[D]")
    counts = np.zeros((len(parts[0][1]) if parts else len(COUNTS), len(parts), width))
    for row, (ds, of_vintage) in enumerate(parts):
        days[row, : len(ds)], counts[:, row, : len(ds)] = ds, of_vintage
    return days, counts


def _at_edge(ds: DateArray, place: int) -> DateArray:
    """The first (0) or last (-1) day of each row ``[n, width]``; NaT where there is none."""
    found = np.full(len(ds), np.datetime64("NaT"), dtype="datetime64[D]")
    for row, known in enumerate(~np.isnat(ds)):
        if known.any():
            found[row] = ds[row, known][place]
    return found


def _line(
    name: str,
    counts: FloatArray,
    ds: DateArray,
    levels: Sequence[int],
    score: Score,
    spans: _Ends | None = None,
) -> Line:
    """A line with intervals, from counts ``[n_counts, n_vintages, width]`` of the days ``[n_vintages, width]``; `spans`
    as of `Parts.of`.
    """
    n = int(counts[_N].sum())
    if not n:
        return Line(name, 0)
    days, kept = _trimmed(ds)
    ends = None if spans is None else (spans[0][kept], spans[1][kept])
    parts, counts = _parts(days, ends), counts[:, kept]
    above, below = counts[_ABOVE], counts[_BELOW]
    value = float(score.value(above.sum(), below.sum()))
    added = _points_added(score, above, below, value)
    covered = {
        level: _share(parts, counts[len(COUNTS) + 2 * k + 1], counts[len(COUNTS) + 2 * k])
        for k, level in enumerate(levels)
    }
    return Line(
        name,
        n,
        _ratio(parts, counts[_ERROR], counts[_SIZE]),
        _ratio(parts, counts[_MISSED], counts[_SIZE], 0.0),
        _within(value, parts.interval(value, added), *_RANGES[score.pooled]),
        {level: share for level, share in covered.items() if not math.isnan(share.value)},
    )


def _points_added(score: Score, above: FloatArray, below: FloatArray, value: float) -> FloatArray:
    """What each cell added to the score beyond its share: the score is linear above the bar (see `Score`)."""
    total = below.sum()
    if score.pooled:
        return np.asarray(score.worth(np.asarray(total)) * (above - above.sum() / max(total, 1e-300) * below))
    return np.asarray((above - value * below) / max(total, 1e-300))


def _ratio(
    parts: Parts, above: FloatArray, below: FloatArray, least: float = -math.inf, most: float = math.inf
) -> Measured:
    """A ratio of sums and its interval, by its first derivative, within what the ratio can be."""
    total = float(below.sum())
    if total == 0.0:
        return _NONE
    value = float(above.sum()) / total
    return _within(value, parts.interval(value, (above - value * below) / total), least, most)


def _share(parts: Parts, inside: FloatArray, of: FloatArray) -> Measured:
    """A share of days and its interval; none where all days agree, which show no spread to make one of."""
    found = _ratio(parts, inside, of, 0.0, 1.0)
    return found if 0.0 < found.value < 1.0 else Measured(found.value, math.nan, math.nan)


def _within(value: float, interval: tuple[float, float], least: float, most: float) -> Measured:
    """A value with the part of its interval that it can lie in."""
    low, high = interval
    return Measured(value, low, high) if math.isnan(low) else Measured(value, max(low, least), min(high, most))


def _trimmed(ds: DateArray) -> tuple[DateArray, Any]:
    """The vintages with a judged day, their days up to the last one, as `Parts` has them; and their places.

    A day without an actual value between others keeps its place on the calendar.
    """
    known = ~np.isnat(ds)
    kept = np.flatnonzero(known.any(axis=1))
    days = ds[kept].copy()
    for row in range(len(days)):
        own = np.flatnonzero(~np.isnat(days[row]))
        gaps = np.setdiff1d(np.arange(own[-1]), own)
        before = own[np.maximum(np.searchsorted(own, gaps) - 1, 0)]
        days[row, gaps] = days[row, before]
    order = np.argsort(days[:, 0], kind="stable") if days.size else np.arange(len(days))
    return days[order], kept[order]


def _plain(name: str, sums: FloatArray, levels: Sequence[int], score: Score) -> Line:
    """A line without intervals, from sums ``[n_counts]``."""

    def only(above: float, below: float) -> Measured:
        return Measured(above / below if below else math.nan, math.nan, math.nan)

    covered = {level: only(sums[len(COUNTS) + 2 * k + 1], sums[len(COUNTS) + 2 * k]) for k, level in enumerate(levels)}
    return Line(
        name,
        int(sums[_N]),
        only(sums[_ERROR], sums[_SIZE]),
        only(sums[_MISSED], sums[_SIZE]),
        Measured(float(score.value(sums[_ABOVE], sums[_BELOW])) if sums[_N] else math.nan, math.nan, math.nan),
        {level: share for level, share in covered.items() if not math.isnan(share.value)},
    )


def _by_series(tallies: Sequence[Tally], levels: Sequence[int], score: Score) -> tuple[Line, ...]:
    """A line for each series, of all days."""
    rows = {uid: k for k, uid in enumerate(sorted({uid for one in tallies for uid in one.unique_ids}))}
    sums = np.zeros((len(COUNTS) + 2 * len(levels), len(rows)))
    for one in tallies:
        at = [rows[uid] for uid in one.unique_ids]
        for k, row in enumerate(_rows(one, levels)):
            if row >= 0:
                sums[k, at] += one.by_series[row]
    return tuple(_plain(uid, sums[:, k], levels, score) for uid, k in rows.items() if sums[_N, k])


def _members(tallies: Sequence[Tally]) -> dict[str, dict[str, float]]:
    """WAPE by member and group of lead times."""
    sums: dict[str, FloatArray] = {}
    for one in tallies:
        for name, added in one.members.items():
            sums[name] = sums.get(name, 0.0) + added
    groups = (ALL, *(f"lead {ahead}" for ahead in LEADS))
    return {
        name: {at: float(m / s) for at, m, s in zip(groups, missed, size, strict=True) if s}
        for name, (missed, size) in sorted(sums.items())
    }
