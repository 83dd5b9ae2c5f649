"""What every candidate would have scored, window by window, had it been used: fitted on nothing it is judged by.

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

from ensembles.blend.combination import BASELINE, Candidate, Fitted, FittingRules, fit_candidate
from ensembles.blend.ranking import Ranking, rank_tuples
from ensembles.judging.window_scores import surrogate_family, window_scores
from ensembles.oof import OofCube, average_families, average_seeds, known_before
from forecasting.schema import FloatArray, IntArray

__all__ = ["Track", "choose", "choosing_windows", "track_candidates"]


@dataclass(frozen=True)
class Track:
    """One candidate on one target.

    `y_hat` ``[n_series, n_windows, horizon]`` its forecasts by weights of earlier windows only; `scores` theirs
    per surrogate, ``[n_windows]``; `final` the candidate fitted on all windows; `in_sample` ``[n_windows]`` the
    scores of those weights on the windows they were fitted on.
    """

    candidate: Candidate
    y_hat: FloatArray
    scores: Mapping[str, FloatArray]
    final: Fitted
    in_sample: FloatArray


def track_candidates(cube: OofCube, candidates: Sequence[Candidate], rules: FittingRules) -> tuple[Track, ...]:
    """Follow each candidate through the windows of a target."""
    levels = {"settings": average_seeds(cube), "families": average_families(cube)}
    before = known_before(cube.cutoffs, cube.horizons)
    return tuple(_track(candidate, cube, levels[candidate.level], before, rules) for candidate in candidates)


def _track(
    candidate: Candidate, cube: OofCube, units: OofCube, before: Sequence[IntArray], rules: FittingRules
) -> Track:
    y_hat = np.full(cube.y.shape, np.nan)
    fitted: dict[bytes, Fitted] = {}
    for window, past in enumerate(before):
        if past.tobytes() not in fitted:  # overlapping windows share what they may look at
            fitted[past.tobytes()] = fit_candidate(candidate, cube.members, units, past, rules)
        y_hat[:, window] = fitted[past.tobytes()].combine(units.y_hat[:, window])
    final = fit_candidate(candidate, cube.members, units, np.arange(len(before)), rules)
    return Track(
        candidate=candidate,
        y_hat=y_hat,
        scores={s: window_scores(y_hat, cube.y, s) for s in surrogate_family(rules.surrogate)},
        final=final,
        in_sample=window_scores(final.combine(units.y_hat), cube.y, rules.surrogate),
    )


def choosing_windows(before: Sequence[IntArray], known: IntArray) -> IntArray:
    """The windows among `known` whose scores may choose: those with a window of their own to be fitted on."""
    return np.array([j for j in known if len(before[j])], dtype=np.int64)


def choose(
    tracks: Sequence[Sequence[Track]], weights: FloatArray, windows: IntArray, *, surrogate: str, tie: float
) -> Ranking:
    """Rank tuples of candidates by their mean scores over `windows`, and choose one.

    Parameters
    ----------
    tracks
        Per target, the same candidates in the same order.
    windows
        Indices, at least one.
    """
    candidates = [track.candidate for track in tracks[0]]
    scores = {
        name: np.array([[track.scores[name][windows].mean() for track in row] for row in tracks])
        for name in tracks[0][0].scores
    }
    complexity = np.array([candidate.complexity for candidate in candidates])
    baseline = candidates.index(BASELINE)
    return rank_tuples(scores, weights, complexity, surrogate=surrogate, baseline=baseline, tie=tie)
