"""What this configuration would have scored had it been used: window by window, from out-of-fold forecasts alone.

The blend stands against what one could have done instead: blend one family only, use the single member that
looked best at the time, repeat last week. Each contender is honest in the same way: nothing it did for a window
knew that window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ensembles.blend import BlendSpec, fit_blend
from ensembles.bootstrap import BLOCK, CONFIDENCE, interval, resampled_days
from ensembles.oof import OofCube
from ensembles.scores import window_scores
from forecasting.schema import BLEND, FloatArray, IntArray, iso
from forecasting.scoring import FULL_MARK, Surrogate, points, round_submission

__all__ = ["Contender", "Evaluation", "evaluate"]

NAIVE = "seasonal-naive"
Forecasts = Mapping[str, FloatArray]
"""Per target ``[n_series, n_windows, horizon]``."""


@dataclass(frozen=True)
class Contender:
    """Scores of one way to forecast; `ahead` is how much the blend scored more, paired day by day.

    Intervals are block-bootstrap ones at `CONFIDENCE`.
    """

    name: str
    score: float
    low: float
    high: float
    per_window: tuple[float, ...]
    ahead: float
    ahead_low: float
    ahead_high: float


@dataclass(frozen=True)
class Evaluation:
    """The blend first, then the others, best first."""

    surrogate: Surrogate
    cutoffs: tuple[str, ...]
    n_days: int
    confidence: float
    block_days: int
    contenders: tuple[Contender, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def evaluate(
    cubes: Mapping[str, OofCube], weights: Mapping[str, float], spec: BlendSpec, surrogate: Surrogate
) -> Evaluation:
    """Judge the blend and its alternatives on every window.

    Parameters
    ----------
    cubes
        One per target, over the same windows.

    Raises
    ------
    TooManyFailures
        When a target has no member.
    """
    judge = _Judge.of(cubes, weights, surrogate)
    forecasts = _forecasts(cubes, weights, spec, surrogate)
    drawn = {name: judge.resampled(y_hat) for name, y_hat in forecasts.items()}
    windows = {name: judge.per_window(y_hat) for name, y_hat in forecasts.items()}
    rows = [_contender(name, windows, drawn) for name in forecasts]
    first = next(iter(cubes.values()))
    return Evaluation(
        surrogate=surrogate,
        cutoffs=tuple(iso(cutoff) for cutoff in first.cutoffs),
        n_days=int(first.horizons.sum()),
        confidence=CONFIDENCE,
        block_days=BLOCK,
        contenders=tuple(sorted(rows, key=lambda row: (row.name != BLEND, -row.score, row.name))),
    )


def _contender(name: str, windows: Mapping[str, FloatArray], drawn: Mapping[str, FloatArray]) -> Contender:
    score, ahead = float(windows[name].mean()), float((windows[BLEND] - windows[name]).mean())
    low, high = interval(score, drawn[name])
    ahead_low, ahead_high = interval(ahead, drawn[BLEND] - drawn[name])
    return Contender(name, score, low, high, tuple(float(v) for v in windows[name]), ahead, ahead_low, ahead_high)


def _forecasts(
    cubes: Mapping[str, OofCube], weights: Mapping[str, float], spec: BlendSpec, surrogate: Surrogate
) -> dict[str, Forecasts]:
    blend = fit_blend(cubes, weights, spec, surrogate)
    found: dict[str, Forecasts] = {BLEND: blend.prequential.y_hat}
    for family in sorted({m.family for cube in cubes.values() for m in cube.members}):
        own = {target: _only(cube, family) for target, cube in cubes.items()}
        if all(cube.members for cube in own.values()):
            found[f"{family} alone, blended"] = fit_blend(own, weights, spec, surrogate).prequential.y_hat
    if blend.best_single is not None:
        found["best single member, as picked"] = blend.best_single.y_hat
    naive = {
        target: cube.y_hat[..., i]
        for target, cube in cubes.items()
        for i, member in reversed(list(enumerate(cube.members)))  # of several, the first stands
        if member.setting.startswith(NAIVE)
    }
    return found | ({NAIVE: naive} if len(naive) == len(cubes) else {})


def _only(cube: OofCube, family: str) -> OofCube:
    rows = [i for i, m in enumerate(cube.members) if m.family == family]
    return replace(cube, members=tuple(cube.members[i] for i in rows), y_hat=cube.y_hat[..., rows])


@dataclass(frozen=True)
class _Judge:
    cubes: Mapping[str, OofCube]
    weights: Mapping[str, float]
    surrogate: Surrogate
    days: IntArray
    """Resampled days, ``[n_resamples, n_days]``."""

    @classmethod
    def of(cls, cubes: Mapping[str, OofCube], weights: Mapping[str, float], surrogate: Surrogate) -> _Judge:
        return cls(cubes, weights, surrogate, resampled_days(next(iter(cubes.values())).horizons))

    def per_window(self, y_hat: Forecasts) -> FloatArray:
        """Weighted total of each window."""
        total = np.zeros(len(next(iter(self.cubes.values())).cutoffs))
        for target, cube in self.cubes.items():
            total += self.weights[target] * window_scores(y_hat[target], cube.y, self.surrogate)
        return total

    def resampled(self, y_hat: Forecasts) -> FloatArray:
        """Weighted total of each resample, ``[n_resamples]``."""
        total = np.zeros(len(self.days))
        for target, cube in self.cubes.items():
            earned, size = (values[self.days].sum(axis=1) for values in self._daily(y_hat[target], cube))
            ratio = earned / np.where(size == 0, np.nan, size)
            total += self.weights[target] * (FULL_MARK * (1.0 - ratio) if self.surrogate == "wape" else ratio)
        return total

    def _daily(self, y_hat: FloatArray, cube: OofCube) -> tuple[FloatArray, FloatArray]:
        """Sums over series of what a day adds above and below the fraction bar of the score, ``[n_days]`` each."""
        known = ~np.isnan(cube.y)
        y, y_hat = np.where(known, cube.y, 0.0), np.where(known, round_submission(y_hat), 0.0)
        if self.surrogate == "wape":
            above, below = np.abs(y_hat - y), y
        else:
            above, below = np.where(known, points(y_hat, y, self.surrogate), 0.0), known.astype(float)
        inside = np.arange(y.shape[2]) < cube.horizons[:, None]
        return above.sum(axis=0)[inside], below.sum(axis=0)[inside]
