import numpy as np
import pytest

from forecasting.scale.histories import AS_IT_IS, Scale, prepare
from tests.forecasting.histories import history_of

DAYS = 140


def week(n=DAYS, seed=0):
    shape = np.array([1.2, 1.1, 1.0, 1.0, 0.9, 0.5, 0.4])
    return 100 * shape[np.arange(n) % 7] * np.exp(np.random.default_rng(seed).normal(0, 0.1, n))


def ahead(history, n=14):
    return history.span(n)[-n:]


def test_an_ordinary_history_is_left_as_it_is():
    history = history_of(week())
    found = prepare(history, on_log=True)
    assert found.scale == AS_IT_IS
    assert found.history.y.tobytes() == history.y.tobytes()
    y_hat = np.array([1.0, -2.0])
    assert found.restore(y_hat, ahead(history, 2)).tolist() == [1.0, 0.0]


def test_unknown_amounts_are_filled_and_change_no_other_day():
    y = week()
    y[[30, 31, 100]] = np.nan
    found = prepare(history_of(y), on_log=False).history
    assert not np.isnan(found.y).any()
    assert np.array_equal(found.y[~np.isnan(y)], y[~np.isnan(y)])
    assert found.y[30] == pytest.approx(np.median(y[[2, 9, 16, 23, 37, 44, 51, 58]]))


def test_closed_days_are_forecast_as_nothing():
    y = week() * (np.arange(DAYS) % 7 < 5)
    history = history_of(y)
    found = prepare(history, on_log=True)
    assert (found.history.y > 0).all()
    forecast = found.restore(np.full(14, 50.0) / found.scale.size, ahead(history))
    closed = np.arange(DAYS, DAYS + 14) % 7 >= 5
    assert (forecast[closed] == 0).all()
    np.testing.assert_allclose(forecast[~closed], 50)


def test_negative_amounts_keep_their_sign_and_order():
    y = week() - 90.0
    found = prepare(history_of(y), on_log=True)
    assert (found.history.y > 0).all()
    assert np.array_equal(np.argsort(found.history.y), np.argsort(y))
    assert np.allclose(found.restore(found.history.y, found.history.ds), y)
    raw = prepare(history_of(y), on_log=False)
    assert np.array_equal(raw.history.y, y)
    assert raw.restore(np.array([-5.0]), ahead(history_of(y), 1)).tolist() == [-5.0]


def test_the_scale_of_a_fit_is_kept_for_newer_histories():
    y = week() - 90.0
    first = prepare(history_of(y[:100]), on_log=True)
    later = prepare(history_of(y), on_log=True, scale=first.scale)
    assert np.array_equal(later.history.y[:100], first.history.y)
    plain = prepare(history_of(np.abs(y)), on_log=True, scale=first.scale)
    assert np.allclose(plain.restore(plain.history.y, plain.history.ds), np.abs(y))


def test_what_is_negative_since_a_fit_on_positive_amounts_is_filled():
    y = week()
    y[-1] = -5.0
    found = prepare(history_of(y), on_log=True, scale=AS_IT_IS)
    assert found.history.y[-1] == pytest.approx(np.median(y[[-29, -22, -15, -8]]))
    assert not found.signed


def test_a_cent_is_not_seen_as_far_below_all_else():
    y = week()
    y[[10, 20]] = 0.001, 0.2
    assert prepare(history_of(y), on_log=True).history.y[[10, 20]].tolist() == [1e-3 * np.median(y), 0.2]
    assert prepare(history_of(y), on_log=False).history.y is y


def test_a_history_of_nothing_has_nothing_to_learn():
    history = history_of(np.zeros(60))
    found = prepare(history, on_log=True)
    assert found.empty
    assert (found.restore(np.ones(5), ahead(history, 5)) == 0).all()


@pytest.mark.parametrize("k", [1e-9, 1e-3, 1e3, 1e9])
def test_the_scale_follows_the_unit(k):
    for y in (np.array([-3.0, -0.1, 0.5, 20.0]), np.array([3.0, 0.1, 0.5, 20.0])):
        scale, other = Scale.of(y), Scale.of(k * y)
        np.testing.assert_allclose(other.size, k * scale.size)
        np.testing.assert_allclose(other.apply(k * y), scale.apply(y))
        np.testing.assert_allclose(other.undo(other.apply(k * y)), k * y)
