r"""Window effect and day effect of the blend's errors, estimated from its out-of-fold forecasts.

Errors of all targets and series are pooled. Each is divided by the size usual for its step, which rises smoothly, and
by its series' own size. That is the mean absolute day effect, held toward the common one on a scale of logs: the common
one counts for at most `PRIOR` periods, so it fades as evidence comes in, and for fewer the more the series differ
(an empirical Bayes estimate). Then

- the day effect z is what remains of an error without its window's mean, as it was observed: no distribution is
  assumed. It is divided by its series' size as the other days tell it, since the day to come tells nothing either;
- the window effect u has the variance of the windows' means, less what day effects alone would give them. It is
  :math:`τ\,t_ν` distributed with as many degrees of freedom as there are windows, less one.

The quantile of :math:`|u + z|` solves :math:`\sum p_i\,P(|τ\,t_ν + z_i| \le q) = \mathrm{level}`. One more observation,
the day to come, counts as infinite (split conformal prediction). So few windows widen a band; one window gives none,
and nor do too few periods for a level: 95% takes 19. Windows of a single period have no window effect that could be
told from that of the day, so there the quantile is that of the errors themselves.

An error's weight halves every `BandSpec.half_life`, or two horizons if these are longer: a young fund's flows calm
down. Periods are counted as Kish does for unequal weights, and those in several windows count once.

References
----------
Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-free predictive inference for regression.
Barber, Candès, Ramdas and Tibshirani (2023), Conformal prediction beyond exchangeability (the weights).
Kish (1965), Survey Sampling (the effective sample size). Searle, Casella and McCulloch (1992), Variance Components.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from ensembles.bands.memory import faded, kish, share_once
from ensembles.bands.rules import BandRule, Bands, BandSpec
from ensembles.oof import log_errors
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["fit_bands", "fit_rules", "prequential_bands"]

PRIOR = 5.0
"""Periods of evidence that the common size counts for against a series' own, at most: fewer where sizes differ."""
SAMPLING = 0.57
"""Variance of the logarithm of a mean absolute error, times the number of errors: that of normal ones."""
LEAST = 0.01
"""A series' own size at least, as a share of the common one."""
PRIOR_WINDOWS = 4
"""Windows of evidence that a scale equal for all steps counts for against the slope found."""
PRIOR_DAYS = 30
"""Days of evidence that the common size counts for where the slope is sought."""
STEEPEST = 1.5
"""Scale of the last step at most, as a multiple of the mean: the first is as far below."""
GRID = 400
"""Quantiles that stand for the day effects where window effects are added."""
FEWEST = 2
"""Windows that a band takes."""


def fit_rules(
    y_hat: Mapping[str, FloatArray], y: Mapping[str, FloatArray], ds: DateArray, spec: BandSpec
) -> dict[str, BandRule]:
    """Rule of each target from medians and actual values ``[n_series, n_windows, horizon]`` of all of them.

    Parameters
    ----------
    ds
        Dates ``[n_windows, horizon]``, NaT where a window is padded.
    """
    rule = fit_bands(_stacked(y_hat), _stacked(y), ds, spec)
    return {target: rule.series(rows) for target, rows in _rows(y).items()}


def prequential_bands(
    y_hat: Mapping[str, FloatArray],
    y: Mapping[str, FloatArray],
    ds: DateArray,
    before: Sequence[IntArray],
    spec: BandSpec,
) -> dict[str, Bands]:
    """By target the bands of every window from the windows before it; NaN where these are too few."""
    centre, known = _stacked(y_hat), _stacked(y)
    low, high = ({level: np.full(known.shape, np.nan) for level in spec.levels} for _ in range(2))
    for window, past in enumerate(before):
        if len(past) >= FEWEST:
            bands = fit_bands(centre[:, past], known[:, past], ds[past], spec).apply(centre[:, window])
            for level in spec.levels:
                low[level][:, window], high[level][:, window] = bands.low[level], bands.high[level]
    return {target: Bands(centre, low, high).at(rows) for target, rows in _rows(y).items()}


def _stacked(by_target: Mapping[str, FloatArray]) -> FloatArray:
    return np.concatenate(list(by_target.values()))


def _rows(by_target: Mapping[str, FloatArray]) -> dict[str, slice]:
    """Places of each target's series in `_stacked`."""
    stops = np.cumsum([len(values) for values in by_target.values()]).tolist()
    starts = [0, *stops[:-1]]
    return {t: slice(start, stop) for t, start, stop in zip(by_target, starts, stops, strict=True)}


