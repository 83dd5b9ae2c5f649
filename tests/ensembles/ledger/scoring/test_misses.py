"""Misses of known cause are put down to it, and every split is exact."""

from collections import Counter

import numpy as np
import pytest

from ensembles.ledger.scoring.hindsight import hindsight_of
from ensembles.ledger.scoring.misses import KINDS, Sums, split_misses
from forecasting.calendar import Calendar
from tests.ensembles.ledger.cases import CAUSES, actuals, case, holidays, vintage

N_EACH = 67
PER_CALENDAR = 17


def split(found):
    y = found.actuals.at(found.vintage.unique_ids, found.vintage.place, found.vintage.ds)
    return split_misses(found.vintage, y, hindsight_of(found.actuals, found.vintage.series, found.latest))


@pytest.mark.timeout(600)
def test_two_hundred_misses_are_put_down_to_their_causes():
    """The largest part over the days that were changed is the right one in 95% of the cases of each cause."""
    right, rng = Counter(), np.random.default_rng(0)
    for first in range(0, N_EACH, PER_CALENDAR):
        with holidays(rng.choice([-6, -5, -4, 4, 5, 6], 9)):
            for seed in range(first, min(first + PER_CALENDAR, N_EACH)):
                for cause, part in CAUSES.items():
                    found = case(cause, seed)
                    misses = split(found)
                    scale = np.abs(misses.parts).max()
                    assert np.abs(misses.parts.sum(axis=0) - misses.miss).max() <= 1e-12 * scale
                    rows = np.flatnonzero(np.isin(misses.ds, found.changed))
                    right[cause] += Sums.of(misses.where(rows)).largest == part
    assert all(right[cause] >= 0.95 * N_EACH for cause in CAUSES), right


def daily(n, rng):
    return 100.0 * np.exp(rng.normal(0, 0.05, n))


def test_a_planned_amount_that_came_is_no_miss_and_one_that_did_not_is():
    rng = np.random.default_rng(1)
    y = daily(130, rng)
    y[125] += 12.0  # small: it would not be odd by itself
    base = np.full(10, 100.0)
    planned = np.zeros(10)
    planned[[5, 7]] = 12.0
    parts = {"level": base, "planned": planned}
    made = vintage("2024-04-29", {"flow": base + planned}, parts)
    known = actuals({"flow": y}, "2024-01-01")
    misses = split_misses(made, y[120:], hindsight_of(known, made.series, made.facts))
    at = KINDS.index("planned")
    assert misses.parts[at, 5] == 0.0
    assert misses.parts[at, 7] == -12.0
    assert not misses.parts[at, [0, 1, 2, 3, 4, 6, 8, 9]].any()


def test_learned_parts_and_what_no_part_names_are_the_models():
    y = daily(130, np.random.default_rng(2))
    base = np.full(10, 100.0)
    made = vintage("2024-04-29", {"flow": base + 7.0}, {"level": base, "learned": np.full(10, 5.0)})
    misses = split_misses(made, y[120:], hindsight_of(actuals({"flow": y}, "2024-01-01"), made.series, made.facts))
    np.testing.assert_allclose(misses.parts[KINDS.index("models")], -7.0)


def test_a_vintage_without_parts_has_none_recorded():
    assert split_misses(vintage("2024-04-29", {"flow": np.ones(3)}), np.ones(3), {}) is None


def test_short_series_have_no_hindsight():
    made = vintage("2024-01-31", {"flow": np.ones(3)}, {"level": np.ones(3)})
    assert hindsight_of(actuals({"flow": np.full(55, 2.0)}, "2024-01-01"), made.series, made.facts) == {}
    assert len(split_misses(made, np.ones(3), {})) == 0


@pytest.mark.parametrize("values", ["zeros", "signed"])
def test_zero_and_negative_amounts_are_split_too(values):
    rng = np.random.default_rng(3)
    y = daily(140, rng) if values == "zeros" else rng.normal(5, 40, 140)
    ds = np.datetime64("2024-01-01") + np.arange(140)
    if values == "zeros":
        y[~Calendar().days(ds).workday] = 0.0
    made = vintage("2024-05-09", {"flow": np.full(10, 90.0)}, {"level": np.full(10, 90.0)})
    misses = split_misses(made, y[130:], hindsight_of(actuals({"flow": y}, "2024-01-01"), made.series, made.facts))
    assert len(misses) == 10
    np.testing.assert_allclose(misses.parts.sum(axis=0), y[130:] - 90.0)


def test_what_a_series_did_before_it_stopped_is_no_odd_amount():
    """What came is not held against what is expected of the series now, which is nothing."""
    y = daily(220, np.random.default_rng(4))
    y[::7] = 0.0
    y[190:] = 0.0
    base = np.where(np.arange(120, 130) % 7 == 0, 0.0, 100.0)
    made = vintage("2024-04-29", {"flow": base}, {"level": base})
    misses = split_misses(made, y[120:130], hindsight_of(actuals({"flow": y}, "2024-01-01"), made.series, made.facts))
    assert not misses.parts[KINDS.index("planned")].any()
    assert np.abs(misses.parts[: KINDS.index("rest")].sum(axis=0)).max() < 20.0
    stopped = vintage("2024-07-19", {"flow": base}, {"level": base})
    found = hindsight_of(actuals({"flow": y}, "2024-01-01"), stopped.series, stopped.facts)
    assert (found["flow"].base[190:] == 0.0).all()
    assert (found["flow"].base[:190] > 0.0).sum() == (y[:190] > 0.0).sum()
