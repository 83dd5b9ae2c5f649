r"""Alarms when the level of the forecasts' errors, or the coverage of their bands, leaves its range: Page's test.

Every day is judged once, by the last forecast issued before it. Its error is relative to the middle of forecast and
actual value,

.. math:: e_t = 2 (y_t - ŷ_t) / (|y_t| + |ŷ_t|)

in units of its own usual size: z = e / s. Errors of neighbouring days are alike, so what is added up is their
innovation (Lu and Reynolds 2001), up and down apart:

.. math:: u_t = (z_t - φ z_{t-1}) / \sqrt{1 - φ^2}, \qquad
          S_t = \max(0, S_{t-1} + u_t - k (1 - φ) / \sqrt{1 - φ^2})

An alarm begins when S reaches h and ends when S is back at 0; it dates the change from the last day with S = 0. s and φ
come from the errors more than `LAG` days ago, outliers cut, φ drawn towards a usual value while there are few. One odd
day cannot make an alarm: z is cut at `CAP`.

Coverage is a test of the same kind on whether a day lies in the narrowest band: log likelihood ratios of twice and a
half to a quarter of the nominal share outside (Reynolds and Stoumbos 1999).

`REFERENCE` and `LIMIT` are simulated (``python -m tests.bench.ledger alarms``): with a day noise of 10%, errors AR(0.3)
and daily vintages there is less than one false alarm a year and series, of both kinds together, and a level 20% higher
or lower is found within ten days in nine of ten cases.

References
----------
Page (1954), Continuous inspection schemes. Lu and Reynolds (2001), Cusum charts for monitoring an autocorrelated
process. Reynolds and Stoumbos (1999), A CUSUM chart for monitoring a proportion when inspecting continuously.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecasting.schema import DateArray, FloatArray, IntArray, iso

__all__ = ["Alarm", "alarms_of", "relative_errors"]

REFERENCE, LIMIT = 0.85, 4.15
"""k and h, in usual sizes of an error: k is about half of the shift that is to be found."""
CAP = 3.0
WARM, LAG = 30, 10
"""Errors that it takes to know their size, and the days before each day that do not count for it."""
EVERY = 7
"""Days after which size and autocorrelation are estimated anew."""
USUAL_PHI, PRIOR_DAYS, LARGEST_PHI = 0.3, 60, 0.8
CUT, KEPT = 2.5, 0.97
"""Errors are cut at so many sizes, which keeps this share of a normal variance."""
MAD = 1.4826
WORSE, BETTER = 2.5, 0.25
"""Shares outside that are to be found, as factors on the nominal one."""
COVERAGE_LIMIT = 7.0

Kind = Literal["level", "coverage"]


@dataclass(frozen=True)
class Alarm:
    """One alarm. `found` is the day on which it began, `since` the day from which the change is dated, `ended` the day
    on which all was as usual again, None while it lasts. `size` from `since` to `found`: the mean relative error
    (0.2: the actual values were a fifth higher), or the share of days in the band; `usual` what it ought to be.
    """

    unique_id: str
    kind: Kind
    side: Literal["above", "below"]
    since: str
    found: str
    ended: str | None
    size: float
    usual: float


def relative_errors(y: FloatArray, y_hat: FloatArray) -> FloatArray:
    """E of each day, any shape: between -2 and 2; 0 where both are 0, NaN where one is unknown."""
    size = np.abs(y) + np.abs(y_hat)
    return np.asarray(np.where(size == 0, 0.0, 2.0 * (y - y_hat) / np.where(size == 0, 1.0, size)))


def alarms_of(
    unique_ids: Sequence[str], ds: DateArray, errors: FloatArray, inside: FloatArray, nominal: FloatArray
) -> list[Alarm]:
    """Alarms of each series, in the order of days.

    Parameters
    ----------
    ds
        The days judged, in order, ``[n_days]``.
    errors
        Relative errors by the last forecast before each day, ``[n_series, n_days]``; NaN where not known.
    inside
        1 where the day lies in the band, 0 where not, NaN where not known, ``[n_series, n_days]``.
    nominal
        Share of such days meant to lie inside, ``[n_series, n_days]``; NaN where there is no band.
    """
    found = [
        Alarm(unique_ids[row], "level", side, *_days(ds, when), _mean(errors[row], when), 0.0)
        for side, sign in _SIDES
        for row, when in _episodes(_level(sign * errors), LIMIT, errors)
    ]
    found += [
        Alarm(unique_ids[row], "coverage", side, *_days(ds, when), _mean(inside[row], when), _mean(nominal[row], when))
        for side, factor in _COVERED
        for row, when in _episodes(_coverage(inside, nominal, factor), COVERAGE_LIMIT, inside)
    ]
    return sorted(found, key=lambda alarm: (alarm.found, alarm.unique_id, alarm.kind, alarm.side))


Side = Literal["above", "below"]
_SIDES: tuple[tuple[Side, float], ...] = (("above", 1.0), ("below", -1.0))
_COVERED: tuple[tuple[Side, float], ...] = (("below", WORSE), ("above", BETTER))


def _level(errors: FloatArray) -> FloatArray:
    """S of the level after each day, ``[n_series, n_days]``."""
    size, phi = _sizes(errors)
    z = np.clip(errors / np.where(size > 0, size, np.nan), -CAP, CAP)
    last, score = np.zeros(len(z)), np.zeros(z.shape)
    total = np.zeros(len(z))
    for day in range(z.shape[1]):
        known, f = ~np.isnan(z[:, day]), phi[:, day]
        now = np.where(known, z[:, day], 0.0)
        added = (now - f * last - REFERENCE * (1.0 - f)) / np.sqrt(1.0 - f**2)
        total = np.where(known, np.clip(total + added, 0.0, LIMIT), total)
        last, score[:, day] = np.where(known, now, last), total
    return score


def _sizes(errors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Usual size and autocorrelation of the errors as known on each day, ``[n_series, n_days]``; NaN before `WARM`."""
    size, phi = np.full(errors.shape, np.nan), np.full(errors.shape, USUAL_PHI)
    for first in range(LAG + WARM, errors.shape[1], EVERY):
        past = errors[:, : first - LAG]
        enough = (~np.isnan(past)).sum(axis=1) >= WARM
        if enough.any():
            size[enough, first : first + EVERY], phi[enough, first : first + EVERY] = _estimated(past[enough])
    return size, phi


