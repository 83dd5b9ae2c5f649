"""The blend and what it has to beat, on the backtest windows: forecasts, actual values, scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ensembles.files.leaderboard_json import LeaderboardFile
from ensembles.judging.judge import Forecasts, Judge
from ensembles.oof import OofCube, average_families
from ensembles.report.data import ReportData
from forecasting.schema import BLEND, FloatArray
from forecasting.score.names import score_named

__all__ = ["BEST_SINGLE", "NAIVE", "Honest", "honest_of"]

BEST_SINGLE = "best single member"
NAIVE = "seasonal naive"


@dataclass(frozen=True)
class Honest:
    """`cubes` of all members per target; `forecasts` by contender, the blend first."""

    cubes: Mapping[str, OofCube]
    judge: Judge
    forecasts: Mapping[str, Forecasts]

    @property
    def blend(self) -> Forecasts:
        return self.forecasts[BLEND]


def honest_of(data: ReportData) -> Honest | None:
    """None when the run has no blend.

    Raises
    ------
    StorageError
        When the files do not belong together.
    """
    if data.oof is None or data.blend is None:
        return None
    cubes = data.oof.cubes(LeaderboardFile.model_validate(data.board))
    judge = Judge.of(cubes, data.board["weights"], score_named(data.board["surrogate"]))
    forecasts: dict[str, Forecasts] = {BLEND: {t: data.oof.blend_grid(t).y_hat for t in cubes}}
    if data.board["best_single"] is not None:
        picks = data.board["best_single"]["picks"]
        forecasts[BEST_SINGLE] = {t: _as_picked(cube, picks) for t, cube in cubes.items()}
    naive = {t: found for t, cube in cubes.items() if (found := _naive(cube)) is not None}
    if len(naive) == len(cubes):
        forecasts[NAIVE] = naive
    return Honest(cubes, judge, forecasts)


def _as_picked(cube: OofCube, picks: list[str | None]) -> FloatArray:
    """The mean over families stands where nothing could be picked yet."""
    by_name = {member.name: i for i, member in enumerate(cube.members)}
    y_hat = np.empty(cube.y.shape)
    fallback = average_families(cube.blendable()).y_hat.mean(axis=-1)
    for window, pick in enumerate(picks):
        y_hat[:, window] = fallback[:, window] if pick is None else cube.y_hat[:, window, :, by_name[pick]]
    return y_hat


def _naive(cube: OofCube) -> FloatArray | None:
    found = (i for i, member in enumerate(cube.members) if member.setting.startswith("seasonal-naive"))
    place = next(found, None)
    return None if place is None else cube.y_hat[..., place]