def fit_bands(y_hat: FloatArray, y: FloatArray, ds: DateArray, spec: BandSpec) -> BandRule:
    """Rule from medians and actual values, ``[n_series, n_windows, horizon]``, windows oldest first.

    Unknown days are left out, and so are days with ŷ = 0 or, on a scale of logs, y = 0: they have no ratio.
    """
    amounts = _sizes(y_hat, y)
    errors = _errors(y_hat, y, amounts)
    evidence = _Evidence.of(~np.isnan(errors), ds, spec.half_life)
    none = dict.fromkeys(spec.levels, np.nan)
    if not evidence.known.any():
        return BandRule(np.full(len(y), np.nan), 0.0, 0.0, none, amounts)
    slope, centre = _step_line(np.abs(errors), evidence)
    line = 1.0 + slope * (np.arange(errors.shape[2]) - centre)
    effects = _Effects.of(errors / line, evidence)
    quantiles = none if evidence.windows < FEWEST else {level: effects.quantile(level) for level in spec.levels}
    return BandRule(effects.own, slope, centre, quantiles, amounts)


def _sizes(y_hat: FloatArray, y: FloatArray) -> FloatArray | None:
    """Usual size of the amounts of each series with a negative one, the median of those that are not 0, and 0 for other
    series, ``[n_series]``; None where no series has any.
    """
    signed = (y < 0).any(axis=(1, 2)) | (y_hat < 0).any(axis=(1, 2))
    if not signed.any():
        return None
    sizes = np.zeros(len(y))
    for row in np.flatnonzero(signed):
        amounts = next(found for values in (y, y_hat) if len(found := values[row][np.abs(values[row]) > 0]))
        sizes[row] = np.median(np.abs(amounts))
    return sizes


def _errors(y_hat: FloatArray, y: FloatArray, amounts: FloatArray | None) -> FloatArray:
    """Errors on the scale of each series, NaN where there is none: see `fit_bands`."""
    errors = log_errors(y_hat, y)
    if amounts is None:
        return errors
    size = np.where(amounts > 0, amounts, 1.0)[:, None, None]
    of_signed = np.where(y_hat == 0, np.nan, np.arcsinh(y / size) - np.arcsinh(y_hat / size))
    return np.where((amounts > 0)[:, None, None], of_signed, errors)


