import itertools
import random

import pytest

from cluster.cutting.cost import BatchCost
from cluster.cutting.schedule import loads
from cluster.cutting.sizes import SLACK, Group, best_sizes, lower_bound


def some_groups(seed):
    rng = random.Random(seed)
    cost = BatchCost(rng.uniform(0, 3), rng.uniform(0.001, 0.2), rng.choice([0, 16, 256]))
    return [
        Group(rng.randint(1, 400), 5, rng.randint(1, 200), cost.times(rng.uniform(0.2, 4)))
        for _ in range(rng.randint(1, 6))
    ]


def end_of(groups, cut, n_workers):
    return loads((g.seconds(n) for g, sizes in zip(groups, cut, strict=True) for n in sizes), n_workers)[0].seconds


@pytest.mark.parametrize("seed", range(40))
def test_every_trial_is_in_one_batch_that_memory_holds(seed):
    groups, n_workers = some_groups(seed), random.Random(seed).choice([1, 3, 32])
    for group, sizes in zip(groups, best_sizes(groups, n_workers), strict=True):
        assert sum(sizes) == group.n_trials
        assert all(1 <= size <= group.most for size in sizes)


@pytest.mark.parametrize("seed", range(40))
def test_it_ends_no_later_than_the_fewest_batches_and_no_sooner_than_the_bound(seed):
    groups, n_workers = some_groups(seed), random.Random(seed).choice([1, 3, 32])
    end = end_of(groups, best_sizes(groups, n_workers), n_workers)
    fewest = [[g.most] * (g.n_trials // g.most) + [g.n_trials % g.most] * (g.n_trials % g.most > 0) for g in groups]
    assert lower_bound(groups, n_workers) <= end + 1e-6
    assert end <= end_of(groups, fewest, n_workers) * (1 + SLACK) + 1e-6


@pytest.mark.parametrize("seed", range(15))
def test_no_cut_of_a_small_group_ends_much_sooner(seed):
    rng = random.Random(seed)
    cost = BatchCost(rng.uniform(0, 2), rng.uniform(0.1, 1), rng.choice([0, 3]))
    group, n_workers = Group(rng.randint(3, 9), 1, rng.randint(2, 9), cost), rng.randint(1, 4)
    best = min(end_of([group], [cut], n_workers) for cut in partitions(group.n_trials, group.most))
    assert best >= lower_bound([group], n_workers) - 1e-6
    assert end_of([group], best_sizes([group], n_workers), n_workers) <= best * 1.05


def partitions(n, most):
    """Every way to write `n` as a sum of parts up to `most`."""
    if n == 0:
        return [[]]
    return [[first, *rest] for first in range(1, min(n, most) + 1) for rest in partitions(n - first, first)]


def test_the_oracle_counts_partitions():
    assert [len(partitions(n, n)) for n in range(1, 8)] == [1, 2, 3, 5, 7, 11, 15]
    assert all(sum(cut) == 6 for cut in itertools.chain(partitions(6, 3)))


def test_below_the_least_a_smaller_batch_wins_nothing():
    group = Group(32, 5, 1_000, BatchCost(1.0, 0.01, 256))
    assert best_sizes([group], 32) == [[32]]


def test_shorter_batches_are_taken_where_they_cost_next_to_nothing():
    group = Group(100_000, 5, 100_000, BatchCost(1.0, 0.01, 0))
    cut = best_sizes([group], 4)
    assert len(cut[0]) > 8, "a worker that dies would lose an hour of twenty minutes' work"
    assert end_of([group], cut, 4) <= lower_bound([group], 4) * 1.02


def test_no_groups_are_no_batches():
    assert best_sizes([], 4) == []
    assert lower_bound([], 4) == 0
