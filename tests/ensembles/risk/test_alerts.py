from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.history_parquet import HistoryFile
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
        quantiles={
            0.025: np.array([row[3] for row in rows], dtype=float),
            0.1: np.full(n, 80.0),
            0.5: np.full(n, 100.0),
            0.9: np.full(n, 125.0),
            0.975: np.full(n, 156.25),
        },
    )


def ahead(*rows: tuple[str, str, float, float]) -> ForecastFile:
    """As `backtest`, without actual values."""
    made = backtest(*rows)
    return ForecastFile(made.unique_id, made.ds, made.member, made.y_hat, made.quantiles)


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
    ]
    assert 1.0 < found.alerts[1].severity < found.alerts[0].severity < math.log(2.2) / math.log(1.5625)
    assert found.alerts[0].event == "双十一 <b>"
    assert (found.n_days, found.beyond(95), found.beyond(80), found.start) == (4, 2, 3, "2014-05-01")


def test_severity_is_one_on_the_edge_and_grows_with_the_error() -> None:
    days = [(f"2014-05-{day:02d}", y) for day, y in enumerate((156.26, 200.0, 300.0, 1e4, 1e9), 1)]
    found = alerts_of_backtest(backtest(*(("redeem", ds, y, 64.0) for ds, y in days)), CHINA)
    assert [a.ds for a in found.alerts] == [ds for ds, _ in reversed(days)]
    assert found.alerts[-1].severity == pytest.approx(1.0, abs=1e-3)
    assert found.alerts[0].severity <= 100


def test_days_without_band_or_actual_value_are_not_judged() -> None:
    found = alerts_of_backtest(
        backtest(("redeem", "2014-05-01", 900.0, np.nan), ("redeem", "2014-05-02", np.nan, 64.0)), CHINA
    )
    assert (found.alerts, found.n_days) == ((), 0)
    assert alerts_of_backtest(backtest(), CHINA).n_days == 0


def history(active: list[bool], uid: str = "redeem") -> HistoryFile:
    """A series up to the end of April, active on some days."""
    n = len(active)
    ds = np.datetime64("2014-05-01") - n + np.arange(n)
    return HistoryFile(np.full(n, uid, dtype=object), ds, np.where(active, 100.0, 0.0))


def zeros(n: int, first: int = 1) -> list[tuple[str, str, float, float]]:
    return [("redeem", f"2014-05-{day:02d}", 0.0, 64.0) for day in range(first, first + n)]


def test_a_run_of_improbable_days_without_flow_is_one_alert() -> None:
    usual = ("redeem", "2014-05-04", 100.0, 64.0)
    found = alerts_of_backtest(backtest(*zeros(3), usual, *zeros(1, 5)), CHINA, history([True] * 200))
    assert [(a.ds, a.n_days, a.side) for a in found.alerts] == [("2014-05-01", 3, "below"), ("2014-05-05", 1, "below")]
    assert found.alerts[0].severity > 1.5 > found.alerts[1].severity > 1.0
    assert found.beyond(95) == 4


def test_days_without_flow_are_no_alert_where_they_are_usual() -> None:
    often = [bool(day % 2) for day in range(200)]
    usual = alerts_of_backtest(backtest(*zeros(2)), CHINA, history(often))
    assert usual.alerts == ()
    assert usual.chance_in_words.startswith("2 of the 2 had no flow or were forecast to have none")
    stopped = alerts_of_backtest(backtest(*zeros(20)), CHINA, history(often)).alerts
    assert [(a.ds > "2014-05-01", a.n_days) for a in stopped] == [(True, 20)]
    weekends = [bool(np.is_busday(np.datetime64("2014-05-01") - 200 + day)) for day in range(200)]
    found = alerts_of_backtest(backtest(*zeros(2, 10), *zeros(1, 12)), Calendar(), history(weekends)).alerts
    assert [(a.ds, a.n_days) for a in found] == [("2014-05-12", 3)]  # the Monday after a weekend


def test_an_amount_on_a_day_that_is_never_active_is_an_alert() -> None:
    weekends = [bool(np.is_busday(np.datetime64("2014-05-01") - 200 + day)) for day in range(200)]
    made = backtest(("redeem", "2014-05-09", 100.0, 64.0), ("redeem", "2014-05-10", 5.0, 64.0))
    idle = {p: np.where([False, True], 0.0, values) for p, values in made.quantiles.items()}
    found = alerts_of_backtest(replace(made, quantiles=idle), Calendar(), history(weekends))
    assert [(a.ds, a.side) for a in found.alerts] == [("2014-05-10", "above")]
    assert 1.0 < found.alerts[0].severity < 2.0