@dataclass(frozen=True)
class _Evidence:
    """Which errors are `known` ``[n_series, n_windows, horizon]`` and what each counts, `weight`, in the same shape.

    `windows` that hold one, `freedom` their number less one, where they overlap fewer; `once` as `share_once`.
    """

    known: BoolArray
    weight: FloatArray
    windows: int
    freedom: float
    once: float

    @classmethod
    def of(cls, known: BoolArray, ds: DateArray, half_life: float) -> Self:
        by_window, once = faded(ds, half_life), share_once(ds)
        used = known.any(axis=(0, 2))
        weight = np.where(known, by_window[:, None], 0.0)
        return cls(known, weight, int(used.sum()), max(float(used.sum()) * once - 1.0, 1.0), once)

    def mean(self, values: FloatArray, axis: tuple[int, ...] | None = None) -> FloatArray:
        """Weighted mean of the known values; 0 without any."""
        total = self.weight.sum(axis=axis)
        added = np.where(self.known, values, 0.0) * self.weight
        return np.asarray(added.sum(axis=axis) / np.where(total == 0, 1.0, total))

    def without_each(self, values: FloatArray, mean: FloatArray, periods: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Means and periods of each series ``[n_series]`` when one of its values is left out, in the values' shape."""
        total = self.weight.sum(axis=(1, 2))[:, None, None]
        rest = np.maximum(total - self.weight, 0.0)
        left = mean[:, None, None] * total - np.where(self.known, values, 0.0) * self.weight
        share = rest / np.where(total > 0, total, 1.0)
        return np.maximum(left, 0.0) / np.where(rest > 0, rest, 1.0), periods[:, None, None] * share

    def periods(self, axis: tuple[int, ...] | None = None) -> FloatArray:
        """How many periods are known, their weights and overlaps considered."""
        return np.asarray(kish(self.weight, axis) * self.once)


def _step_line(size: FloatArray, evidence: _Evidence) -> tuple[float, float]:
    """Slope and centre of the scale over steps, mean 1: a line that does not fall, held toward a flat one."""
    n_windows, n_steps = size.shape[1:]
    weight, common = evidence.weight, float(evidence.mean(size))
    days = weight.sum(axis=(0, 1))
    centre = float((days * np.arange(n_steps)).sum() / days.sum())
    away = np.arange(n_steps) - centre
    across = (days * away**2).sum()
    if across == 0.0 or common == 0.0:
        return 0.0, centre
    n_own = weight.sum(axis=(1, 2))
    own = (evidence.mean(size, (1, 2)) * n_own + PRIOR_DAYS * common) / (n_own + PRIOR_DAYS)
    relative = np.where(evidence.known, size, 0.0) * weight / own[:, None, None]
    slope = (relative.sum(axis=(0, 1)) * away).sum() / across / (relative.sum() / days.sum())
    held = slope * n_windows / (n_windows + PRIOR_WINDOWS)
    return float(np.clip(held, 0.0, (STEEPEST - 1.0) / np.abs(away).max())), centre


@dataclass(frozen=True)
class _Effects:
    """Errors taken apart: `own` size of each series ``[n_series]``; in units of it the size of the window effect,
    `spread`, with its degrees of `freedom`, and the day effects' sizes ``[n]`` with their probabilities.
    """

    own: FloatArray
    spread: float
    freedom: float
    sizes: FloatArray
    chances: FloatArray

    @classmethod
    def of(cls, errors: FloatArray, evidence: _Evidence) -> Self:
        n_known = evidence.known.sum(axis=2)
        level = np.where(n_known > 1, np.where(evidence.known, errors, 0.0).sum(axis=2) / np.maximum(n_known, 1), 0.0)
        stretch = np.sqrt(n_known / np.maximum(n_known - 1.0, 1.0))
        day = np.abs(errors - level[..., None]) * stretch[..., None]
        found, periods = evidence.mean(day, (1, 2)), evidence.periods((1, 2))
        held = _Sizes.of(found, periods)
        own = held.held(found, periods)
        unit = np.where(own > 0, own, 1.0)
        variance = float(evidence.mean((day / unit[:, None, None]) ** 2))
        weight = np.where(n_known > 1, evidence.weight.max(axis=2), 0.0)
        beyond = (level / unit[:, None]) ** 2 - variance / np.maximum(n_known, 1)
        spread = np.sqrt(max(float((weight * beyond).sum() / max(weight.sum(), 1e-300)), 0.0))
        others = held.held(*evidence.without_each(day, found, periods))
        sizes = (day / np.where(others > 0, others, 1.0))[evidence.known]
        chances = evidence.weight[evidence.known]
        order, n = np.argsort(sizes, kind="stable"), float(evidence.periods())
        return cls(own, spread, evidence.freedom, sizes[order], chances[order] / chances.sum() * n / (n + 1.0))

    def quantile(self, level: int) -> float:
        """Of the size of an error, in units of the series' own; NaN where the periods cannot show it."""
        reached = np.cumsum(self.chances)
        if reached[-1] < level / 100 - 1e-12:
            return float("nan")
        if self.spread == 0.0:
            return float(self.sizes[min(int(np.searchsorted(reached, level / 100 - 1e-12)), len(reached) - 1)])
        return self._of_sums(level / 100, reached)

    def _of_sums(self, share: float, reached: FloatArray) -> float:
        from scipy.special import stdtr

        middle = (np.arange(GRID) + 0.5) / GRID * reached[-1]
        sizes = self.sizes[np.minimum(np.searchsorted(reached, middle), len(reached) - 1)]
        low, high = 0.0, float(sizes[-1] + self.spread)

        def covered(q: float) -> float:
            ends = stdtr(self.freedom, (np.stack([q - sizes, -q - sizes])) / self.spread)
            return float((ends[0] - ends[1]).mean() * reached[-1])

        while covered(high) < share and high < 1e6 * (sizes[-1] + self.spread):
            low, high = high, 2.0 * high
        for _ in range(60):
            middle_q = (low + high) / 2.0
            low, high = (low, middle_q) if covered(middle_q) >= share else (middle_q, high)
        return high


@dataclass(frozen=True)
class _Sizes:
    """How a series' size is held toward the common one: the logarithm of that, `centre`, and the periods that it counts
    for, `prior`.
    """

    centre: float
    prior: float

    @classmethod
    def of(cls, found: FloatArray, periods: FloatArray) -> Self:
        """From mean absolute day effects ``[n_series]`` and how many periods told them."""
        seen = (found > 0) & (periods > 0)
        if not seen.any():
            return cls(-np.inf, PRIOR)
        trust, logs = periods[seen] / (periods[seen] + PRIOR), np.log(found[seen])
        shares = trust / trust.sum()
        centre = float((shares * logs).sum())
        apart = float((shares * ((logs - centre) ** 2 - SAMPLING / periods[seen])).sum())
        return cls(centre, min(PRIOR, SAMPLING / max(apart, 1e-9)))

    def held(self, found: FloatArray, periods: FloatArray) -> FloatArray:
        """Sizes held toward the common one, in the shape given."""
        if np.isinf(self.centre):
            return np.zeros(found.shape)
        own = np.log(np.maximum(found, LEAST * np.exp(self.centre)))
        return np.asarray(np.exp(self.centre + periods / (periods + self.prior) * (own - self.centre)))
