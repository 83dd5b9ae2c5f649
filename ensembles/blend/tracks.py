"""What every candidate would have scored, window by window, had it been used: weights come from earlier windows only.

P(k) are the windows that end at or before cutoff k. A candidate's forecast of window j has weights fitted on
P(j) alone. The choice for window k looks at the scores of those forecasts on the windows in P(k) for which
there was anything to fit (P(j) not empty); where there is none, the family-equal mean stands. Scores on windows
the weights were fitted on never choose: flexible candidates would win by fit.

References
----------
Dawid (1984), Present position and potential developments: the prequential approach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ensembles.blend.combination import Candidate, Combination, fit_candidate
from ensembles.blend.methods.base import FittingRules
from ensembles.judging.judge import Judge
from ensembles.oof import OofCube, average_families, average_seeds, known_before
from forecasting.schema import FloatArray, IntArray

__all__ = ["Track", "choosing_windows", "track_candidates"]


@dataclass(frozen=True)
class Track:
    """One candidate on one target.

    `y_hat` ``[n_series, n_windows, horizon]`` its forecasts by weights of earlier windows only; `scores` theirs
    by name of every score that a blend must hold under, ``[n_windows]``; `final` the candidate fitted on all windows;
    `in_sample` ``[n_windows]`` the scores of those weights on the windows they were fitted on.
    """

    candidate: Candidate
    y_hat: FloatArray
    scores: Mapping[str, FloatArray]
    final: Combination
    in_sample: FloatArray


def track_candidates(
    cube: OofCube, candidates: Sequence[Candidate], rules: FittingRules, judge: Judge
) -> tuple[Track, ...]:
    """Follow each candidate through the windows of a target."""
    levels = {"settings": average_seeds(cube), "families": average_families(cube)}
    before = known_before(cube.cutoffs, cube.ends)
    tracks = []
    for candidate in candidates:
        units = levels[candidate.level]
        y_hat = _prequential(candidate, cube, units, before, rules)
        final = fit_candidate(candidate, cube.members, units, np.arange(len(before)), rules)
        in_sample = judge.target_scores(cube.target, final.combine(units.y_hat))
        tracks.append(Track(candidate, y_hat, judge.checked_scores(cube.target, y_hat), final, in_sample))
    return tuple(tracks)


def _prequential(
    candidate: Candidate, cube: OofCube, units: OofCube, before: Sequence[IntArray], rules: FittingRules
) -> FloatArray:
    """Forecasts of every window by weights of the windows before it."""
    y_hat = np.full(cube.y.shape, np.nan)
    fitted: dict[bytes, Combination] = {}
    for window, past in enumerate(before):
        if past.tobytes() not in fitted:  # overlapping windows share what they may look at
            fitted[past.tobytes()] = fit_candidate(candidate, cube.members, units, past, rules)
        y_hat[:, window] = fitted[past.tobytes()].combine(units.y_hat[:, window])
    return y_hat


def choosing_windows(before: Sequence[IntArray], known: IntArray) -> IntArray:
    """The windows among `known` whose scores may choose: those with a window of their own to be fitted on."""
    return np.array([j for j in known if len(before[j])], dtype=np.int64)
