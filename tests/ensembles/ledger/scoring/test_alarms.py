"""Alarms: seldom where nothing changed, soon where the level did. `tests.bench.ledger` measures more of them."""

import numpy as np
import pytest

from ensembles.ledger.scoring.alarms import alarms_of, relative_errors

N, DAYS = 300, 365
BAND = 1.2816
START = np.datetime64("2023-01-01")


def simulated(days, *, noise=0.1, ar=0.3, shift=0.0, at=0, seed=1):
    """Relative errors and days in the 80% band of `N` series with errors AR(1)."""
    rng = np.random.default_rng(seed)
    x = np.empty((N, days))
    x[:, 0] = rng.normal(0, noise, N)
    for day in range(1, days):
        x[:, day] = ar * x[:, day - 1] + rng.normal(0, noise * np.sqrt(1 - ar**2), N)
    inside = lambda values: (np.abs(values) < BAND * noise).astype(float)  # noqa: E731
    x[:, at:] += np.log1p(shift)
    return relative_errors(np.exp(x), np.ones(x.shape)), inside(x)


def alarms(errors, inside):
    return alarms_of(
        [str(k) for k in range(N)], START + np.arange(errors.shape[1]), errors, inside, np.full(errors.shape, 0.8)
    )


def test_at_most_one_false_alarm_a_year_and_series():
    assert len(alarms(*simulated(DAYS))) / N <= 1.0


@pytest.mark.parametrize("shift", [0.2, -0.2])
def test_a_level_shift_of_a_fifth_is_found_within_ten_days(shift):
    found = alarms(*simulated(160, shift=shift, at=150))
    assert len({a.unique_id for a in found if a.found >= str(START + 150)}) / N >= 0.9
    level = [a for a in found if a.kind == "level" and a.found >= str(START + 150)]
    assert all(a.side == ("above" if shift > 0 else "below") for a in level[:50])
    assert np.median([a.size for a in level]) == pytest.approx(shift, abs=0.06)
    since = [(np.datetime64(a.since) - START).astype(int) for a in level]
    assert np.median(since) == pytest.approx(150, abs=2)


def test_an_alarm_ends_when_all_is_as_usual_again():
    errors, inside = simulated(260)
    errors[:, 150:170] += 0.3
    found = [a for a in alarms(errors, inside) if a.kind == "level" and str(START + 150) <= a.found <= str(START + 172)]
    assert len(found) > 0.95 * N
    assert np.mean([a.ended is not None and a.ended < str(START + 200) for a in found]) > 0.9


def test_one_odd_day_makes_no_alarm():
    errors, inside = np.zeros((1, 100)), np.ones((1, 100))
    errors[0] = np.where(np.arange(100) % 2, 0.1, -0.1)
    errors[0, 80] = 1.9
    assert list(alarms_of(["a"], START + np.arange(100), errors, inside, np.full(errors.shape, np.nan))) == []


def test_coverage_below_its_range():
    errors, _ = simulated(200)
    inside = (np.random.default_rng(2).random((N, 200)) < np.where(np.arange(200) < 100, 0.8, 0.4)).astype(float)
    found = {a.unique_id for a in alarms(errors * 0, inside) if (a.kind, a.side) == ("coverage", "below")}
    assert len(found) > 0.95 * N


def test_each_day_is_judged_by_the_band_it_had():
    """Half of all days inside: as usual where the band is meant for half, too few where it is meant for 80%."""
    errors, _ = simulated(200)
    inside = (np.random.default_rng(3).random((N, 200)) < np.where(np.arange(200) < 100, 0.8, 0.55)).astype(float)
    nominal = np.where(np.arange(200) < 100, 0.8, 0.55) * np.ones((N, 1))
    ids, ds = [str(k) for k in range(N)], START + np.arange(200)

    def below(share):
        found = alarms_of(ids, ds, errors * 0, inside, share)
        return {a.unique_id for a in found if (a.kind, a.side) == ("coverage", "below")}

    assert len(below(nominal)) < 0.1 * N
    assert len(below(np.full(inside.shape, 0.8))) > 0.9 * N


def test_unknown_days_change_nothing():
    errors, inside = simulated(100, shift=0.5, at=80)
    gaps = np.full((N, 200), np.nan), np.full((N, 200), np.nan)
    for wide, narrow in zip(gaps, (errors, inside), strict=True):
        wide[:, ::2] = narrow
    dense = {(a.unique_id, a.kind) for a in alarms(errors, inside)}
    assert len(dense ^ {(a.unique_id, a.kind) for a in alarms(*gaps)}) < 0.2 * N


def test_errors_are_relative_to_the_middle():
    assert relative_errors(np.array([1.2, 0.0, 5.0, np.nan]), np.array([1.0, 0.0, 0.0, 1.0])).tolist()[:3] == [
        pytest.approx(0.4 / 2.2),
        0.0,
        2.0,
    ]
