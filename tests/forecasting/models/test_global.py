"""`lightgbm-global` and `lstm-global`: what one series learns from the others, and what it never reads."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting.calendar import Calendar
from forecasting.errors import TrialError
from forecasting.models.base import PanelTask
from forecasting.models.features.ratios import _rolling_median
from forecasting.models.features.shared_calendar import SharedCalendarSettings
from forecasting.models.gbm_global import GlobalGbmSettings, LightGbmGlobal, _drawn
from forecasting.models.lstm.across import LstmGlobal, LstmGlobalSettings
from forecasting.panel import History, Series
from tests.forecasting.histories import days_after, history_of

TREES = LightGbmGlobal(GlobalGbmSettings(rounds=200, min_leaf=20, feature_share=1.0))
NETWORK = LstmGlobal(LstmGlobalSettings(input_size=7, hidden_size=16, epochs=12, learning_rate=0.01))


@pytest.fixture(params=[TREES, NETWORK], ids=["trees", "network"])
def model(request):
    return request.param


def named(history: History, entity: str) -> History:
    return replace(history, series=Series("purchase", entity))


def bursts(seed: int, scale: float = 1e6, n: int = 200) -> History:
    """A flat level where every tenth or so day is four times as high, and the three days after it as well."""
    rng = np.random.default_rng(seed)
    high = np.convolve(rng.random(n) < 0.05, np.ones(4))[:n] > 0
    return named(history_of(scale * np.where(high, 4.0, 1.0) * np.exp(rng.normal(0, 0.05, n))), f"f{seed}")


def fit(model, histories, key=7, n_threads=1):
    return model.fit_all(PanelTask(tuple(histories), 7, key, n_threads=n_threads))


def predict(model, state, history, horizon=7):
    return model.predict(state, history, days_after(history, horizon))


def ending(history: History, high: int) -> History:
    """The same with an ordinary last fortnight whose last `high` days are four times as high."""
    y = history.y.copy()
    y[-14:] = np.median(y)
    y[-high:] *= 4.0
    return replace(history, y=y)


def weights(state):
    return {name: array.tobytes() for name, array in state.arrays.items()}


def test_a_series_is_forecast_by_what_the_others_did(model):
    """The last series never had a burst: that it goes on for three days, and then ends, others have shown."""
    state = fit(model, [bursts(seed) for seed in range(12)])
    quiet = named(history_of(np.full(120, 3e4) * np.exp(np.random.default_rng(1).normal(0, 0.02, 120))), "quiet")
    after = predict(model, state, ending(quiet, 1))
    assert after[0] > 1.5 * 3e4
    assert after[5] < 1.2 * 3e4
    np.testing.assert_allclose(predict(model, state, quiet), 3e4, rtol=0.3)


def test_size_and_unit_do_not_matter(model):
    small = [bursts(seed) for seed in range(6)]
    large = [replace(h, y=h.y * 1024.0) for h in small]  # a power of two: the same bits in the ratios' logarithms
    expected = 1024.0 * predict(model, fit(model, small), small[2])
    np.testing.assert_allclose(predict(model, fit(model, large), large[2]), expected, rtol=0.02)


def test_holidays_start_from_days_off(model):
    """Labour Day is on weekdays: days off are a tenth of work days."""
    calendar = Calendar("CN")
    ds = np.arange("2024-01-01", "2024-05-01", dtype="datetime64[D]")
    works = calendar.days(ds).workday
    panel = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        y = np.where(works, 1e6, 1e5) * np.exp(rng.normal(0, 0.05, len(ds)))
        panel.append(named(history_of(y, "2024-01-01", calendar), str(seed)))
    got = predict(model, fit(model, panel), panel[0])  # 1 to 5 May off, 6 and 7 May work
    assert (got[:5] < 2e5).all()
    assert (got[5:] > 7e5).all()


def test_past_covariates_are_read_as_ratios():
    """A covariate that triples the day before a burst is worth money; its size is not."""
    rng = np.random.default_rng(3)
    panel = []
    for seed in range(10):
        burst = rng.random(200) < 0.1
        views = np.where(np.append(burst[1:], False), 3.0, 1.0) * 10.0 ** (seed % 4)
        y = 1e5 * np.where(burst, 5.0, 1.0) * np.exp(rng.normal(0, 0.05, 200))
        panel.append(replace(named(history_of(y), str(seed)), past=views[:, None], past_names=("views",)))
    state = fit(TREES, panel)
    ended = replace(panel[3], y=np.append(panel[3].y[:-8], np.full(8, 1e5)))
    calm, loud = (replace(ended, past=np.append(ended.past[:-1], [[1e3 * k]], axis=0)) for k in (1.0, 3.0))
    assert predict(TREES, state, loud)[0] > 2 * predict(TREES, state, calm)[0]


def test_broken_series_are_left_out_and_fail_alone(model):
    sound = [bursts(seed) for seed in range(4)]
    hopeless = [
        named(history_of(np.full(100, 5.0)), "constant"),
        named(history_of(np.arange(1.0, 6.0)), "short"),
    ]
    state, alone = fit(model, [*hopeless, *sound]), fit(model, sound)
    assert weights(state) == weights(alone)
    with pytest.raises(TrialError, match="holds 5 days and 14 are needed"):
        predict(model, state, hopeless[1])
    assert np.isfinite(predict(model, state, hopeless[0])).all()
    with pytest.raises(TrialError, match="none of 2 series has the 43 days"):
        fit(model, hopeless)


def test_a_young_series_is_forecast_without_having_taught(model):
    young = named(history_of(np.full(20, 100.0)), "young")
    np.testing.assert_allclose(predict(model, fit(model, [bursts(seed) for seed in range(4)]), young), 100.0, rtol=0.5)


def test_key_matters_and_threads_do_not(model):
    panel = [bursts(seed) for seed in range(3)]
    first, again, other, two = (
        predict(model, fit(model, panel, key, n_threads), panel[0]).tobytes()
        for key, n_threads in ((1, 1), (1, 1), (2, 1), (1, 2))
    )
    assert first == again == two
    assert first != other


def test_a_large_panel_teaches_the_network_by_every_second_origin(monkeypatch):
    panel = [bursts(seed) for seed in range(3)]
    whole = weights(fit(NETWORK, panel))
    monkeypatch.setattr("forecasting.models.features.ratios.MAX_ROWS", 2000)
    assert weights(fit(NETWORK, panel)) != whole


def test_a_large_panel_teaches_the_trees_by_drawn_rows(monkeypatch):
    """As many as are asked for, whatever the order of the series; at last of some series alone."""
    panel = [bursts(seed) for seed in range(24)]
    model = LightGbmGlobal(GlobalGbmSettings(rounds=20, rows=1000))
    drawn = [model._training_rows(h, PanelTask((), 7, 7), 0.1, panel[0].cutoff) for h in panel[:2]]
    assert [len(target) for _, target, _ in drawn] == [108, 108]
    assert not np.array_equal(drawn[0][0], drawn[1][0])
    some = [{h.unique_id for h in _drawn(histories, 5)} for histories in (panel, panel[::-1])]
    assert some[0] == some[1]
    assert len(some[0]) == 5
    assert weights(fit(model, panel)) != weights(fit(LightGbmGlobal(GlobalGbmSettings(rounds=20)), panel))


def test_the_calendar_of_the_panel_is_put_back():
    """A holiday all series saw once: with the calendar taken out of all together, trees of other days forecast it."""
    calendar = Calendar("GB")
    ds = np.arange("2022-10-01", "2023-12-20", dtype="datetime64[D]")
    christmas = np.array([str(day)[5:] == "12-25" for day in ds])
    panel = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        y = np.where(christmas, 2e5, 1e6) * np.exp(rng.normal(0, 0.05, len(ds)))
        panel.append(named(history_of(y, "2022-10-01", calendar), str(seed)))
    with_calendar = LightGbmGlobal(GlobalGbmSettings(rounds=20, calendar=SharedCalendarSettings()))
    got = predict(with_calendar, fit(with_calendar, panel), panel[0])  # 20 to 26 December
    assert got[5] < 3e5
    np.testing.assert_allclose(got[:5], 1e6, rtol=0.1)


def test_rolling_median_of_what_there_is():
    values = np.random.default_rng(0).normal(size=30)
    expected = [np.median(values[max(0, i - 4) : i + 1]) for i in range(30)]
    np.testing.assert_allclose(_rolling_median(values, 5), expected)
