"""The blend: one combination per target, chosen together, with the scores it earned honestly.

In: the targets' out-of-fold cubes and weights. Out: a `Blend` that turns the members' final forecasts into the
submission's, and knows what the same procedure scored on every backtest window when it could look at earlier
windows only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ensembles.blend.best_single import BestSingle, follow_best_single
from ensembles.blend.calibration import Calibration, follow_factor
from ensembles.blend.choice import Course, Pair
from ensembles.blend.combination import BASELINE, Candidate, Fitted, FittingRules, Method, parse_candidate
from ensembles.blend.tracks import Track, choosing_windows, track_candidates
from ensembles.judging.window_scores import window_scores
from ensembles.oof import MemberInfo, OofCube, known_before
from ensembles.risk.bands import BandRule, Bands, Coverage, coverage, fit_bands, follow_bands
from forecasting.errors import TooManyFailures
from forecasting.schema import FloatArray
from forecasting.score.points import Surrogate

__all__ = ["Blend", "BlendSpec", "Pair", "Prequential", "fit_blend"]

ALL_METHODS: tuple[Method, ...] = ("mean", "median", "trimmed-mean", "best-single", "simplex", "greedy")


class BlendSpec(BaseModel):
    """How members are combined."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidates: tuple[str, ...] = Field(
        ALL_METHODS,
        description="combinations tried for each target: a method over families and over settings, or over one as in "
        "greedy/families; the mean over families is always among them",
    )
    tie: float = Field(0.1, ge=0, description="points within which the simplest combination wins over the best")
    shrinkage: float = Field(
        3.0, ge=0, description="windows of evidence that equal weights count for against fitted simplex weights"
    )

    calibrate: bool = Field(True, description="multiply by the factor that raises the expected score, a little below 1")

    @field_validator("candidates")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            parse_candidate(name)
        return names

    def parsed(self) -> tuple[Candidate, ...]:
        """The candidates without repetition, simplest first, the family-equal mean among them."""
        found = {candidate for name in self.candidates for candidate in parse_candidate(name)} | {BASELINE}
        return tuple(sorted(found, key=lambda candidate: candidate.complexity))


@dataclass(frozen=True)
class Prequential:
    """The blend's forecasts of the backtest windows, each by what was known at its cutoff.

    `y_hat` per target ``[n_series, n_windows, horizon]`` and `bands` around them; `scores` per target
    ``[n_windows]``; `per_window` ``[n_windows]`` their weighted totals; `choices` ``[n_windows]`` the candidate of
    each target; `real` ``[n_windows]`` whether there was anything to choose by.
    """

    y_hat: Mapping[str, FloatArray]
    bands: Mapping[str, Bands]
    scores: Mapping[str, FloatArray]
    per_window: FloatArray
    choices: tuple[Mapping[str, Candidate], ...]
    real: tuple[bool, ...]

    @property
    def score(self) -> float:
        """Mean of the windows' weighted totals."""
        return float(self.per_window.mean())


@dataclass(frozen=True)
class Blend:
    """What `fit_blend` found.

    Per target: `fitted` the combination in use, `calibration` the factor on it, `band_rules` its bands and
    `coverage` what they held, `tracks` every candidate's honest course. Over all targets: `pairs` the ranking of
    the final choice, `score_in_sample` the total of the blend on the windows it was fitted on, `best_single` None
    when no member has all targets.
    """

    surrogate: Surrogate
    weights: Mapping[str, float]
    fitted: Mapping[str, Fitted]
    calibration: Mapping[str, Calibration]
    band_rules: Mapping[str, BandRule]
    coverage: Mapping[str, Mapping[int, Coverage]]
    prequential: Prequential
    score_in_sample: float
    pairs: tuple[Pair, ...]
    tracks: Mapping[str, tuple[Track, ...]]
    best_single: BestSingle | None

    def members(self, target: str) -> tuple[MemberInfo, ...]:
        """Members whose forecasts `apply` needs, in its order."""
        return self.fitted[target].members

    def apply(self, target: str, y_hat: FloatArray) -> FloatArray:
        """Blend members' forecasts ``[n_series, ..., n_members]`` of a target into ``[n_series, ...]``."""
        return self.fitted[target].apply(y_hat) * self.calibration[target].final

    def bands(self, target: str, y_hat: FloatArray) -> Bands:
        """Prediction intervals around the blend's forecasts ``[n_series, horizon]`` of a target."""
        return self.band_rules[target].apply(y_hat)


