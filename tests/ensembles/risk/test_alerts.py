from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.oof_parquet import OofFile
from ensembles.files.table import joined
from ensembles.risk.alerts import alerts_of_backtest, monitor
from forecasting.calendar import Calendar
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError, StorageError
from forecasting.panel import Series
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
    assert found.start > data.board.windows[0].end
    assert found.n_days == 2 * 3 * 28


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "actuals.csv"
    path.write_text(content)
    return path


def test_new_actual_values_are_held_against_the_forecast(tmp_path: Path) -> None:
    forecast = ahead(("purchase", "2014-05-05", np.nan, 64.0), ("redeem", "2014-05-05", np.nan, 64.0))
    table = written(tmp_path, "date,purchase,redeem\n2014-05-05,100,10\n2014-06-01,5,5\n")
    found = monitor(forecast, table, DataSpec(), CHINA)
    assert [(a.unique_id, a.side) for a in found.alerts] == [("redeem", "below")]
    assert (found.n_days, found.inside) == (2, {95: 1, 80: 1})
    with pytest.raises(DataError, match=r"actuals.csv: it shares no day and series with the forecast of 2014-05-05"):
        monitor(forecast, written(tmp_path, "20150101,1,1\n"), DataSpec(), CHINA)
    with pytest.raises(StorageError, match="no bands"):
        monitor(replace(forecast, bands={}), table, DataSpec(), CHINA)


def test_actual_values_are_read_like_the_runs_own_data(tmp_path: Path) -> None:
    forecast = ahead(("A/sales", "2014-05-05", np.nan, 64.0), ("B/sales", "2014-05-05", np.nan, 64.0))
    spec = DataSpec(kind="panel", entity="store", targets={"sales": 1.0}, columns={"ds": "day", "sales": "units"})
    own = "store,note,day,units\nA,x,2014-05-05,100\nB,y,2014-05-05,900\n"
    ours = "store,date,sales\nA,2014-05-05,100\nB,2014-05-05,900\n"
    for table in (own, ours):
        found = monitor(forecast, written(tmp_path, table), spec, CHINA)
        assert [(a.unique_id, a.entity, a.target) for a in found.alerts] == [("B/sales", "B", "sales")]
        assert found.days == {"A": ("2014-05-05",), "B": ("2014-05-05",)}


def test_actual_values_of_a_long_panel_are_found_by_their_own_ids(tmp_path: Path) -> None:
    series = {"shop1": Series("sales", "shop1"), "shop1/sales": Series("sales", "shop1/sales")}
    forecast = ahead(("shop1", "2014-05-05", np.nan, 64.0), ("shop1/sales", "2014-05-05", np.nan, 64.0))
    spec = DataSpec(kind="panel", targets={"sales": 1.0}, columns={"y": "amount"})
    table = "unique_id,ds,amount\nshop1/sales,2014-05-05,900\nshop1,2014-05-05,100\nother,2014-05-05,1\n"
    found = monitor(forecast.identified(series), written(tmp_path, table), spec, CHINA)
    assert [(a.unique_id, a.entity) for a in found.alerts] == [("shop1/sales", "shop1/sales")]


def test_only_days_that_were_forecast_matter(tmp_path: Path) -> None:
    forecast = ahead(("purchase", "2014-05-05", np.nan, 64.0), ("redeem", "2014-05-05", np.nan, 64.0))
    table = "date,purchase,redeem\n2014-05-05,100,10\n2014-06-01,,bad\n2014-06-01,5,5\n2014-06-02,inf,\n"
    assert monitor(forecast, written(tmp_path, table), DataSpec(), CHINA).n_days == 2
    for wrong in ("2014-05-05,1,1\n", "2014-05-05,bad,1\n"):
        with pytest.raises(DataError, match=r"actuals.csv:6: .*2014-05-05"):
            monitor(forecast, written(tmp_path, table + wrong), DataSpec(), CHINA)


