"""The best single member as one would have picked it: before each window, by its score on the windows known by then.

It is what a blend has to beat: the member that looks best afterwards could not have been known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ensembles.judging.window_scores import member_scores, window_scores
from ensembles.oof import MemberInfo, OofCube, known_before
from forecasting.schema import FloatArray
from forecasting.score.points import Surrogate

__all__ = ["BestSingle", "follow_best_single", "total_scores"]


@dataclass(frozen=True)
class BestSingle:
    """Forecasts of the member picked before each window.

    `picks` ``[n_windows]`` None where no window was known and the fallback stands; `final` what would be picked
    now; `y_hat` per target ``[n_series, n_windows, horizon]``; `per_window` ``[n_windows]`` weighted totals.
    """

    picks: tuple[MemberInfo | None, ...]
    final: MemberInfo
    y_hat: Mapping[str, FloatArray]
    per_window: FloatArray

    @property
    def score(self) -> float:
        """Mean over windows."""
        return float(self.per_window.mean())


def total_scores(
    cubes: Mapping[str, OofCube], weights: Mapping[str, float], surrogate: Surrogate
) -> tuple[tuple[MemberInfo, ...], FloatArray]:
    """Members with forecasts of every target, and their weighted totals ``[n_members, n_windows]``."""
    first, *others = cubes.values()
    shared = {m.member_id for m in first.members}.intersection(*({m.member_id for m in c.members} for c in others))
    total = np.zeros((len(shared), len(first.cutoffs)))
    for target, cube in cubes.items():
        rows = [i for i, m in enumerate(cube.members) if m.member_id in shared]
        total += weights[target] * member_scores(cube.y_hat[..., rows], cube.y, surrogate)
    return tuple(m for m in first.members if m.member_id in shared), total


def follow_best_single(
    cubes: Mapping[str, OofCube], weights: Mapping[str, float], surrogate: Surrogate, fallback: Mapping[str, FloatArray]
) -> BestSingle | None:
    """Pick before each window the member with the best mean total on the windows known; ties go to the first by id.

    Parameters
    ----------
    fallback
        Per target, forecasts ``[n_series, n_windows, horizon]`` that stand where no window is known.

    Returns
    -------
    BestSingle or None
        None when no member has forecasts of every target.
    """
    members, totals = total_scores(cubes, weights, surrogate)
    if not members:
        return None
    first = next(iter(cubes.values()))
    before = known_before(first.cutoffs, first.horizons)
    picks = tuple(_best(members, totals[:, past]) if len(past) else None for past in before)
    y_hat = {target: fallback[target].copy() for target in cubes}
    per_window = np.zeros(len(picks))
    for target, cube in cubes.items():
        for window, pick in enumerate(picks):
            if pick is not None:
                y_hat[target][:, window] = cube.y_hat[:, window, :, cube.members.index(pick)]
        per_window += weights[target] * window_scores(y_hat[target], cube.y, surrogate)
    return BestSingle(picks, _best(members, totals), y_hat, per_window)


def _best(members: tuple[MemberInfo, ...], totals: FloatArray) -> MemberInfo:
    return members[int(np.argmax(np.round(totals.mean(axis=1), 6)))]
