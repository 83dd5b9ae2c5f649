r"""The joint distribution of the blend's errors of all series, drawn from past windows.

The actual value of a day is :math:`ŷ\,e^{am}\,f`. Here m is the error of the whole window, :math:`e^m = Σy / Σŷ`, a
is how much of it the day has, and f is what remains for the day, about 1. Both m and f are drawn jointly for all
series, which keeps their correlation:

- f is drawn as the days of one past window, in their order, from a random day on and around its end: errors of
  neighbouring days are alike. It is scaled so that :math:`Σŷf = Σŷ` over the days to come, as it is in its own window.
  So the sum of all days has the error m alone, and sums of some of the days have what they had in past windows;
- m is drawn from a multivariate t distribution around zero, because its sign says little about the next window (see
  `blend.calibration`). Its second moments are those of the past windows, whose number gives the degrees of freedom.

Errors may grow from day to day: :math:`a = 1 + bx`, where x goes from -1 on a window's first day to 1 on its last. b
is that of least squares, :math:`Σ m x e / (Σ (m x)^2 + s^2/τ^2)` over past days with the log errors e, whose variance
around m is :math:`s^2`: a ridge regression (Hoerl and Kennard 1970) towards 0, errors that do not grow.

Windows fade and are counted as for bands, see `memory`.

A series with negative amounts has no ratios. Its actual value is :math:`ŷ + am + f` in amounts of money, with the mean
error m of the window's days and what remains for the day; nothing is drawn for a day with ŷ = 0, on which the account
is not active. Unknown days count in neither m nor f; where f is drawn, the last known day stands for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ensembles.bands.memory import faded, kish, share_once
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["ErrorModel", "Scenarios"]

GROWTH_SD = 0.2
"""τ: prior standard deviation of b."""
LARGEST = 30.0
"""Largest log error drawn. With one or two windows the tails of the draws have no bound, and so large an error is
beyond any amount of money."""


@dataclass(frozen=True)
class Scenarios:
    """Draws of the errors to come, the same for all series: `shares` ``[n_draws, n_windows]`` of each past window in
    the error of the window, `days` ``[n_days, n_draws]`` places in the row of past days.
    """

    shares: FloatArray
    days: IntArray


@dataclass(frozen=True)
class ErrorModel:
    """Errors of some windows: `factors` ``[n_series, all days]`` the f of every day, one window after the other;
    `levels` ``[n_windows, n_series]`` the log errors m; `growth` ``[n_series]`` the b of each series. Of `signed`
    ``[n_series]``, f and m are amounts. `horizons` ``[n_windows]`` in days; `counts` ``[n_windows]`` what each window
    counts, `worth` how many windows they are worth.
    """

    factors: FloatArray
    levels: FloatArray
    growth: FloatArray
    horizons: IntArray
    signed: BoolArray
    counts: FloatArray
    worth: float

    @classmethod
    def of(cls, y_hat: FloatArray, y: FloatArray, ds: DateArray, half_life: float) -> ErrorModel:
        """From forecasts and actual values ``[n_series, n_windows, horizon]``; `ds` and `half_life` as for
        `memory.faded`. A series' errors depend on its own amounts and on the dates alone.
        """
        horizons, counts = np.count_nonzero(~np.isnat(ds), axis=1), faded(ds, half_life)
        signed = np.asarray(((y < 0) | (y_hat < 0)).any(axis=(1, 2)))
        worth = float(kish(counts)) * share_once(ds)
        windows = [_Window.of(y_hat[:, k, :horizon], y[:, k, :horizon], signed) for k, horizon in enumerate(horizons)]
        growth = _growth(windows, counts / counts.sum() * worth)
        factors = np.concatenate([window.factors(growth) for window in windows], axis=-1)
        return cls(factors, np.stack([window.level for window in windows]), growth, horizons, signed, counts, worth)

    def draw(self, n_draws: int, n_days: int, rng: np.random.Generator) -> Scenarios:
        """Errors of `n_days` days to come, `n_draws` times."""
        window = rng.choice(len(self.horizons), size=n_draws, p=self.counts / self.counts.sum())
        first, length = (np.cumsum(self.horizons) - self.horizons)[window], self.horizons[window]
        start = np.floor(rng.random(n_draws) * length).astype(np.int64)
        days = first + (start + np.arange(n_days)[:, None]) % length
        # A Gaussian weight on each observed error has their second moments, whatever the number of series.
        shares = rng.standard_normal((n_draws, len(self.levels))) * np.sqrt(self.counts / self.counts.sum())
        freedom = max(self.worth, 1.0)
        shares *= np.sqrt(freedom / rng.chisquare(freedom, n_draws))[:, None]
        return Scenarios(shares, days)

    def amounts(self, y_hat: FloatArray, row: int, drawn: Scenarios) -> FloatArray:
        """Amounts of one series, ``[n_days, n_draws]``, for its forecasts `y_hat` ``[n_days]``."""
        level, factors = drawn.shares @ self.levels[:, row], self.factors[row][drawn.days]
        least = int(self.horizons.min())
        whole = len(y_hat) >= least  # fewer days are a part of a window, whose sum is not its own
        more = (self.growth[row] * _places(max(len(y_hat), least))[: len(y_hat)])[:, None] * level
        if self.signed[row]:
            active = y_hat != 0
            factors += more
            if whole and active.any():
                factors -= factors[active].mean(axis=0)
            return np.where(active[:, None], y_hat[:, None] + level + factors, 0.0)
        flow = np.maximum(y_hat, 0.0)
        scale = np.exp(np.minimum(level, LARGEST))
        if self.growth[row]:
            factors *= np.exp(np.minimum(more, LARGEST))
        if whole:
            total = flow @ factors
            scale *= np.where(total > 0, flow.sum() / np.where(total > 0, total, 1.0), 1.0)
        made: FloatArray = factors * flow[:, None]
        made *= scale
        return made


@dataclass(frozen=True)
class _Window:
    """A window: `made` and `came` ``[n_series, n_days]``, 0 where not `known`, and the error `level` ``[n_series]``."""

    made: FloatArray
    came: FloatArray
    known: BoolArray
    signed: BoolArray
    level: FloatArray

    @classmethod
    def of(cls, y_hat: FloatArray, y: FloatArray, signed: BoolArray) -> _Window:
        of_signed = signed[:, None]
        known = ~(np.isnan(y_hat) | np.isnan(y)) & ~(of_signed & (y_hat == 0))
        made = np.where(known, np.where(of_signed, y_hat, np.maximum(y_hat, 0.0)), 0.0)
        came = np.where(known, y, 0.0)
        ratio = _log_ratio(came.sum(axis=-1), made.sum(axis=-1))
        level = np.where(signed, (came - made).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1), ratio)
        return cls(made, came, known, signed, level)

    @property
    def x(self) -> FloatArray:
        """The days' places in the window, ``[n_days]``."""
        return _places(self.made.shape[-1])

    def errors(self) -> tuple[FloatArray, BoolArray]:
        """Errors e of days, ``[n_series, n_days]``, and where they are known."""
        of_signed = self.signed[:, None]
        usable = self.known & (of_signed | ((self.made > 0) & (self.came > 0)))
        return np.where(of_signed, self.came - self.made, _log_ratio(self.came, self.made)), usable

    def factors(self, growth: FloatArray) -> FloatArray:
        """What remains for each day, f, ``[n_series, n_days]``."""
        of_signed, level = self.signed[:, None], self.level[:, None] * (1.0 + growth[:, None] * self.x)
        expected = np.where(of_signed, self.made + level, self.made * np.exp(np.where(of_signed, 0.0, level)))
        ratio_of_day = np.where(expected > 0, self.came / np.where(expected > 0, expected, 1.0), 1.0)
        days = np.where(of_signed, np.where(self.known, self.came - expected, 0.0), ratio_of_day)
        return _carried(days, self.known)


