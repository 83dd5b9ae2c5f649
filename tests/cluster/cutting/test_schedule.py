import random

import pytest

from cluster.cutting.schedule import Load, Outlook, loads


def test_the_longest_goes_first_to_the_place_that_is_free_first():
    assert loads([1, 5, 3, 3], 2) == [Load(6, 2), Load(6, 2)]
    assert loads([4, 1], 3) == [Load(4, 1), Load(1, 1), Load()]
    assert loads([], 2) == [Load(), Load()]


@pytest.mark.parametrize("seed", range(5))
def test_no_place_waits_while_another_has_two_batches_to_go(seed):
    rng = random.Random(seed)
    seconds = [rng.uniform(1, 9) for _ in range(rng.randint(1, 40))]
    n_places = rng.randint(1, 12)
    found = loads(seconds, n_places)
    assert sum(load.seconds for load in found) == pytest.approx(sum(seconds))
    assert sum(load.n_batches for load in found) == len(seconds)
    assert len(found) == n_places
    assert found[0].seconds - found[-1].seconds <= max(seconds) + 1e-9


def test_an_outlook_says_when_the_last_place_ends():
    found = Outlook(loads([4, 2], 2), 3.0)
    assert (found.seconds, found.mean) == (4, 3)
    assert Outlook((), 0.0).seconds == 0
