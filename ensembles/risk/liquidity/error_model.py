r"""The joint distribution of the blend's errors of inflow and outflow, drawn from past windows.

The actual value of a day is :math:`ŷ\,e^{m}\,f`. Here m is the error of the whole window, :math:`e^m = Σy / Σŷ`, and
f is what remains for the day, about 1. Both are drawn jointly for all entities and both sides, which keeps their
correlation:

- f is drawn in blocks of days as they were: errors of neighbouring days are alike;
- m is drawn from a multivariate t distribution around zero, because its sign says little about the next window (see
  `blend.calibration`). Its second moments are those of the past windows, and those of single weeks around their window,
  which count for `PRIOR_WINDOWS` windows. All these windows less one are the degrees of freedom, as for bands.

Windows fade and are counted as for bands, see `memory`.

A side of an entity with negative amounts has no ratios. Its actual value is :math:`ŷ + m + f` in amounts of money, with
the mean error m of the window's days, and what remains for the day; nothing is drawn for a day with ŷ = 0, on which the
account is not active. Unknown days count in neither m nor f; where f is drawn, the last known day stands for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.bands.memory import faded, kish, share_once
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["BLOCK", "ErrorModel", "Scenarios", "quantiles"]

BLOCK = 7
"""Days in a block: errors repeat by weekday and last for days."""
PRIOR_WINDOWS = 1
"""Number of windows that the spread of single weeks counts for."""
LARGEST = 30.0
"""Largest log error drawn. With one or two windows the tails of the draws have no bound, and so large an error is
beyond any amount of money."""


@dataclass(frozen=True)
class Scenarios:
    """Draws of the errors to come, the same for all entities: `shares` ``[n_draws, n_windows + n_weeks]`` of each past
    window and single week in the error of the window, `days` ``[n_draws, n_days]`` places in the row of past days.
    """

    shares: FloatArray
    days: IntArray


@dataclass(frozen=True)
class ErrorModel:
    """Errors of some windows: `factors` ``[2, n_entities, all days]`` the f of every day, one window after the
    other; `windows` ``[n_windows, 2, n_entities]`` and `weeks` ``[n_weeks, 2, n_entities]`` log errors. Where `signed`
    ``[2, n_entities]``, they are all amounts. `counts` ``[n_windows]`` what each window counts, `worth` how many
    windows they are worth.
    """

    factors: FloatArray
    windows: FloatArray
    weeks: FloatArray
    horizons: IntArray
    signed: BoolArray
    counts: FloatArray
    worth: float

    @classmethod
    def of(cls, y_hat: FloatArray, y: FloatArray, ds: DateArray, half_life: float) -> ErrorModel:
        """From forecasts and actual values ``[2, n_entities, n_windows, horizon]``; `ds` and `half_life` as for
        `memory.faded`.
        """
        horizons, counts = np.count_nonzero(~np.isnat(ds), axis=1), faded(ds, half_life)
        signed = np.asarray(((y < 0) | (y_hat < 0)).any(axis=(2, 3)))
        factors, windows, weeks = [], [], []
        for k, horizon in enumerate(horizons):
            window = _WindowErrors.of(y_hat[:, :, k, :horizon], y[:, :, k, :horizon], signed)
            windows.append(window.level)
            factors.append(window.factors)
            weeks += window.weeks
        none = np.empty((0, *y.shape[:2]))
        weekly = np.stack(weeks) if weeks else none
        worth = float(kish(counts)) * share_once(ds)
        return cls(np.concatenate(factors, axis=-1), np.stack(windows), weekly, horizons, signed, counts, worth)

    def draw(self, n_draws: int, n_days: int, rng: np.random.Generator) -> Scenarios:
        """Errors of `n_days` days to come, `n_draws` times."""
        days = self._draw_days(n_draws, n_days, rng)
        # A Gaussian weight on each observed error has their second moments, whatever the number of entities.
        held = PRIOR_WINDOWS if len(self.weeks) else 0
        of_windows = rng.standard_normal((n_draws, len(self.windows)))
        of_windows *= np.sqrt(self.counts / self.counts.sum() * self.worth)
        of_weeks = rng.standard_normal((n_draws, len(self.weeks)))
        of_weeks *= np.sqrt(held / max(len(self.weeks), 1))
        freedom = max(self.worth + held - 1.0, 1.0)
        thickness = np.sqrt(freedom / rng.chisquare(freedom, n_draws))
        shares = np.hstack([of_windows, of_weeks]) / np.sqrt(self.worth + held) * thickness[:, None]
        return Scenarios(shares, days)

    def _draw_days(self, n_draws: int, n_days: int, rng: np.random.Generator) -> IntArray:
        """Blocks of days put one after the other, ``[n_draws, n_days]``: places in the row of all windows' days.

        A block has `BLOCK` days, or as many as the shortest window; it is drawn as often as its window counts.
        """
        length = min(BLOCK, int(self.horizons.min()))
        window = np.repeat(np.arange(len(self.horizons)), self.horizons - length + 1)
        first = np.cumsum(self.horizons) - self.horizons
        starts = first[window] + np.arange(len(window)) - np.flatnonzero(np.diff(window, prepend=-1))[window]
        chance = self.counts[window] / self.counts[window].sum()
        drawn = rng.choice(starts, size=(n_draws, -(-n_days // length)), p=chance)
        days: IntArray = (drawn[..., None] + np.arange(length)).reshape(n_draws, -1)[:, :n_days]
        return days

    def net_outflow(self, y_hat: FloatArray, entity: int, drawn: Scenarios) -> FloatArray:
        """Net outflow of one entity, ``[n_draws, n_days]``, for its forecasts `y_hat` ``[2, n_days]``."""
        came, left = (self._flow(y_hat[side], (side, entity), drawn) for side in (0, 1))
        outflow: FloatArray = left - came
        return outflow

    def _flow(self, y_hat: FloatArray, place: tuple[int, int], drawn: Scenarios) -> FloatArray:
        """One side of an entity, at its `place`, ``[n_draws, n_days]``."""
        past = np.concatenate([self.windows[:, *place], self.weeks[:, *place]])
        level, factors = (drawn.shares @ past)[:, None], self.factors[place][drawn.days]
        if self.signed[place]:
            return np.where(y_hat == 0, 0.0, y_hat + level + factors)
        flow: FloatArray = y_hat * np.exp(np.minimum(level, LARGEST)) * factors
        return flow


def quantiles(values: FloatArray, shares: FloatArray) -> FloatArray:
    """Quantiles over the draws of values ``[n_draws, n]``, ``[n_shares, n]``: those of `np.quantile`.

    One sort of contiguous rows, because a panel asks for thousands of them.
    """
    ranked = np.sort(np.ascontiguousarray(values.T), axis=1)
    place = shares * (ranked.shape[1] - 1)
    below = place.astype(np.int64)
    above, part = np.minimum(below + 1, ranked.shape[1] - 1), place - below
    low, high = ranked[:, below], ranked[:, above]
    made = np.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1.0 - part))
    return np.asarray(made.T)


@dataclass(frozen=True)
class _WindowErrors:
    """Errors of one window: `level` ``[2, n_entities]``, `factors` ``[2, n_entities, n_days]`` and one array ``[2,
    n_entities]`` for each of its whole `weeks`.
    """

    level: FloatArray
    factors: FloatArray
    weeks: list[FloatArray]

    @classmethod
    def of(cls, y_hat: FloatArray, y: FloatArray, signed: BoolArray) -> _WindowErrors:
        """From forecasts and actual values ``[2, n_entities, n_days]``."""
        of_signed = signed[..., None]
        known = ~(np.isnan(y_hat) | np.isnan(y)) & ~(of_signed & (y_hat == 0))
        made = np.where(known, np.where(of_signed, y_hat, np.maximum(y_hat, 0.0)), 0.0)
        came = np.where(known, y, 0.0)
        level = _level(came, made, known, signed)
        expected = np.where(of_signed, made + level[..., None], made * np.exp(np.where(signed, 0.0, level))[..., None])
        ratio = np.where(expected > 0, came / np.where(expected > 0, expected, 1.0), 1.0)
        days = np.where(of_signed, np.where(known, came - expected, 0.0), ratio)
        weeks = [slice(start, start + BLOCK) for start in range(0, y.shape[-1] - BLOCK + 1, BLOCK)]
        in_weeks = [_level(came[..., w], expected[..., w], known[..., w], signed) for w in weeks]
        return cls(level, _carried(days, known), in_weeks)


def _level(came: FloatArray, expected: FloatArray, known: BoolArray, signed: BoolArray) -> FloatArray:
    """Error of all days together, ``[2, n_entities]``: log ratio of the sums, or mean difference of the known days."""
    ratio = _log_ratio(came.sum(axis=-1), expected.sum(axis=-1))
    difference = np.where(known, came - expected, 0.0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
    return np.where(signed, difference, ratio)


def _carried(values: FloatArray, known: BoolArray) -> FloatArray:
    """Values ``[..., n_days]``, those of unknown days replaced by the last known before, or else the first."""
    place = np.maximum.accumulate(np.where(known, np.arange(values.shape[-1]), -1), axis=-1)
    place = np.where(place < 0, known.argmax(axis=-1)[..., None], place)
    return np.take_along_axis(values, place, axis=-1)


def _log_ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Zero where either is."""
    usable = (above > 0) & (below > 0)
    return np.where(usable, np.log(np.where(usable, above, 1.0) / np.where(usable, below, 1.0)), 0.0)