@pytest.mark.parametrize("wrong", ["B,2014-05-05,90\nB,2014-05-05,900\n", "B,2014-05-05,bad\n"])
def test_a_bad_series_of_a_panel_is_left_out_alone(tmp_path: Path, wrong: str) -> None:
    forecast = ahead(("A/sales", "2014-05-05", np.nan, 64.0), ("B/sales", "2014-05-05", np.nan, 64.0))
    spec = DataSpec(kind="panel", entity="store", targets={"sales": 1.0})
    found = monitor(forecast, written(tmp_path, "store,ds,sales\nA,2014-05-05,900\n" + wrong), spec, CHINA)
    assert [a.unique_id for a in found.alerts] == ["A/sales"]
    assert (list(found.left), found.n_days) == (["B/sales"], 1)
    with pytest.raises(DataError, match=r"actuals\.csv:"):
        monitor(forecast, written(tmp_path, "store,ds,sales\n" + wrong), spec, CHINA)


def test_severity_of_signed_amounts_counts_half_widths() -> None:
    made = backtest(("net", "2014-05-01", -50.0, -80.0), ("net", "2014-05-02", 200.0, -80.0))
    signed = replace(made, y_hat=np.array([10.0, 10.0]), bands={95: (np.full(2, -20.0), np.full(2, 110.0))})
    found = alerts_of_backtest(signed, CHINA)
    assert [(a.side, a.severity) for a in found.alerts] == [("below", 2.0), ("above", 1.9)]


def judged_by_hand(oof: OofFile) -> list[tuple[str, str, int, str, float]]:
    """Day by day: series, day, level, side and severity of every alert, the worst first."""
    latest: dict[tuple[str, str], int] = {}
    for row in sorted(range(len(oof)), key=lambda row: oof.cutoff[row]):
        if oof.member[row] == "blend":
            latest[oof.unique_id[row], str(oof.ds[row])] = row
    found = []
    for (uid, day), row in latest.items():
        y, y_hat = float(oof.y[row]), float(oof.y_hat[row])
        ends = {level: (float(low[row]), float(high[row])) for level, (low, high) in oof.bands.items()}
        if not all(map(math.isfinite, (y, *ends[95]))):
            continue
        level = next((level for level, (low, high) in ends.items() if not low <= y <= high), None)
        if level is not None:
            missed = abs(math.log(y / y_hat)) if y > 0 else math.inf
            side = "above" if y > ends[level][1] else "below"
            found.append((uid, day, level, side, missed / math.log(ends[95][1] / y_hat)))
    return sorted(found, key=lambda alert: (-alert[4], alert[1], alert[0]))


@pytest.mark.parametrize("seed", range(5))
def test_alerts_are_those_of_judging_day_by_day(seed: int) -> None:
    rng, n = np.random.default_rng(seed), 400
    y_hat = rng.uniform(50, 150, n)
    y = rng.choice([0.0, np.nan, 1.0], n, p=[0.1, 0.1, 0.8]) * np.rint(y_hat * np.exp(0.4 * rng.normal(size=n)))
    place = rng.permutation(3 * 40 * 8)[:n]  # a series, a day and a cutoff each, none of them twice
    cutoff = as_dates("2014-05-31") - place % 8
    width = {95: np.where(rng.random(n) < 0.2, np.nan, 0.6), 80: 0.3}
    oof = OofFile(
        unique_id=np.array(["a/b/in", "in/in", "in"], dtype=object)[place // 320],
        ds=as_dates("2014-06-01") + place // 8 % 40,
        cutoff=cutoff,
        member=rng.choice(np.array(["blend", "other"], dtype=object), n, p=[0.9, 0.1]),
        y_hat=y_hat,
        y=y,
        bands={level: (y_hat * np.exp(-half), y_hat * np.exp(half)) for level, half in width.items()},
    )
    found = alerts_of_backtest(oof, CHINA)
    by_hand = judged_by_hand(oof)
    assert len(by_hand) > 20
    assert [(a.unique_id, a.ds, a.level, a.side, a.severity) for a in found.alerts] == by_hand
    assert found.beyond(80) == len(by_hand)
