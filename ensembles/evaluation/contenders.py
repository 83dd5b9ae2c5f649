"""The blend and what it has to beat, on the backtest windows: forecasts, actual values, scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ensembles.evaluation.run_results import RunResults
from ensembles.judging.judge import Forecasts, Judge
from ensembles.judging.rivals import rivals_of
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
