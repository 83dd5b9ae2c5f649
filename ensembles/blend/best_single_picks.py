"""The best single member as one would have picked it: before each window, by its score on the windows known by then.

It is what a blend has to beat. Nobody could have known the member that looks best afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ensembles.judging.judge import Judge
from ensembles.judging.rivals import as_picked
from ensembles.oof import MemberInfo, OofCube
from forecasting.schema import FloatArray, IntArray

__all__ = ["BestSinglePicks", "pick_best_single"]

DECIMALS = 6
"""Totals are compared after rounding."""


@dataclass(frozen=True)
class BestSinglePicks:
    """The member picked before each window.

    `picks` ``[n_windows]`` None where no window was known and the mean over families stands; `final` what would be
    picked now; `y_hat` per target ``[n_series, n_windows, horizon]``; `per_window` ``[n_windows]`` weighted totals.
    """

    picks: tuple[MemberInfo | None, ...]
    final: MemberInfo
    y_hat: Mapping[str, FloatArray]
    per_window: FloatArray

    @property
    def score(self) -> float:
        """Mean over windows."""
        return float(self.per_window.mean())


def pick_best_single(cubes: Mapping[str, OofCube], judge: Judge, before: Sequence[IntArray]) -> BestSinglePicks | None:
    """Pick before each window the member with the best mean total on the windows known; ties go to the first by id.

    Parameters
    ----------
    before
        P(k) of every window, ``n_windows`` arrays.

    Returns
    -------
    BestSinglePicks or None
        None when no member has forecasts of every target.
    """
    members, totals = judge.member_totals(cubes)
    if not members:
        return None
    picks = tuple(_best(members, totals[:, past]) if len(past) else None for past in before)
    names = [None if pick is None else pick.name for pick in picks]
    y_hat = {target: as_picked(cube, names) for target, cube in cubes.items()}
    return BestSinglePicks(picks, _best(members, totals), y_hat, judge.per_window(y_hat))


def _best(members: tuple[MemberInfo, ...], totals: FloatArray) -> MemberInfo:
    return members[int(np.argmax(np.round(totals.mean(axis=1), DECIMALS)))]
