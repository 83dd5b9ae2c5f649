r"""Prediction bands of the blend: its median times a window effect and a day effect.

On the scale of logarithms the error of a day is :math:`s\,(u + z)`, with s the size usual for the series and the step,
u the error that all days of a window share, and z what remains for the day. `fit` estimates them from the
backtest. A band is :math:`m\,e^{\pm q s}` around the median m, with q the quantile of :math:`|u + z|`. It is symmetric
in ratios: with few windows the direction of the errors so far says little about the next (see `blend.calibration`).

A series with negative amounts has no ratios. Its errors are differences on the scale
:math:`\operatorname{asinh}(y / a)`, where a is the usual size of its amounts: about linear below that size and about
logarithmic above it. There a day with y = 0 is a day as any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ensembles.bands.quantiles import ends_of
from ensembles.judging.intervals import Parts
from forecasting.schema import DateArray, FloatArray

__all__ = ["BandRule", "BandSpec", "Bands", "Coverage", "coverage"]

PERIODS = {"D": 60, "B": 42, "W": 26}
"""Half-life of errors in periods, by the frequency of the data."""
DAYS = {"D": 1.0, "B": 7 / 5, "W": 7.0}
"""Calendar days of a period."""


@dataclass(frozen=True)
class BandSpec:
    """`levels`: share of days, in percent, meant to lie inside each band; `half_life` of errors in calendar days."""

    levels: tuple[int, ...] = (80, 95)
    half_life: float = PERIODS["D"] * DAYS["D"]

    @classmethod
    def of(cls, levels: tuple[int, ...], freq: str) -> BandSpec:
        """For data of this frequency: D, B or W."""
        return cls(tuple(sorted(levels)), PERIODS[freq] * DAYS[freq])


@dataclass(frozen=True)
class Bands:
    """The median ``[n_series, ..., horizon]``, and lower and upper ends by level in its shape; NaN where there are
    none.
    """

    median: FloatArray
    low: Mapping[int, FloatArray]
    high: Mapping[int, FloatArray]

    def at(self, place: Any) -> Bands:
        """The bands at a place of the arrays: a series, or rows."""
        low, high = ({level: values[place] for level, values in ends.items()} for ends in (self.low, self.high))
        return Bands(self.median[place], low, high)

    def shifted(self, by: FloatArray) -> Bands:
        """The bands with an amount added to each day, in their shape: what is known exactly widens none."""
        low, high = ({level: values + by for level, values in ends.items()} for ends in (self.low, self.high))
        return Bands(self.median + by, low, high)

    @property
    def quantiles(self) -> dict[float, FloatArray]:
        """By probability, in order: 0.025, 0.1, 0.5, 0.9, 0.975."""
        found = {0.5: self.median}
        for level, low in self.low.items():
            below, above = ends_of(level)
            found |= {below: low, above: self.high[level]}
        return dict(sorted(found.items()))


@dataclass(frozen=True)
class BandRule:
    """Half widths in log ratio: `quantiles` of errors by level, NaN where the backtest cannot show one, times the scale
    of a series and step.

    `own` ``[n_series]`` the usual size of a series' errors, NaN without any error to go by; the scale of step h (0
    for the first day) is that times ``1 + slope * (h - centre)``. `amounts` ``[n_series]``: usual size of the amounts
    of a series whose half widths are in inverse hyperbolic sines of amounts over it, 0 for logs; None: logs for all.
    """

    own: FloatArray
    slope: float
    centre: float
    quantiles: Mapping[int, float]
    amounts: FloatArray | None = None

    def scale(self, n_days: int) -> FloatArray:
        """Size of errors usual for each series and step, ``[n_series, n_days]``."""
        return self.own[:, None] * (1.0 + self.slope * (np.arange(n_days) - self.centre))

    def series(self, rows: slice) -> BandRule:
        """The rule of some of the series."""
        amounts = None if self.amounts is None else self.amounts[rows]
        signed = amounts is not None and bool((amounts > 0).any())
        return BandRule(self.own[rows], self.slope, self.centre, self.quantiles, amounts if signed else None)

    def apply(self, median: FloatArray) -> Bands:
        """Bands around medians ``[n_series, horizon]``. A median of 0 is one of a day without any flow, so its band
        has no width; on a scale of logs a negative one has none.
        """
        scale = self.scale(median.shape[1])
        return Bands(
            median,
            {level: self._moved(median, -q * scale) for level, q in self.quantiles.items()},
            {level: self._moved(median, q * scale) for level, q in self.quantiles.items()},
        )

    def _moved(self, median: FloatArray, by: FloatArray) -> FloatArray:
        """Medians moved `by` so much on the scale of their series."""
        # A width without bound is infinite on either scale.
        with np.errstate(over="ignore", invalid="ignore"):
            ends = np.where(median < 0, np.nan, median * np.exp(by))
            ends = np.where((median == 0) & ~np.isnan(by), 0.0, ends)
            if self.amounts is None:
                return ends
            signed, size = self.amounts > 0, self.amounts[:, None]
            size = np.where(size > 0, size, 1.0)
            of_signed = size * np.sinh(np.arcsinh(median / size) + by)
            of_signed = np.where((median == 0) & ~np.isnan(by), 0.0, of_signed)
            return np.where(signed[:, None], of_signed, ends)


@dataclass(frozen=True)
class Coverage:
    """Share of days inside the bands of a level, with its interval (NaN where the backtest is too short for one), over
    `n_days` days of `n_windows` windows.
    """

    share: float
    low: float
    high: float
    n_days: int
    n_windows: int


def coverage(bands: Bands, y: FloatArray, ds: DateArray) -> dict[int, Coverage]:
    """Measured coverage by level, over the windows that have bands; NaN without any.

    Parameters
    ----------
    y
        Actual values ``[n_series, n_windows, horizon]``.
    ds
        Dates of the windows ``[n_windows, horizon]``, NaT where one is padded.
    """
    return {level: _coverage(bands.low[level], bands.high[level], y, ds) for level in bands.low}


def _coverage(low: FloatArray, high: FloatArray, y: FloatArray, ds: DateArray) -> Coverage:
    judged = ~np.isnan(low) & ~np.isnan(y)
    windows = np.flatnonzero(judged.any(axis=(0, 2)))
    if len(windows) == 0:
        return Coverage(np.nan, np.nan, np.nan, 0, 0)
    inside = judged & (y >= low) & (y <= high)
    hits, days = (counted[:, windows].sum(axis=0) for counted in (inside, judged))
    share = float(hits.sum() / days.sum())
    ends = Parts.of(ds[windows]).interval(share, (hits - share * days) / days.sum())
    return Coverage(share, max(ends[0], 0.0), min(ends[1], 1.0), int(days.sum()), len(windows))
