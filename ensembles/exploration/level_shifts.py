"""Days on which the level of a series shifts for good.

Weekdays are taken out, and the median of the two weeks before a day (of fourteen weeks, where periods are weeks) is
compared with that of the two weeks after it. A difference is a shift if it is a quarter at least, if it is larger than
what the series does anyhow (four robust standard deviations of the same difference over all its days, so that growth
and wandering are no shifts), and if it is still there two weeks later. The day is the split that leaves the least
distance to the medians of its two sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.calendar import weekday_of
from forecasting.data.quality.series_checks import SeriesCases, signed_log
from forecasting.panel import Panel
from forecasting.schema import FloatArray, iso

__all__ = ["Shift", "level_shifts", "splits_of"]

LEAST = float(np.log(1.25))
"""Least shift, on log scale."""
DEVIATIONS = 4.0
"""A rise by 60% over noise of 15% is found in 100 of 100 series of 400 days, one by 35% in 59. Of 300 series of 730
days that shift nowhere, none is said to if days are independent; if each holds 0.8 or 0.95 of the day before, 1% or 6%.
"""
LASTING = 0.5
"""Share of a shift that must still be there later."""
IDLE = 0.5
"""A series with a larger share of zeros has no level."""


@dataclass(frozen=True)
class Shift:
    """From the period `ds` on the usual amount of a series is `after` instead of `before`."""

    unique_id: str
    ds: np.datetime64
    before: float
    after: float

    @property
    def ratio(self) -> float:
        """Size after over size before; infinite for a series that was idle."""
        return abs(self.after) / abs(self.before) if self.before else float("inf")

    @property
    def size(self) -> float:
        """On log scale, without sign."""
        return float(abs(signed_log(np.array([self.after, self.before])) @ [1.0, -1.0]))

    @property
    def as_json(self) -> dict[str, object]:
        return {"series": self.unique_id, "date": iso(self.ds), "before": self.before, "after": self.after}


def level_shifts(panel: Panel, cases: SeriesCases) -> tuple[Shift, ...]:
    """All shifts of the series of a panel, the largest first; none of short and constant series."""
    weekday, reach = weekday_of(panel.ds), 2 * min(panel.axis.season_length, 7)
    found = []
    for row, uid in enumerate(panel.unique_ids):
        known = np.flatnonzero(~np.isnan(cases.rest[row]))
        if not len(known):
            continue
        log = signed_log(panel.y[row, known]) - cases.weekdays[row, weekday[known]]
        if (panel.y[row, known] == 0).mean() > IDLE and not _idle_at_an_end(panel.y[row, known], reach):
            continue
        for at in splits_of(log, reach):
            before, after = (_amount(part) for part in (log[max(at - reach, 0) : at], log[at : at + reach]))
            found.append(Shift(uid, np.datetime64(panel.ds[known[at]], "D"), before, after))
    return tuple(sorted(found, key=lambda shift: -shift.size))


def splits_of(z: FloatArray, reach: int) -> list[int]:
    """First positions of new levels in a series ``[n]``, in order; `reach` periods on either side are compared."""
    n = len(z)
    if n < 4 * reach:
        return []
    medians = np.median(np.lib.stride_tricks.sliding_window_view(z, reach), axis=1)
    jump = medians[reach:] - medians[:-reach]
    left = np.abs(jump)
    least = max(LEAST, DEVIATIONS * 1.4826 * float(np.median(left)))
    splits = []
    while left.max() >= least:
        k = int(left.argmax())
        if _lasts(medians, k, jump[k], reach):
            splits.append(_sharpest(z, k + reach, reach))
        left = np.where(np.abs(np.arange(len(left)) - k) < 2 * reach, 0.0, left)
    return sorted(splits)


def _lasts(medians: FloatArray, k: int, jump: float, reach: int) -> bool:
    """Whether the levels a little before and a little later differ likewise; `k` is the place in `jump`."""
    before, after = medians[max(k - reach, 0)], medians[min(k + 2 * reach, len(medians) - 1)]
    return bool((after - before) * np.sign(jump) >= LASTING * abs(jump))


def _sharpest(z: FloatArray, at: int, reach: int) -> int:
    """The split near `at` that leaves the least distance to the medians of its two sides."""
    part, first = z[at - reach : at + reach], at - reach
    places = range(reach // 2, len(part) - reach // 2 + 1)

    def left_over(place: int) -> float:
        sides = part[:place], part[place:]
        return float(sum(np.abs(side - np.median(side)).sum() for side in sides))

    return first + min(places, key=left_over)


def _idle_at_an_end(y: FloatArray, reach: int) -> bool:
    """Whether the zeros are a time before the series began or after it stopped."""
    active = np.flatnonzero(y != 0)
    if not len(active):
        return False
    inside = y[active[0] : active[-1] + 1]
    return bool(len(inside) >= 2 * reach and (inside == 0).mean() <= IDLE)


def _amount(log: FloatArray) -> float:
    """The amount of a usual day."""
    middle = float(np.median(log))
    return float(np.copysign(np.expm1(abs(middle)), middle))
