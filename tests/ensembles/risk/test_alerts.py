from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import numpy as np
import pytest

from ensembles.files.exports.alerts import alerts_csv
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.oof_parquet import OofFile
from ensembles.files.table import joined
from ensembles.risk.alerts import alerts_of_backtest, monitor
from forecasting.calendar import Calendar
from forecasting.errors import DataError, StorageError
from forecasting.schema import as_dates
from tests.ensembles.runs import small_run

CHINA = Calendar("CN", (("2014-05-05", "双十一 <b>"),))


def backtest(*rows: tuple[str, str, float, float], cutoff: str = "2014-04-30") -> OofFile:
    """(unique_id, ds, y, lo_95); forecasts of 100, an 80% band of 80 to 125 and a 95% band of 64 to 156.25."""
    n = len(rows)
    return OofFile(
        unique_id=np.array([row[0] for row in rows], dtype=object),
        ds=as_dates([row[1] for row in rows]),
        cutoff=as_dates([cutoff] * n),
        member=np.array(["blend"] * n, dtype=object),
        y_hat=np.full(n, 100.0),
        y=np.array([row[2] for row in rows], dtype=float),
        bands={
            95: (np.array([row[3] for row in rows], dtype=float), np.full(n, 156.25)),
            80: (np.full(n, 80.0), np.full(n, 125.0)),
        },
    )


def ahead(*rows: tuple[str, str, float, float]) -> ForecastFile:
    """As `backtest`, without actual values."""
    made = backtest(*rows)
    return ForecastFile(made.unique_id, made.ds, made.member, made.y_hat, made.bands)


def test_days_outside_are_ranked_by_how_far_they_lie_with_their_day() -> None:
    found = alerts_of_backtest(
        backtest(
            ("redeem", "2014-05-01", 130.0, 64.0),
            ("redeem", "2014-05-04", 50.0, 64.0),
            ("purchase", "2014-05-05", 220.0, 64.0),
            ("purchase", "2014-05-06", 101.0, 64.0),
        ),
        CHINA,
    )
    assert [(a.ds, a.level, a.side, a.day_type) for a in found.alerts] == [
        ("2014-05-05", 95, "above", "work day"),
        ("2014-05-04", 95, "below", "shifted work day"),
        ("2014-05-01", 80, "above", "day off"),
    ]
    assert found.alerts[0].severity == pytest.approx(math.log(2.2) / math.log(1.5625))
    assert found.alerts[0].event == "双十一 <b>"
    assert found.alerts[2].holiday
    assert (found.n_days, found.beyond(95), found.beyond(80), found.start) == (4, 2, 3, "2014-05-01")


def test_days_without_band_or_actual_value_are_not_judged() -> None:
    found = alerts_of_backtest(
        backtest(("redeem", "2014-05-01", 900.0, np.nan), ("redeem", "2014-05-02", np.nan, 64.0)), CHINA
    )
    assert (found.alerts, found.n_days) == ((), 0)
    assert alerts_of_backtest(backtest(), CHINA).n_days == 0


def test_a_day_without_flow_ranks_first() -> None:
    found = alerts_of_backtest(
        backtest(("redeem", "2014-05-01", 0.0, 64.0), ("redeem", "2014-05-02", 9e9, 64.0)), CHINA
    )
    assert found.alerts[0].severity == math.inf


def test_a_day_in_two_windows_is_judged_once_by_the_later() -> None:
    early, late = (
        backtest(("redeem", "2014-05-01", 200.0, 64.0)),
        backtest(("redeem", "2014-05-01", 120.0, 64.0), cutoff="2014-04-15"),
    )
    assert len(alerts_of_backtest(joined([early, late]), CHINA).alerts) == 1


def test_the_first_window_of_a_run_has_no_bands() -> None:
    data = small_run()
    found = alerts_of_backtest(data.oof, CHINA)
    assert found.start > data.board["windows"][0]["end"]
    assert found.n_days == 2 * 3 * 28


def test_new_actual_values_are_held_against_the_forecast() -> None:
    forecast = ahead(("purchase", "2014-05-05", np.nan, 64.0), ("redeem", "2014-05-05", np.nan, 64.0))
    found = monitor(
        forecast, b"date,purchase,redeem\n2014-05-05,100,10\n2014-06-01,5,5\n", ("purchase", "redeem"), CHINA
    )
    assert [(a.unique_id, a.side) for a in found.alerts] == [("redeem", "below")]
    assert (found.n_days, found.inside) == (2, {95: 1, 80: 1})
    with pytest.raises(DataError, match=r"actuals: shares no day and series with the forecast of 2014-05-05"):
        monitor(forecast, b"20150101,1,1\n", ("purchase", "redeem"), CHINA)
    with pytest.raises(StorageError, match="no bands"):
        monitor(replace(forecast, bands={}), b"20140505,1,1\n", ("purchase", "redeem"), CHINA)


def test_the_file_gives_cny() -> None:
    found = alerts_of_backtest(backtest(("fund/redeem", "2014-05-05", 20_000.0, 64.0)), CHINA)
    (row,) = csv.DictReader(io.StringIO(alerts_csv(found, "fen").decode()))
    assert (row["rank"], row["unique_id"], row["y_cny"], row["low_cny"]) == ("1", "fund/redeem", "200.00", "0.64")
