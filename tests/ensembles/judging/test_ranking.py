from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ensembles.judging.ranking import LISTED, MARGIN, Field, rank_tuples

NAMES = ("linear", "convex", "concave")


def slow_choice(
    scores: dict[str, np.ndarray], weights: np.ndarray, complexity: list[int], baseline: int, tie: float
) -> tuple[int, ...]:
    """Every tuple, one after the other."""
    n_targets, n_candidates = scores["linear"].shape
    totals = {}
    for choice in product(range(n_candidates), repeat=n_targets):
        totals[choice] = {
            name: round(sum(weights[t] * values[t, choice[t]] for t in range(n_targets)), 6)
            for name, values in scores.items()
        }
    floor = totals[(baseline,) * n_targets]
    alive = {c: t for c, t in totals.items() if all(round(floor[name] - t[name], 6) <= MARGIN for name in t)}
    best = max(t["linear"] for t in alive.values())
    tied = [c for c, t in alive.items() if round(best - t["linear"], 6) <= tie]
    return min(tied, key=lambda c: (sum(complexity[i] for i in c), -alive[c]["linear"], c))


@given(st.integers(0, 100_000), st.integers(1, 3), st.integers(1, 6), st.sampled_from([0.0, 0.05, 0.1, 1.0]))
@settings(max_examples=150)
def test_chooses_what_looking_at_every_tuple_chooses(seed: int, n_targets: int, n_candidates: int, tie: float) -> None:
    rng = np.random.default_rng(seed)
    scores = {name: np.round(rng.normal(5, 0.15, (n_targets, n_candidates)), 2) for name in NAMES}
    weights = rng.dirichlet(np.ones(n_targets))
    complexity = np.arange(n_candidates)
    baseline = int(rng.integers(n_candidates))
    ranking = rank_tuples(scores, weights, complexity, surrogate="linear", baseline=baseline, tie=tie)
    assert ranking.chosen.choice == slow_choice(scores, weights, list(complexity), baseline, tie)
    assert ranking.chosen in ranking.listed
    assert any(r.choice == (baseline,) * n_targets for r in ranking.listed)
    listed = [r.score for r in ranking.listed]
    assert listed == sorted(listed, reverse=True)


def test_weights_of_targets_decide_which_trade_is_worth_it() -> None:
    # Candidate 1 is out by itself on the second target, but the pair (1, 0) is what counts.
    scores = {"linear": np.array([[5.0, 6.0], [5.0, 3.0]])}
    ranking = rank_tuples(scores, np.array([0.45, 0.55]), np.array([0, 1]), surrogate="linear", baseline=0, tie=0.1)
    assert ranking.chosen.choice == (1, 0)
    assert ranking.chosen.score == pytest.approx(0.45 * 6 + 0.55 * 5)


def test_the_simplest_wins_within_the_tie_and_only_there() -> None:
    scores = {"linear": np.array([[5.0, 5.08, 5.1]])}
    for tie, expected in ((0.0, 2), (0.05, 1), (0.1, 0)):
        ranking = rank_tuples(scores, np.ones(1), np.arange(3), surrogate="linear", baseline=0, tie=tie)
        assert ranking.chosen.choice == (expected,)


def test_a_surrogate_of_the_family_may_object() -> None:
    scores = {"linear": np.array([[5.0, 6.0]]), "concave": np.array([[5.0, 4.89]])}
    ranking = rank_tuples(scores, np.ones(1), np.arange(2), surrogate="linear", baseline=0, tie=0.1)
    assert ranking.chosen.choice == (0,)
    assert [(r.choice, r.out) for r in ranking.listed] == [((1,), True), ((0,), False)]
    scores["concave"][0, 1] = 4.9  # by the margin, not by more
    assert rank_tuples(scores, np.ones(1), np.arange(2), surrogate="linear", baseline=0, tie=0.1).chosen.choice == (1,)


def test_many_targets_stay_tractable() -> None:
    rng = np.random.default_rng(3)
    scores = {name: rng.normal(5, 1, (12, 13)) for name in NAMES}
    scores["convex"], scores["concave"] = scores["linear"], scores["linear"]
    ranking = rank_tuples(scores, np.full(12, 1 / 12), np.arange(13), surrogate="linear", baseline=0, tie=0.02)
    best = scores["linear"].max(axis=1).mean()
    assert best - 0.02 - 1e-6 <= ranking.chosen.score <= best + 1e-6
    assert LISTED <= len(ranking.listed) <= LISTED + 2


def test_only_the_one_that_stands_and_newcomers_may_be_chosen() -> None:
    scores = {"linear": np.array([[5.0, 6.0, 5.5, 5.2]])}

    def chosen(field: Field) -> tuple[int, ...]:
        complexity = np.arange(4)
        ranking = rank_tuples(scores, np.ones(1), complexity, surrogate="linear", baseline=0, tie=0.0, field=field)
        assert len(ranking.listed) == 4  # all of them are ranked
        return ranking.chosen.choice

    assert chosen(Field()) == (1,)
    assert chosen(Field((2,), frozenset({3}))) == (2,)
    assert chosen(Field((0,), frozenset({3}))) == (3,)
