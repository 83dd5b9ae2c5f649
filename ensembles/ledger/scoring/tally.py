"""What one vintage adds to every score: sums over its series and days, so that vintages can be read one at a time.

A tally has columns (lead times, or weeks or months of the vintage) and counts of these kinds (`COUNTS`) in each: days
with an actual value, their size ``Σ|y|``, error ``Σ(ŷ - y)``, what was missed ``Σ|ŷ - y|``, what the score puts above
and below its fraction bar, days with a band and days inside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray, as_date, as_dates
from forecasting.score.base import Score
from forecasting.score.points import round_submission

if TYPE_CHECKING:
    from ensembles.ledger.files.vintage import Vintage

__all__ = ["COUNTS", "LEADS", "SPANS", "Spans", "Tally", "span_lengths", "tally"]

COUNTS = ("n", "size", "error", "missed", "above", "below")
LEADS = (1, 7, 14, 30)
"""Lead times that are told apart, in periods."""
SPANS = ("week", "month")
_LENGTHS = {"D": (7, 30), "B": (5, 21), "W": (1, 4)}


@dataclass(frozen=True)
class Tally:
    """Sums of one vintage and target.

    `by_lead` ``[n_counts, horizon]`` over series, `by_series` ``[n_counts, n_series]`` over lead times: counts are
    `COUNTS`, then days with a band and days inside it for each of `levels`. `ds` ``[horizon]`` are the days, NaT where
    none was judged; `start` is the first day forecast. `totals` by span ``[len(COUNTS), n_spans]``, with the first day
    of each total in `total_ds` and the last one in `total_ends`, ``[n_spans]``. `members`: sums of
    ``|ŷ - y|`` and ``|y|`` by name ``[2, n_groups]``, of all lead times and of each of `LEADS`.
    """

    unique_ids: tuple[str, ...]
    levels: tuple[int, ...]
    start: np.datetime64
    ds: DateArray
    by_lead: FloatArray
    by_series: FloatArray
    totals: Mapping[str, FloatArray]
    total_ds: Mapping[str, DateArray]
    total_ends: Mapping[str, DateArray]
    members: Mapping[str, FloatArray]


@dataclass(frozen=True)
class Spans:
    """How many periods the weeks and the months of a vintage have."""

    week: int
    month: int


def span_lengths(vintage: Vintage) -> Spans:
    """A vintage that forecasts all periods of one calendar month has that month; others months of 30 days, 21 work days
    or 4 weeks. Weeks are 7 days or 5 work days, counted from the first day forecast.
    """
    facts = vintage.facts
    week, month = _LENGTHS[facts.freq]
    last = as_date(facts.end)
    before, first, end, after = as_dates([facts.as_of, facts.start, facts.end, facts.axis.after(last, 1)[0]]).astype(
        "datetime64[M]"
    )
    whole = before < first == end < after
    return Spans(week, int(vintage.lead.max()) if whole and len(vintage) else month)


def tally(vintage: Vintage, y: FloatArray, target: str, score: Score) -> Tally:
    """Sums of the rows of one target, whose actual values are `y` ``[n]``, NaN where not known."""
    mine = np.array([name == target for name in vintage.target_of()], dtype=bool)
    rows = np.flatnonzero(mine[vintage.place])
    renumbered = np.cumsum(mine) - 1
    series, lead = renumbered[vintage.place[rows]], vintage.lead[rows] - 1
    n_series, horizon = int(mine.sum()), int(vintage.lead.max(initial=0))
    actual, y_hat = y[rows], round_submission(vintage.y_hat[rows], vintage.facts.rounding)
    bands = {level: (low[rows], high[rows]) for level, (low, high) in vintage.bands.items()}
    counts = np.stack([*_counts(y_hat, actual, score), *_inside(actual, bands)])
    sums = [np.bincount(lead, row, horizon).astype(np.float64) for row in counts]
    by_lead: FloatArray = np.stack(sums).reshape(len(counts), horizon)
    day = np.full(horizon, np.datetime64("NaT"), dtype="datetime64[D]")
    day[lead] = vintage.ds[rows]
    day[by_lead[0] == 0] = np.datetime64("NaT")
    groups = [np.ones(len(rows), dtype=bool), *(lead == ahead - 1 for ahead in LEADS)]
    spans = span_lengths(vintage)
    lengths = {"week": spans.week, "month": spans.month}
    totals = {name: _spans(y_hat, actual, series, lead, length, horizon) for name, length in lengths.items()}
    return Tally(
        unique_ids=tuple(uid for uid, own in zip(vintage.unique_ids, mine, strict=True) if own),
        levels=tuple(bands),
        start=as_date(vintage.facts.start),
        ds=day,
        by_lead=by_lead,
        by_series=np.stack([np.bincount(series, row, n_series) for row in counts]),
        totals={name: _summed(*pair, score) for name, pair in totals.items()},
        total_ds={name: day[: horizon // length * length : length] for name, length in lengths.items()},
        total_ends={name: day[length - 1 :: length] for name, length in lengths.items()},
        members=_member_sums(vintage, rows, actual, groups),
    )


def _counts(y_hat: FloatArray, y: FloatArray, score: Score) -> list[FloatArray]:
    """`COUNTS` of each row, 0 where there is no actual value."""
    known = ~np.isnan(y) & ~np.isnan(y_hat)
    said, came = np.where(known, y_hat, 0.0), np.where(known, y, 0.0)
    above, below = score.parts(said, came)
    error = said - came
    counts = [np.ones(len(y)), np.abs(came), error, np.abs(error), above, below]
    return [np.where(known, values, 0.0) for values in counts]


def _inside(y: FloatArray, bands: Mapping[int, tuple[FloatArray, FloatArray]]) -> list[FloatArray]:
    """For each level whether a row has a band and an actual value, and whether that lies inside."""
    found = []
    for low, high in bands.values():
        judged = np.isfinite(y) & np.isfinite(low) & np.isfinite(high)
        found += [judged.astype(float), (judged & (y >= low) & (y <= high)).astype(float)]
    return found


def _spans(
    y_hat: FloatArray, y: FloatArray, series: IntArray, lead: IntArray, length: int, horizon: int
) -> tuple[FloatArray, FloatArray]:
    """Forecast and actual totals ``[n_series, n_spans]`` of each whole span, NaN where a day is not known."""
    n_spans, n_series = horizon // length, int(series.max(initial=-1)) + 1
    inside = lead < n_spans * length
    cell = series[inside] * max(n_spans, 1) + lead[inside] // length
    size = n_series * n_spans
    known = np.bincount(cell, (~np.isnan(y[inside])).astype(float), size)[:size] == length
    sums = [np.bincount(cell, np.nan_to_num(values[inside]), size)[:size] for values in (y_hat, y)]
    said, came = (np.where(known, total, np.nan).reshape(n_series, n_spans) for total in sums)
    return said, came


def _summed(y_hat: FloatArray, y: FloatArray, score: Score) -> FloatArray:
    """`COUNTS` of totals, summed over series, ``[len(COUNTS), n_spans]``."""
    counts = _counts(y_hat.ravel(), y.ravel(), score)
    return np.stack([values.reshape(y.shape).sum(axis=0) for values in counts])


def _member_sums(vintage: Vintage, rows: IntArray, y: FloatArray, groups: Sequence[BoolArray]) -> dict[str, FloatArray]:
    """By member with forecasts of these rows what it missed and what there was, ``[2, n_groups]``."""
    found = {}
    for name, values in vintage.members.items():
        said = values[rows]
        known = ~np.isnan(said) & ~np.isnan(y)
        if known.any():
            missed, size = np.abs(np.where(known, said - y, 0.0)), np.abs(np.where(known, y, 0.0))
            found[name] = np.array([[part[group].sum() for group in groups] for part in (missed, size)])
    return found
