"""The blend: one combination per target, chosen together, with the scores it earned on windows it had not seen.

Takes the targets' out-of-fold cubes and weights. Gives a `Blend`: what turns the members' final forecasts into the
submission's, and the evidence, which says what the same procedure scored on every backtest window when it could look at
earlier windows only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ensembles.bands.fit import fit_rules, prequential_bands
from ensembles.bands.rules import BandSpec, coverage
from ensembles.blend.best_single_picks import pick_best_single
from ensembles.blend.calibration import Calibration, prequential_factors
from ensembles.blend.choice import Chooser
from ensembles.blend.combination import BASELINE
from ensembles.blend.evidence import Evidence, PrequentialForecasts
from ensembles.blend.methods.base import FittingRules
from ensembles.blend.pair import Choice
from ensembles.blend.spec import BlendSpec
from ensembles.blend.target_blend import TargetBlend
from ensembles.blend.tracks import choosing_windows, track_candidates
from ensembles.judging.judge import Forecasts, Judge
from ensembles.oof import OofCube, known_before
from forecasting.errors import TooManyFailures
from forecasting.schema import DateArray, FloatArray, IntArray
from forecasting.score.names import score_named

__all__ = ["Blend", "fit_blend"]


@dataclass(frozen=True)
class Blend:
    """What `fit_blend` found: `targets` is all it takes to forecast, `evidence` says why, and what it is worth."""

    targets: Mapping[str, TargetBlend]
    evidence: Evidence


def fit_blend(
    cubes: Mapping[str, OofCube],
    weights: Mapping[str, float],
    spec: BlendSpec,
    surrogate: str,
    rounding: float | None = None,
    bands: BandSpec | None = None,
) -> Blend:
    """Choose and fit the blend.

    Parameters
    ----------
    cubes
        One per target, over the same windows; their yardsticks are left out.
    weights
        Of each target in the total; they sum to 1.
    surrogate
        Name of the score.
    rounding
        Smallest step of a submission: see `Judge`.
    bands
        Levels of the bands and the memory of their errors; None: the usual ones, of days.

    Raises
    ------
    TooManyFailures
        When a target has no member with a complete set of forecasts.
    """
    cubes = {target: cube.blendable() for target, cube in cubes.items()}
    for target, cube in cubes.items():
        if not cube.members:
            raise TooManyFailures(f"no member has a complete set of forecasts of {target}: see their reasons")
    judge = Judge.of(cubes, {target: weights[target] for target in cubes}, score_named(surrogate), rounding)
    return _Fitting.of(cubes, judge, spec, bands or BandSpec()).blend()


@dataclass(frozen=True)
class _Fitting:
    """What a fit works with.

    `before` is P(k) of every window.
    """

    cubes: Mapping[str, OofCube]
    judge: Judge
    spec: BlendSpec
    bands: BandSpec
    chooser: Chooser
    before: tuple[IntArray, ...]

    @classmethod
    def of(cls, cubes: Mapping[str, OofCube], judge: Judge, spec: BlendSpec, bands: BandSpec) -> _Fitting:
        rules = FittingRules(judge.points_score, spec.shrinkage, judge.rounding)
        tracks = track_candidates(cubes, spec.parsed(), rules, judge)
        first = next(iter(cubes.values()))
        before = known_before(first.cutoffs, first.ends)
        return cls(cubes, judge, spec, bands, Chooser(tracks, judge, spec.tie), before)

    def blend(self) -> Blend:
        choices, pairs = self.chooser.choices(self.before), self.chooser.pairs(np.arange(len(self.before)))
        medians = self.chooser.forecasts(choices)
        calibration = {t: self._calibrated(t, y_hat) for t, y_hat in medians.items()}
        prequential = self._prequential(choices, {t: found.y_hat for t, found in calibration.items()}, medians)
        chosen = next(pair for pair in pairs if pair.chosen).candidates
        rules = fit_rules(self._unplanned(medians), self._unplanned(self._y), self._ds, self.bands)
        targets = {
            target: TargetBlend(
                combination=self.chooser.track(target, chosen[target]).final,
                factor=calibration[target].final,
                band_rule=rules[target],
            )
            for target in self.cubes
        }
        evidence = Evidence(
            surrogate=self.judge.points_score.name,
            weights=self.judge.weights,
            prequential=prequential,
            score_in_sample=self.judge.mean(
                {t: cube.replanned(targets[t].apply(cube.unplanned(cube.y_hat))) for t, cube in self.cubes.items()}
            ),
            pairs=pairs,
            tracks=self.chooser.tracks,
            calibration=calibration,
            coverage={t: coverage(prequential.bands[t], cube.y, cube.ds) for t, cube in self.cubes.items()},
            best_single=pick_best_single(self.cubes, self.judge, self.before),
            equal_weights=self.judge.per_window(self._equal()),
        )
        return Blend(targets, evidence)

    def _equal(self) -> Forecasts:
        """What the mean over families forecasts, calibrated."""
        return {t: self._calibrated(t, self.chooser.track(t, BASELINE).y_hat).y_hat for t in self.cubes}

    def _unplanned(self, values: Forecasts) -> Forecasts:
        """What models are to answer for."""
        return {target: self.cubes[target].unplanned(of_target) for target, of_target in values.items()}

    @property
    def _y(self) -> Forecasts:
        return {target: cube.y for target, cube in self.cubes.items()}

    @property
    def _ds(self) -> DateArray:
        return next(iter(self.cubes.values())).ds

    def _calibrated(self, target: str, y_hat: FloatArray) -> Calibration:
        if not self.spec.calibrate:
            return Calibration.none(y_hat)
        past = (*self.before, np.arange(len(self.before)))
        testing = tuple(choosing_windows(self.before, known) for known in past)
        score, rounding, cube = self.judge.points_score, self.judge.rounding, self.cubes[target]
        planned = 0.0 if cube.planned is None else cube.planned
        return prequential_factors(y_hat, cube.y, past, testing, score, rounding, planned)

    def _prequential(self, choices: tuple[Choice, ...], y_hat: Forecasts, medians: Forecasts) -> PrequentialForecasts:
        scores = {target: self.judge.target_scores(target, y_hat[target]) for target in self.cubes}
        unplanned = self._unplanned(medians), self._unplanned(self._y)
        bands = prequential_bands(*unplanned, self._ds, self.before, self.bands)
        bands = {t: b if (p := self.cubes[t].planned) is None else b.shifted(p) for t, b in bands.items()}
        real = tuple(len(windows) > 0 for windows in self.before)
        return PrequentialForecasts(y_hat, bands, scores, self.judge.total(scores), choices, real)
