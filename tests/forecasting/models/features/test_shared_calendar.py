"""What a panel shows of a holiday that one series saw once, and of the year."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting.calendar import Calendar
from forecasting.models.features.occasions import around_the_day
from forecasting.models.features.shared_calendar import SharedCalendar, SharedCalendarSettings, fit_shared_calendar
from forecasting.panel import History, Series
from tests.forecasting.histories import history_of

SETTINGS = SharedCalendarSettings()
CALENDAR = Calendar("GB")


def series(entity: str, seed: int, log_effect, start: str = "2022-03-01", n: int = 620) -> History:
    """A week, a slow level and noise of a fifth, with an effect of the dates that all share."""
    rng = np.random.default_rng(seed)
    history = history_of(np.ones(n), start, CALENDAR)
    week = np.array([0.3, 0.1, 0.0, 0.1, 0.4, -0.5, -0.4])
    weekday = (history.ds.astype(np.int64) + 3) % 7
    log_y = 5.0 + seed % 3 + week[weekday] + np.cumsum(rng.normal(0, 0.005, n)) + rng.normal(0, 0.2, n)
    return replace(history, series=Series("cash", entity), y=np.exp(log_y + log_effect(history.ds)))


def is_day(ds, month_day: str):
    return np.array([str(day)[5:] == month_day for day in ds])


def christmas(ds):
    return -1.0 * is_day(ds, "12-25") + 0.6 * is_day(ds, "12-23")


def panel(n_series: int = 40, effect=christmas, days: int = 620) -> list[History]:
    return [series(f"m{k}", k, effect, n=days) for k in range(n_series)]


def test_many_series_show_what_one_christmas_does():
    histories = panel()
    effect = fit_shared_calendar(histories, SETTINGS).effect(histories[0], SETTINGS)
    ahead = np.arange("2023-12-18", "2023-12-27", dtype="datetime64[D]")
    without = fit_shared_calendar(panel(effect=lambda ds: np.zeros(len(ds))), SETTINGS).effect(histories[0], SETTINGS)
    change = effect(ahead) - without(ahead)
    assert change[ahead == np.datetime64("2023-12-25")] == pytest.approx(-1.0, abs=0.2)
    assert change[ahead == np.datetime64("2023-12-23")] == pytest.approx(0.6, abs=0.2)
    assert np.abs(change[ahead < np.datetime64("2023-12-22")]).max() < 0.1


def test_one_noisy_series_shows_less_of_it():
    ahead = np.array(["2023-12-25"], dtype="datetime64[D]")
    one, many = (fit_shared_calendar(panel(n), SETTINGS).shared(CALENDAR, ahead)[0] for n in (1, 40))
    assert many == pytest.approx(-1.0, abs=0.1)
    assert -0.5 < one < -0.05


def test_a_yearly_shape_needs_more_than_a_year():
    def summer(ds):
        return 0.3 * np.sin(2 * np.pi * around_the_day(CALENDAR, ds)[:, 2])

    ahead = np.arange("2023-12-01", "2024-12-01", 14, dtype="datetime64[D]")
    known = fit_shared_calendar(panel(effect=summer), SETTINGS)
    shape = known.shared(CALENDAR, ahead)
    assert np.corrcoef(shape, summer(ahead))[0, 1] > 0.9
    assert not fit_shared_calendar(panel(10, effect=summer, days=390), SETTINGS).yearly.any()


def test_order_does_not_matter_and_states_return():
    histories = panel(5)
    calendar = fit_shared_calendar(histories, SETTINGS)
    again = fit_shared_calendar(histories[::-1], SETTINGS)
    restored = SharedCalendar.from_state(*calendar.to_state())
    for history in histories:
        expected = calendar.effect(history, SETTINGS)(history.ds)
        np.testing.assert_array_equal(again.effect(history, SETTINGS)(history.ds), expected)
        np.testing.assert_array_equal(restored.effect(history, SETTINGS)(history.ds), expected)


def test_a_series_the_fit_did_not_see_has_the_shared_effects():
    histories = panel(12)
    calendar = fit_shared_calendar(histories[1:], SETTINGS)
    assert calendar.row("m0/cash") is None
    stranger = calendar.effect(histories[0], SETTINGS)
    ahead = np.array(["2023-12-25"], dtype="datetime64[D]")
    assert stranger(ahead) == pytest.approx(
        calendar.shared(CALENDAR, ahead) + stranger.own.effect(CALENDAR, ahead), abs=1e-12
    )


def test_days_from_holidays():
    ds = np.arange("2023-12-20", "2023-12-29", dtype="datetime64[D]")
    to_next, since_last, place = around_the_day(CALENDAR, ds).T
    assert to_next.tolist() == [5, 4, 3, 2, 1, 0, 0, 5, 4]
    assert since_last.tolist()[5:] == [0, 0, 1, 2]
    assert ((place > 0.96) & (place < 1.0)).all()
