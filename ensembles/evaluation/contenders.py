"""The blend and what it has to beat, on the backtest windows: forecasts, actual values, scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ensembles.evaluation.run_results import RunResults
from ensembles.judging.judge import Forecasts, Judge
from ensembles.judging.rivals import rivals_of
from ensembles.judging.scores import window_scores
from ensembles.oof import OofCube
from forecasting.schema import BLEND, FloatArray
from forecasting.score.names import score_named

__all__ = ["BEST_SINGLE", "NAIVE", "Contenders"]

BEST_SINGLE = "best single member"
NAIVE = "seasonal naive"


@dataclass(frozen=True)
class Contenders:
    """`cubes` of all members per target; `forecasts` by contender, the blend first.

    No forecast of a window knew that window.
    """

    cubes: Mapping[str, OofCube]
    judge: Judge
    forecasts: Mapping[str, Forecasts]

    @property
    def blend(self) -> Forecasts:
        return self.forecasts[BLEND]

    def submitted(self, target: str) -> FloatArray:
        """The blend's forecasts as they are judged, ``[n_series, n_windows, horizon]``: see `Judge.submitted`."""
        return self.judge.submitted(self.blend[target])

    def blend_points(self, target: str) -> FloatArray:
        """What each day of the blend earned, ``[n_series, n_windows, horizon]``: see `Judge.day_points`."""
        return self.judge.day_points(target, self.blend[target])

    @property
    def unit_scores(self) -> dict[str | None, float]:
        """The blend's score in each unit, whose mean is the blend's where every unit has amounts in every window; {}
        where the score is not pooled or all amounts are in one unit.
        """
        units = dict.fromkeys(unit for cube in self.cubes.values() for unit in cube.units or ())
        if not self.judge.points_score.pooled or len(units) < 2:
            return {}
        found = {unit: self._score_in(unit) for unit in units}
        return {unit: score for unit, score in found.items() if score is not None}

    @property
    def units_in_words(self) -> str:
        """Which unit scored worst, where a pooled score is the mean over units: it hides that one is bad."""
        scores = self.unit_scores
        if not scores:
            return ""
        worst, best = min(scores, key=lambda unit: scores[unit]), max(scores, key=lambda unit: scores[unit])
        return (
            f"The blend's score is the mean of its scores in {len(scores)} units: the worst is {scores[worst]:z.2f} in "
            f"{worst or 'no unit'}, the best {scores[best]:z.2f} in {best or 'no unit'}."
        )

    def _score_in(self, unit: str | None) -> float | None:
        """As `unit_scores`; None where the unit has no amounts."""
        scores = {}
        for target, cube in self.cubes.items():
            rows = [row for row, mine in enumerate(cube.units or ()) if mine == unit]
            sized = np.nansum(np.abs(cube.y[rows]), axis=(0, 2)) > 0
            if sized.any():
                of_windows = window_scores(self.submitted(target)[rows], cube.y[rows], self.judge.points_score)
                scores[target] = float(of_windows[sized].mean())
        weights = self.judge.weights
        share = sum(weights[target] for target in scores)
        return self.judge.total(scores) * sum(weights.values()) / share if share else None

    @classmethod
    def of(cls, results: RunResults) -> Contenders | None:
        """None when the run has no blend.

        Raises
        ------
        StorageError
            When the files do not belong together.
        """
        if results.oof is None or results.blend is None:
            return None
        board, oof = results.board, results.oof
        cubes = oof.cubes(board, results.run.units)
        judge = Judge.of(cubes, board.weights, score_named(board.surrogate), results.run.rounding)
        forecasts: dict[str, Forecasts] = {BLEND: {t: oof.blend_grid(t).y_hat for t in cubes}}
        rivals = rivals_of(cubes, board.best_single.picks if board.best_single else None)
        if rivals.best_single is not None:
            forecasts[BEST_SINGLE] = rivals.best_single
        if rivals.seasonal_naive is not None:
            forecasts[NAIVE] = rivals.seasonal_naive
        return cls(cubes, judge, forecasts)