def test_later_days_do_not_change_how_earlier_ones_are_judged() -> None:
    past = history([True] * 200)
    one, more = (alerts_of_backtest(backtest(*zeros(n)), CHINA, past).alerts[0] for n in (2, 5))
    assert (one.ds, one.n_days, more.n_days) == (more.ds, 2, 5)
    assert one.severity < more.severity


def test_a_day_in_two_windows_is_judged_once_by_the_later() -> None:
    early, late = (
        backtest(("redeem", "2014-05-01", 200.0, 64.0)),
        backtest(("redeem", "2014-05-01", 120.0, 64.0), cutoff="2014-04-15"),
    )
    assert len(alerts_of_backtest(joined([early, late]), CHINA).alerts) == 1


def test_the_first_two_windows_of_a_run_have_no_bands() -> None:
    data = small_run()
    found = alerts_of_backtest(data.oof, CHINA)
    assert found.start > data.board.windows[1].end
    assert found.n_days == 2 * 2 * 28


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
    with pytest.raises(DataError, match="its days are 2015-01-01 to 2015-01-01: give days that were forecast"):
        monitor(forecast, written(tmp_path, "20150101,1,1\n"), DataSpec(), CHINA)
    with pytest.raises(StorageError, match="no bands"):
        monitor(replace(forecast, quantiles={}), table, DataSpec(), CHINA)


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
    ends = {0.025: np.full(2, -20.0), 0.5: np.full(2, 10.0), 0.975: np.full(2, 110.0)}
    found = alerts_of_backtest(replace(made, quantiles=ends), CHINA)
    assert [a.side for a in found.alerts] == ["below", "above"]  # 2 and 1.9 half widths
    assert found.alerts[0].severity == pytest.approx(2.0 ** (0.57 / 0.68))


def judged_by_hand(oof: OofFile) -> list[tuple[str, str, str, float]]:
    """Day by day: series, day, side and severity of every alert, the worst first."""
    latest: dict[tuple[str, str], int] = {}
    for row in sorted(range(len(oof)), key=lambda row: oof.cutoff[row]):
        if oof.member[row] == "blend":
            latest[oof.unique_id[row], str(oof.ds[row])] = row
    found = []
    for (uid, day), row in latest.items():
        y, median = float(oof.y[row]), float(oof.quantiles[0.5][row])
        low, high = (float(end[row]) for end in oof.bands[95])
        if not all(map(math.isfinite, (y, low, high))) or low <= y <= high:
            continue
        ratio = math.log(oof.bands[80][1][row] / median) / math.log(high / median)
        heaviness = -math.log(ratio) / math.log(math.log(0.05) / math.log(0.2))
        power = 0.57 / min(max(heaviness, 0.5), 2.0)
        found.append(
            (uid, day, "above" if y > high else "below", abs(math.log(y / median) / math.log(high / median)) ** power)
        )
    return sorted(found, key=lambda alert: (-alert[3], alert[1], alert[0]))


@pytest.mark.parametrize("seed", range(5))
def test_alerts_are_those_of_judging_day_by_day(seed: int) -> None:
    rng, n = np.random.default_rng(seed), 400
    median = rng.uniform(50, 150, n)
    y = rng.choice([np.nan, 1.0], n, p=[0.1, 0.9]) * median * np.exp(0.5 * rng.normal(size=n))
    place = rng.permutation(3 * 40 * 8)[:n]  # a series, a day and a cutoff each, none of them twice
    wide, narrow = np.where(rng.random(n) < 0.2, np.nan, 0.6), rng.uniform(0.3, 0.45, n)
    halves = {0.025: -wide, 0.1: -narrow, 0.5: 0.0 * narrow, 0.9: narrow, 0.975: wide}
    oof = OofFile(
        unique_id=np.array(["a/b/in", "in/in", "in"], dtype=object)[place // 320],
        ds=as_dates("2014-06-01") + place // 8 % 40,
        cutoff=as_dates("2014-05-31") - place % 8,
        member=rng.choice(np.array(["blend", "other"], dtype=object), n, p=[0.9, 0.1]),
        y_hat=0.98 * median,
        y=y,
        quantiles={p: median * np.exp(half) for p, half in halves.items()},
    )
    found, by_hand = alerts_of_backtest(oof, CHINA), judged_by_hand(oof)
    assert len(by_hand) > 10
    assert [(a.unique_id, a.ds, a.side) for a in found.alerts] == [row[:3] for row in by_hand]
    assert [a.severity for a in found.alerts] == pytest.approx([row[3] for row in by_hand])
    assert found.beyond(95) == len(by_hand)
