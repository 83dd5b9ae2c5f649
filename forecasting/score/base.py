r"""What a score is: an object that turns forecasts and actual values into a number, higher is better.

Each score is one module of this folder, found because it is there (see `names`). A score is a fraction of sums over
days. A pointwise score gives every day points and takes their mean. A pooled score divides what was missed on all days
by what there was:

    pointwise   value = Σ points / number of days
    pooled      value = 10·(1 - Σ missed / Σ size)

So all arithmetic on windows, resampled days and weights is written once, for every score: `parts` says what a day adds
above and below the fraction bar, `value` makes the score of such sums. Two things hold for any score: `value` is linear
in the sum above the bar, and what stands below the bar does not depend on the forecast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol

import numpy as np

from forecasting.schema import FloatArray
from forecasting.score.points import FULL_MARK, TOLERANCE

__all__ = ["UNPUBLISHED", "Pointwise", "Pooled", "Score"]

UNPUBLISHED = ("linear", "convex", "concave")
"""The competition's formula is not published. What holds under these three shapes is likely to hold under it."""

SMOOTHING = 0.01
"""Half width, as a share of y, over which the slope of points is taken."""
FACTORS = (0.9, 1.05)
"""Ends of the range in which the best factor on a forecast is sought."""
REACH = 8.0
"""Standard deviations within which errors are looked at."""
NODES = 4001
HALVINGS = 50


class Score(Protocol):
    """One score. All arrays of a call have shapes that broadcast; forecasts and actual values are in the same unit.

    `name` in configurations; `pooled` whether days have no points of their own; `signed` whether amounts may be
    negative, as net flows are; `title` in a sentence of a report.
    """

    @property
    def name(self) -> str: ...

    @property
    def pooled(self) -> bool: ...

    @property
    def signed(self) -> bool: ...

    @property
    def title(self) -> str: ...

    @property
    def checked_with(self) -> tuple[str, ...]:
        """Names of the scores under which a blend must hold, this one among them."""

    def parts(self, y_hat: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What each day adds above and below the fraction bar, where forecast and actual value are known."""

    def value(self, above: FloatArray, below: FloatArray) -> FloatArray:
        """The score of sums of such parts. With 0 below the bar it is 10 or 0 (pooled) or NaN (pointwise)."""

    def worth(self, below: FloatArray) -> FloatArray:
        """What one unit above the bar adds to the value: negative where it counts what was missed.

        With 0 below the bar it is 0: whatever a unit is, the score there does not grow with it.
        """

    def slope(self, y_hat: FloatArray, y: FloatArray) -> FloatArray:
        """How much a day's part above the bar rises per unit of the forecast."""

    def best_factor(self, sigma: float) -> float:
        """Factor on a forecast that raises the expected score most, for normal log errors of size `sigma`."""


class Pointwise(ABC):
    """A score with points of 0 to 10 for every day, by the relative error e = ``|ŷ - y| / |y|``.

    None are left from e = 0.3 on. A day with y = 0 counts 10 if ŷ = 0, and 0 otherwise. Targets must not be negative:
    around zero a relative error says little. (Where points only show what a day of a signed target earned, ``|y|`` is
    its size.)
    """

    name: ClassVar[str]
    pooled: ClassVar[bool] = False
    signed: ClassVar[bool] = False

    @abstractmethod
    def earned(self, share: FloatArray) -> FloatArray:
        """Share of the full mark, by the share of the tolerance that was used up: 1 at 0, 0 at 1, falling between."""

    @property
    def title(self) -> str:
        return f"up to 10 points a day, {self.name} surrogate"

    @property
    def checked_with(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*UNPUBLISHED, self.name)))

    def points(self, y_hat: FloatArray, y: FloatArray) -> FloatArray:
        """Points of each day, 0 to 10; NaN where `y` or `y_hat` is NaN."""
        missed = np.abs(y_hat - y)
        zero_day = y == 0
        e = missed / np.where(zero_day, 1.0, np.abs(y))
        earned = self.earned(np.minimum(e / TOLERANCE, 1.0))
        on_zero = np.where(np.isnan(missed), np.nan, missed == 0)
        points: FloatArray = FULL_MARK * np.where(zero_day, on_zero, earned)
        return points

    def parts(self, y_hat: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self.points(y_hat, y), np.ones_like(y)

    def value(self, above: FloatArray, below: FloatArray) -> FloatArray:
        mean: FloatArray = above / np.where(below == 0, np.nan, below)
        return mean

    def worth(self, below: FloatArray) -> FloatArray:
        return np.where(below == 0, 0.0, 1.0 / np.where(below == 0, 1.0, below))

    def slope(self, y_hat: FloatArray, y: FloatArray) -> FloatArray:
        """0 on a day with y = 0: only ŷ = 0 earns anything there."""
        width = np.where(y == 0, 1.0, np.abs(y)) * SMOOTHING
        slope = (self.points(y_hat + width, y) - self.points(y_hat - width, y)) / (2.0 * width)
        return np.where(y == 0, 0.0, slope)

    def best_factor(self, sigma: float) -> float:
        """The zero of the slope of the expected score, found by halving.

        With x = log(ŷ / y) the points are a fixed function p(x), and a factor c moves the normal density of x by
        log c. So the slope is a smooth function of log c, whatever corners p has: the sum of p(x)·(x - log c) over
        that density.
        """
        if sigma == 0.0:
            return 1.0
        widest = min(REACH * sigma, -np.log(1.0 - TOLERANCE))
        x = np.linspace(-widest, widest, NODES)
        points = self.points(np.exp(x), np.ones(1))
        low, high = np.clip(np.log(FACTORS), -widest, widest)
        for _ in range(HALVINGS):
            middle = (low + high) / 2.0
            away = x - middle
            rises = (points * away * np.exp(-0.5 * (away / sigma) ** 2)).sum() > 0.0
            low, high = (middle, high) if rises else (low, middle)
        return float(np.exp((low + high) / 2.0))


class Pooled(ABC):
    """A score of all days together: 10 less 10 times what was missed as a share of what there was. May be negative."""

    name: ClassVar[str]
    pooled: ClassVar[bool] = True
    signed: ClassVar[bool] = False

    @abstractmethod
    def parts(self, y_hat: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What was missed on each day, and the size of the day, both at least 0."""

    @abstractmethod
    def slope(self, y_hat: FloatArray, y: FloatArray) -> FloatArray:
        """How much the miss of a day grows per unit of the forecast."""

    @property
    def title(self) -> str:
        return f"10 less 10 times {self.name.upper()}"

    @property
    def checked_with(self) -> tuple[str, ...]:
        return (self.name,)

    def value(self, above: FloatArray, below: FloatArray) -> FloatArray:
        share = above / np.where(below == 0, 1.0, below)
        return np.where(below == 0, np.where(above == 0, FULL_MARK, 0.0), FULL_MARK * (1.0 - share))

    def worth(self, below: FloatArray) -> FloatArray:
        return np.where(below == 0, 0.0, -FULL_MARK / np.where(below == 0, 1.0, below))

    def best_factor(self, sigma: float) -> float:
        """1 by default: right for a score whose best forecast is the median."""
        del sigma
        return 1.0