def _estimated(past: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Size and autocorrelation of errors ``[n_series, n]``, ``[n_series, 1]`` each."""
    edge = CUT * MAD * np.nanmedian(np.abs(past), axis=1, keepdims=True)
    cut = np.clip(past, -edge, edge)
    size = np.sqrt(np.nanmean(cut**2, axis=1, keepdims=True) / KEPT)
    both = cut[:, 1:] * cut[:, :-1]
    n = (~np.isnan(both)).sum(axis=1, keepdims=True)
    raw = np.nansum(both, axis=1, keepdims=True) / np.maximum(np.nansum(cut**2, axis=1, keepdims=True), 1e-300)
    phi = np.clip((n * raw + PRIOR_DAYS * USUAL_PHI) / (n + PRIOR_DAYS), 0.0, LARGEST_PHI)
    return size, phi


def _coverage(inside: FloatArray, nominal: FloatArray, factor: float) -> FloatArray:
    """S of the coverage after each day, ``[n_series, n_days]``, for a share outside of `factor` times the nominal."""
    outside = 1.0 - nominal
    other = np.minimum(factor * outside, 0.9)
    within, beyond = np.log((1.0 - other) / nominal), np.log(other / outside)
    added: FloatArray = np.asarray(np.where(inside == 1.0, within, beyond))
    score, total = np.zeros(inside.shape), np.zeros(len(inside))
    for day in range(inside.shape[1]):
        known = ~np.isnan(inside[:, day])
        total = np.where(known, np.clip(total + added[:, day], 0.0, COVERAGE_LIMIT), total)
        score[:, day] = total
    return score


@dataclass(frozen=True)
class _When:
    """Places of days: the change, the alarm and its end, -1 while it lasts."""

    since: int
    found: int
    ended: int


def _episodes(score: FloatArray, limit: float, values: FloatArray) -> Iterator[tuple[int, _When]]:
    """Row and days of each alarm."""
    for row in np.flatnonzero((score >= limit).any(axis=1)).tolist():
        own, known = score[row], np.flatnonzero(~np.isnan(values[row]))
        zero: IntArray = np.flatnonzero(own <= 0.0)
        full: IntArray = np.flatnonzero(own >= limit)
        after = -1
        while (left := full[full > after]).size:
            found = int(left[0])
            before, later = zero[zero < found], zero[zero > found]
            start = int(before[-1]) + 1 if before.size else 0
            since = int(known[np.searchsorted(known, start)])
            after = int(later[0]) if later.size else len(own)
            yield row, _When(since, found, after if later.size else -1)


def _days(ds: DateArray, when: _When) -> tuple[str, str, str | None]:
    return iso(ds[when.since]), iso(ds[when.found]), None if when.ended < 0 else iso(ds[when.ended])


def _mean(values: FloatArray, when: _When) -> float:
    return round(float(np.nanmean(values[when.since : when.found + 1])), 6)