def _growth(windows: Sequence[_Window], counts: FloatArray) -> FloatArray:
    """The b of each series, ``[n_series]``, within -1 and 1; `counts` ``[n_windows]`` add up to what they are worth."""
    n = len(windows[0].level)
    together, alone, scatter, n_days = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    for window, count in zip(windows, counts, strict=True):
        errors, usable = window.errors()
        level, slope = window.level[:, None], window.level[:, None] * window.x
        together += count * (slope * errors * usable).sum(axis=-1)
        alone += count * (slope**2 * usable).sum(axis=-1)
        scatter += count * ((errors - level) ** 2 * usable).sum(axis=-1)
        n_days += count * usable.sum(axis=-1)
    shrunk = alone + scatter / np.maximum(n_days, 1.0) / GROWTH_SD**2
    return np.clip(together / np.where(shrunk > 0, shrunk, 1.0), -1.0, 1.0)


def _places(n_days: int) -> FloatArray:
    """From -1 on the first of the days to 1 on the last, ``[n_days]``; 0 of a single one."""
    return np.linspace(-1.0, 1.0, n_days) if n_days > 1 else np.zeros(n_days)


def _carried(values: FloatArray, known: BoolArray) -> FloatArray:
    """Values ``[..., n_days]``, those of unknown days replaced by the last known before, or else the first."""
    place = np.maximum.accumulate(np.where(known, np.arange(values.shape[-1]), -1), axis=-1)
    place = np.where(place < 0, known.argmax(axis=-1)[..., None], place)
    return np.take_along_axis(values, place, axis=-1)


def _log_ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Zero where either is."""
    usable = (above > 0) & (below > 0)
    return np.where(usable, np.log(np.where(usable, above, 1.0) / np.where(usable, below, 1.0)), 0.0)
