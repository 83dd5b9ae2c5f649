"""One judge for everything: totals, rankings, intervals and paired differences of forecasts of the same days.

The judge holds the targets' weights and the score. Nothing else in the program adds up targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from ensembles.judging.intervals import Parts
from ensembles.judging.ranking import ANYBODY, Field, Ranking, rank_tuples
from ensembles.judging.scores import window_scores
from ensembles.oof import MemberInfo, OofCube
from forecasting.schema import DateArray, FloatArray, IntArray, as_dates
from forecasting.score.base import Score
from forecasting.score.names import score_named
from forecasting.score.points import round_submission

__all__ = ["DAYS_PER_MONTH", "Forecasts", "Judge", "Measured"]

Forecasts = Mapping[str, FloatArray]
"""Per target ``[n_series, n_windows, horizon]``."""

DAYS_PER_MONTH = 30
"""The competition adds the points of 30 days."""

Value = TypeVar("Value", float, FloatArray)


@dataclass(frozen=True)
class Measured:
    """A value with its interval at `intervals.CONFIDENCE`, NaN where the backtest is too short for one."""

    value: float
    low: float
    high: float

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """As JSON has it: None where there is none."""
        return (None, None) if np.isnan(self.low) else (self.low, self.high)


@dataclass(frozen=True)
class Judge:
    """Judges forecasts by actual values `y` per target, the targets' `weights` and one score.

    `ds` ``[n_windows, horizon]`` are the dates of the windows, NaT where one is padded. `rounding` is the smallest step
    of a submission, whose rounded amounts are judged (see `points.submission_step`); None: forecasts are judged as they
    are. `factors` per target ``[n_series, n_windows, 1]`` bring amounts of several units to one size where a score adds
    them up (see `ensembles.oof.unit_factors`).
    """

    y: Forecasts
    weights: Mapping[str, float]
    points_score: Score
    ds: DateArray
    rounding: float | None = None
    factors: Forecasts = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        cubes: Mapping[str, OofCube],
        weights: Mapping[str, float],
        score: Score,
        rounding: float | None = None,
    ) -> Judge:
        """A judge of forecasts of the cubes' days; without any cube it can only say what it is."""
        ds = next((cube.ds for cube in cubes.values()), as_dates([])[:, None])
        factors = {target: found for target, cube in cubes.items() if (found := cube.unit_factors) is not None}
        return cls({target: cube.y for target, cube in cubes.items()}, weights, score, ds, rounding, factors)

    def by(self, name: str) -> Judge:
        """The same judge with another score."""
        return replace(self, points_score=score_named(name))

    @property
    def daily_score(self) -> Score:
        """The score that says what a day earned: `linear` stands in for a pooled score, which cannot say it."""
        return score_named("linear") if self.points_score.pooled else self.points_score

    def submitted(self, y_hat: FloatArray) -> FloatArray:
        """Forecasts of any shape as they are judged: rounded where a submission is, else as they are."""
        return round_submission(y_hat, self.rounding)

    @cached_property
    def parts(self) -> Parts:
        """What intervals count as one observation."""
        return Parts.of(self.ds)

    # -- one target

    def target_scores(self, target: str, y_hat: FloatArray) -> FloatArray:
        """Score of each window of one target, ``[..., n_windows]``, of ``[..., n_series, n_windows, horizon]``."""
        return self._scores(target, y_hat, self.points_score)

    def _scores(self, target: str, y_hat: FloatArray, score: Score) -> FloatArray:
        y_hat, y = self._comparable(target, self.submitted(y_hat), score)
        return window_scores(y_hat, y, score)

    def _comparable(self, target: str, y_hat: FloatArray, score: Score) -> tuple[FloatArray, FloatArray]:
        """Forecasts ``[..., n_series, n_windows, horizon]`` and actual values that a score may add up."""
        factors = self.factors.get(target) if score.pooled else None
        y = self.y[target]
        return (y_hat, y) if factors is None else (y_hat * factors, y * factors)

    def checked_scores(self, target: str, y_hat: FloatArray) -> dict[str, FloatArray]:
        """`target_scores` by name of every score under which a blend must hold."""
        names = self.points_score.checked_with
        return {name: self._scores(target, y_hat, score_named(name)) for name in names}

    def day_points(self, target: str, y_hat: FloatArray) -> FloatArray:
        """What each day earned by `daily_score`, ``[n_series, n_windows, horizon]``; NaN where a day does not count."""
        y = self.y[target]
        points, _ = self.daily_score.parts(self.submitted(y_hat), y)
        return np.where(np.isnan(y), np.nan, points)

    # -- all targets

    def total(self, by_target: Mapping[str, Value]) -> Value:
        """Weighted sum of scores that are given by target."""
        total: Any = 0.0
        for target, score in by_target.items():
            total = total + self.weights[target] * score
        found: Value = total
        return found

    def per_window(self, y_hat: Forecasts) -> FloatArray:
        """Weighted total of each window."""
        return self.total({target: self.target_scores(target, y_hat[target]) for target in self.y})

    def mean(self, y_hat: Forecasts) -> float:
        """Weighted total of the targets' mean scores over windows."""
        return self.total({target: float(self.target_scores(target, y_hat[target]).mean()) for target in self.y})

    def member_totals(self, cubes: Mapping[str, OofCube]) -> tuple[tuple[MemberInfo, ...], FloatArray]:
        """Members with forecasts of every target, and their weighted totals ``[n_members, n_windows]``."""
        first, *others = cubes.values()
        shared = {m.member_id for m in first.members}.intersection(*({m.member_id for m in c.members} for c in others))
        rows = {t: [i for i, m in enumerate(c.members) if m.member_id in shared] for t, c in cubes.items()}
        scores = {t: self._member_scores(t, c.y_hat[..., rows[t]]) for t, c in cubes.items()}
        return tuple(m for m in first.members if m.member_id in shared), self.total(scores)

    def _member_scores(self, target: str, y_hat: FloatArray) -> FloatArray:
        """Scores ``[n_members, n_windows]`` of forecasts ``[..., n_members]``, one after the other."""
        found = [self.target_scores(target, y_hat[..., i]) for i in range(y_hat.shape[-1])]
        return np.array(found).reshape(y_hat.shape[-1], y_hat.shape[1])

    def rank(
        self,
        scores: Mapping[str, Mapping[str, FloatArray]],
        complexity: IntArray,
        *,
        baseline: int,
        tie: float,
        field: Field = ANYBODY,
    ) -> Ranking:
        """Rank tuples of candidates, one per target, and choose one: see `ranking.rank_tuples`.

        Parameters
        ----------
        scores
            By name of a score and by target the candidates' mean scores, ``[n_candidates]``.
        """
        targets = next(iter(scores.values()))
        return rank_tuples(
            {name: np.array(list(by_target.values())) for name, by_target in scores.items()},
            np.array([self.weights[target] for target in targets]),
            complexity,
            surrogate=self.points_score.name,
            baseline=baseline,
            tie=tie,
            field=field,
        )

    # -- with intervals

    def score(self, y_hat: Forecasts) -> Measured:
        """Mean of the windows' weighted totals."""
        return self._measured(self.per_window(y_hat), self._added(y_hat))

    def ahead(self, y_hat: Forecasts, other: Forecasts) -> Measured:
        """How much `y_hat` scores more than `other`, paired day by day."""
        return self._measured(self.per_window(y_hat) - self.per_window(other), self._added(y_hat) - self._added(other))

    def _measured(self, per_window: FloatArray, added: FloatArray) -> Measured:
        """Mean of scores ``[n_windows]``; `added` ``[n_windows, horizon]`` within each window."""
        value = float(per_window.mean())
        inside = ~np.isnat(self.ds)
        between = np.where(inside, ((per_window - value) / inside.sum(axis=1))[:, None], 0.0)
        return Measured(value, *self.parts.interval(value, (added + between) / len(per_window)))

    def _added(self, y_hat: Forecasts) -> FloatArray:
        """What each period added to its window's weighted total beyond its share, ``[n_windows, horizon]``."""
        return self.total({target: self._added_to(target, y_hat[target]) for target in self.y})

    def _added_to(self, target: str, y_hat: FloatArray) -> FloatArray:
        """As `_added`, of one target. A score is a fraction of sums, so this is its derivative by the period."""
        known = ~np.isnan(self.y[target])
        submitted, y = self._comparable(target, self.submitted(y_hat), self.points_score)
        y, submitted = np.where(known, y, 0.0), np.where(known, submitted, 0.0)
        parts = self.points_score.parts(submitted, y)
        above, below = (np.where(known, part, 0.0).sum(axis=0) for part in parts)
        size = below.sum(axis=1, keepdims=True)
        share = above.sum(axis=1, keepdims=True) / np.where(size == 0, 1.0, size)
        added: FloatArray = self.points_score.worth(size) * (above - share * below)
        return added
