"""Signals and their hit rate: by hand, on prices with momentum, and on random walks."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest

from ensembles.evaluation.run_signals import RunSignals
from ensembles.exports.signals import signals_csv
from ensembles.judging.intervals import Parts
from ensembles.judging.signals import FEWEST, judge_signals, signals_of
from forecasting.axis import Axis
from forecasting.backtest import one_step_fits
from forecasting.calendar import Calendar
from forecasting.models.base import FitTask
from forecasting.models.lstm.price import LstmPrice, LstmPriceSettings
from forecasting.panel import History, Series
from tests.runs import tidecast

BEYOND = 0.02


def one_day_windows(y_hat, y, last, beyond=BEYOND):
    """Judge a single series in windows of a day."""
    ds = np.datetime64("2024-01-01") + np.arange(len(y))
    return judge_signals(
        *(np.asarray(v, dtype=float)[None, :, None] for v in (y_hat, y)), last[None], ds[:, None], beyond
    )


def test_a_change_beyond_the_threshold_is_a_signal():
    y_hat = np.array([102.01, 102.0, 97.99, 98.0, 100.0, np.nan, 5.0, 5.0])
    last = np.array([100.0] * 6 + [0.0, np.nan])
    assert signals_of(y_hat, last, BEYOND).tolist() == [1, 0, -1, 0, 0, 0, 0, 0]


def test_hits_are_counted_on_known_days_and_no_change_is_none():
    last = np.full(60, 100.0)
    y_hat = np.where(np.arange(60) % 2, 110.0, 90.0)
    y = np.where(np.arange(60) < 45, y_hat, 200.0 - y_hat)  # the first 45 are right
    y[0], y[1], last[2] = np.nan, 100.0, 0.0
    found = one_day_windows(y_hat, y, last)
    assert (found.n_days, found.n_up, found.n_down, found.n_right) == (58, 30, 28, 42)
    assert found.hit_rate == 42 / 58
    right = np.where(np.arange(60) < 45, 1.0, 0.0)
    right[1] = 0.0
    added = np.where(np.isin(np.arange(60), [0, 2]), 0.0, right - 42 / 58) / 58
    ds = (np.datetime64("2024-01-01") + np.arange(60))[:, None]
    assert (found.low, found.high) == pytest.approx(np.clip(Parts.of(ds).interval(42 / 58, added[:, None]), 0, 1))
    assert "58 on 58 unseen days, 72% right (90% interval " in found.sentence


def test_below_thirty_signals_nothing_is_said_of_the_rate():
    last, few = np.full(100, 100.0), FEWEST - 1
    y_hat = np.where(np.arange(100) < few, 110.0, 100.0)
    found = one_day_windows(y_hat, np.full(100, 120.0), last)
    assert found.too_few
    assert found.sentence == "29 on 100 unseen days: too few to judge (it takes 30)"
    assert not one_day_windows(np.where(np.arange(100) <= few, 110.0, 100.0), np.full(100, 120.0), last).too_few
    (row,) = csv.DictReader(io.StringIO(signals_csv(RunSignals(BEYOND, {("Close", "m"): found})).decode()))
    assert (row["up"], row["right"], row["hit_rate"], row["low"], row["verdict"]) == (
        "29",
        "29",
        "",
        "",
        "too few to judge",
    )


def test_one_window_has_no_interval():
    found = judge_signals(np.full((1, 1, 40), 110.0), np.full((1, 1, 40), 120.0), np.array([[100.0]]), days(40), BEYOND)
    assert math.isnan(found.low)
    assert found.sentence.endswith("100% right (no interval)")


def days(n):
    return (np.datetime64("2024-01-01") + np.arange(n))[None]


# -- the tutorial's network, small, on generated prices

SMALL = {"hidden_sizes": [8, 4], "dense_size": 4, "learning_rate": 0.003, "epochs": 40, "patience": 8, "input_size": 10}
SMALL |= {"recurrent_dropout": 0.0, "dropout": 0.0, "dense_dropout": 0.0}


def prices(n, momentum, seed):
    """Trading days, closing prices whose changes are correlated with the last one, and volumes."""
    rng = np.random.default_rng(seed)
    change = 0.02 * rng.standard_normal(n)
    for t in range(1, n):
        change[t] += momentum * change[t - 1]
    ds = Axis("B", Calendar("XNYS")).after(np.datetime64("2004-12-31"), n)
    return ds, 50 * np.exp(np.cumsum(change)), np.rint(np.exp(13 + rng.normal(0, 0.3, n)))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_signals_on_prices_with_momentum_are_right_more_often_than_not(tmp_path):
    rows = [f"{d},{c:.4f},{v:.0f}" for d, c, v in zip(*prices(2000, 0.5, 1), strict=True)]
    (tmp_path / "prices.csv").write_text("\n".join(["Date,Close,Volume", *rows]))
    member = "{model: lstm-price, " + ", ".join(f"{k}: {v}" for k, v in SMALL.items()) + "}"
    asked = (f"members=[{member}, {{model: seasonal-naive, season_length: 1, reference: true}}]", "signal=0.005")
    sets = [part for key in asked for part in ("--set", key)]
    arguments = ("articles/price-series-lstm", "--data", "prices.csv", "--run-dir", "run", "--executor", "local")
    done = tidecast(tmp_path, "run", *arguments, *sets)
    assert done.returncode == 0, done.stderr
    found = {row["member"]: row for row in csv.DictReader((tmp_path / "run/signals.csv").read_text().splitlines())}
    blend = found["blend"]
    assert int(blend["up"]) + int(blend["down"]) >= 200
    assert float(blend["low"]) > 0.5
    assert float(blend["hit_rate"]) < 0.8, "momentum says this much and no more"
    assert "signals of Close beyond ±0.5%: " in done.stdout
    assert found["seasonal-naive"]["verdict"] == "too few to judge", "the last price says no way"
    (ahead,) = csv.DictReader((tmp_path / "run/forecast.csv").read_text().splitlines())
    assert ahead["signal"] in {"-1", "0", "1"}
    again = tidecast(tmp_path, "predict", "run", "--data", "prices.csv", "--out", "out")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "out/forecast.csv").read_bytes() == (tmp_path / "run/forecast.csv").read_bytes()


def test_on_random_walks_the_interval_holds_one_half_as_often_as_it_says():
    inside = 0
    for seed in range(1, 1001):
        ds, close, _ = prices(222, 0.0, seed)
        last, change = close[21:-1], close[21:-1] / close[20:-2] - 1
        y_hat = last * (1 + 0.5 * change)
        arrays = (y_hat[None, :, None], close[None, 22:, None], last[None], ds[22:, None])
        inside += (found := judge_signals(*arrays, beyond=0.004)).low < 0.5 < found.high
    assert inside >= 900


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_on_random_walks_the_networks_interval_holds_one_half():
    inside = 0
    for seed in range(1, 11):
        ds, close, volume = prices(1000, 0.0, seed)
        history = History(Series("Close"), ds, close, volume[:, None], ("Volume",), Calendar("XNYS"), "B")
        model, cut = LstmPrice(LstmPriceSettings(**SMALL)), 800
        state = model.fit(FitTask(history.until(ds[cut - 1]), 1, seed))
        y_hat = one_step_fits(model, state, history, ds[cut:])
        found = judge_signals(
            y_hat[None, :, None], close[None, cut:, None], close[None, cut - 1 : -1], ds[cut:, None], beyond=0.0
        )
        assert found.n_signals == 200
        inside += found.low < 0.5 < found.high
    assert inside >= 9
