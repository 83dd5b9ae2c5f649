r"""The joint distribution of the blend's errors of all series, drawn from past windows.

The actual value of a day is :math:`ŷ\,e^{m}\,f`. Here m is the error of the whole window, :math:`e^m = Σy / Σŷ`, and
f is what remains for the day, about 1. Both are drawn jointly for all series, which keeps their correlation:

- f is drawn as the days of one past window, in their order, from a random day on and around its end: errors of
  neighbouring days are alike. It is scaled so that :math:`Σŷf = Σŷ` over the days to come, as it is in its own window.
  So the sum of all days has the error m alone, and sums of some of the days have what they had in past windows;
- m is drawn from a multivariate t distribution around zero, because its sign says little about the next window (see
  `blend.calibration`). Its second moments are those of the past windows, whose number gives the degrees of freedom.

Windows fade and are counted as for bands, see `memory`.

A series with negative amounts has no ratios. Its actual value is :math:`ŷ + m + f` in amounts of money, with the mean
error m of the window's days, and what remains for the day, which sums to 0; nothing is drawn for a day with ŷ = 0, on
which the account is not active. Unknown days count in neither m nor f; where f is drawn, the last known day stands for
them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.bands.memory import faded, kish, share_once
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["ErrorModel", "Scenarios"]

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
    `levels` ``[n_windows, n_series]`` the log errors m. Of `signed` ``[n_series]``, both are amounts. `horizons`
    ``[n_windows]`` in days; `counts` ``[n_windows]`` what each window counts, `worth` how many windows they are worth.
    """

    factors: FloatArray
    levels: FloatArray
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
        windows = [_errors(y_hat[:, k, :horizon], y[:, k, :horizon], signed) for k, horizon in enumerate(horizons)]
        levels, factors = (np.stack([m for m, _ in windows]), np.concatenate([f for _, f in windows], axis=-1))
        return cls(factors, levels, horizons, signed, counts, float(kish(counts)) * share_once(ds))

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
        whole = len(y_hat) >= int(self.horizons.min())  # fewer days are a part of a window, whose sum is not its own
        if self.signed[row]:
            active = y_hat != 0
            if whole and active.any():
                factors -= factors[active].mean(axis=0)
            return np.where(active[:, None], y_hat[:, None] + level + factors, 0.0)
        flow = np.maximum(y_hat, 0.0)
        scale = np.exp(np.minimum(level, LARGEST))
        if whole:
            total = flow @ factors
            scale *= np.where(total > 0, flow.sum() / np.where(total > 0, total, 1.0), 1.0)
        made: FloatArray = factors * flow[:, None]
        made *= scale
        return made


def _errors(y_hat: FloatArray, y: FloatArray, signed: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Errors m ``[n_series]`` of one window and f ``[n_series, n_days]`` of its days."""
    of_signed = signed[:, None]
    known = ~(np.isnan(y_hat) | np.isnan(y)) & ~(of_signed & (y_hat == 0))
    made = np.where(known, np.where(of_signed, y_hat, np.maximum(y_hat, 0.0)), 0.0)
    came = np.where(known, y, 0.0)
    ratio = _log_ratio(came.sum(axis=-1), made.sum(axis=-1))
    level = np.where(signed, (came - made).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1), ratio)
    expected = np.where(of_signed, made + level[:, None], made * np.exp(np.where(signed, 0.0, level))[:, None])
    ratio_of_day = np.where(expected > 0, came / np.where(expected > 0, expected, 1.0), 1.0)
    days = np.where(of_signed, np.where(known, came - expected, 0.0), ratio_of_day)
    return level, _carried(days, known)


def _carried(values: FloatArray, known: BoolArray) -> FloatArray:
    """Values ``[..., n_days]``, those of unknown days replaced by the last known before, or else the first."""
    place = np.maximum.accumulate(np.where(known, np.arange(values.shape[-1]), -1), axis=-1)
    place = np.where(place < 0, known.argmax(axis=-1)[..., None], place)
    return np.take_along_axis(values, place, axis=-1)


def _log_ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Zero where either is."""
    usable = (above > 0) & (below > 0)
    return np.where(usable, np.log(np.where(usable, above, 1.0) / np.where(usable, below, 1.0)), 0.0)