def fit_blend(
    cubes: Mapping[str, OofCube], weights: Mapping[str, float], spec: BlendSpec, surrogate: Surrogate
) -> Blend:
    """Choose and fit the blend.

    Parameters
    ----------
    cubes
        One per target, over the same windows; their yardsticks are left out.
    weights
        Of each target in the total; they sum to 1.

    Raises
    ------
    TooManyFailures
        When a target has no member with a complete set of forecasts.
    """
    cubes = {target: cube.blendable() for target, cube in cubes.items()}
    for target, cube in cubes.items():
        if not cube.members:
            raise TooManyFailures(f"no member has a complete set of forecasts of {target}: see their reasons")
    rules = FittingRules(surrogate, spec.shrinkage)
    tracks = {target: track_candidates(cube, spec.parsed(), rules) for target, cube in cubes.items()}
    course = Course(tracks, np.array([weights[t] for t in cubes]), spec.tie, surrogate)
    first = next(iter(cubes.values()))
    before = known_before(first.cutoffs, first.horizons)
    past = (*before, np.arange(len(before)))  # of every window, and of the days to come
    choosing = [choosing_windows(before, known) for known in past]
    choices, pairs = course.choices(choosing[:-1]), course.pairs(choosing[-1])
    calibration = {
        target: follow_factor(y_hat, cubes[target].y, past, choosing, surrogate)
        if spec.calibrate
        else Calibration.none(y_hat)
        for target, y_hat in course.forecasts(choices).items()
    }
    honest = _prequential(cubes, weights, surrogate, calibration, choices, tuple(len(w) > 0 for w in choosing[:-1]))
    chosen = next(pair for pair in pairs if pair.chosen).candidates
    fitted = {target: course.track(target, chosen[target]).final for target in cubes}
    baseline = {target: course.track(target, BASELINE).y_hat for target in cubes}
    return Blend(
        surrogate=surrogate,
        weights={target: weights[target] for target in cubes},
        fitted=fitted,
        calibration=calibration,
        band_rules={target: fit_bands(honest.y_hat[target], cube.y) for target, cube in cubes.items()},
        coverage={t: coverage(honest.bands[t], cube.y, cube.horizons) for t, cube in cubes.items()},
        prequential=honest,
        score_in_sample=_score_in_sample(cubes, weights, surrogate, fitted, calibration),
        pairs=pairs,
        tracks=tracks,
        best_single=follow_best_single(cubes, weights, surrogate, baseline),
    )


def _prequential(
    cubes: Mapping[str, OofCube],
    weights: Mapping[str, float],
    surrogate: Surrogate,
    calibration: Mapping[str, Calibration],
    choices: tuple[Mapping[str, Candidate], ...],
    real: tuple[bool, ...],
) -> Prequential:
    y_hat = {target: calibration[target].y_hat for target in cubes}
    scores = {target: window_scores(y_hat[target], cube.y, surrogate) for target, cube in cubes.items()}
    bands = {
        target: follow_bands(y_hat[target], cube.y, known_before(cube.cutoffs, cube.horizons))
        for target, cube in cubes.items()
    }
    total = np.zeros(len(choices))
    for target, values in scores.items():
        total += weights[target] * values
    return Prequential(y_hat, bands, scores, total, choices, real)


def _score_in_sample(
    cubes: Mapping[str, OofCube],
    weights: Mapping[str, float],
    surrogate: Surrogate,
    fitted: Mapping[str, Fitted],
    calibration: Mapping[str, Calibration],
) -> float:
    total = 0.0
    for target, cube in cubes.items():
        y_hat = fitted[target].apply(cube.y_hat) * calibration[target].final
        total += weights[target] * float(window_scores(y_hat, cube.y, surrogate).mean())
    return total
