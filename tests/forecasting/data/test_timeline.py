"""Any table's time: periods of three kinds, gaps, days to come, and where each series of a panel ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.calendar import Calendar
from forecasting.data.dataset import open_data
from forecasting.data.loaded import Loaded
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError

FREQS = {"D": "D", "B": "B", "W": "W-WED"}
TABLE = {"kind": "table", "targets": {"in": 0.5, "out": 0.5}}
PANEL = {"kind": "panel", "entity": "shop", "targets": {"in": 0.5, "out": 0.5}}
LONG = {"kind": "panel", "targets": {"in": 1.0}}


def frame(n: int = 40, freq: str = "D", start: str = "2024-01-03") -> pd.DataFrame:
    ds = pd.date_range(start, periods=n, freq=FREQS.get(freq, freq))
    return pd.DataFrame({"ds": ds.strftime("%Y-%m-%d"), "in": np.arange(n) % 5 + 1.5, "out": np.arange(n) % 7 + 10})


def panel(**spans: tuple[int, int]) -> pd.DataFrame:
    """Shops with rows from the first to before the second number of `frame`."""
    return pd.concat([frame(60).iloc[a:b].assign(shop=shop) for shop, (a, b) in spans.items()], ignore_index=True)


def load(
    tmp_path: Path, data: pd.DataFrame, *, country: str | None = None, signed: bool = False, **spec: object
) -> Loaded:
    data.to_csv(tmp_path / "d.csv", index=False)
    return open_data(DataSpec.model_validate(spec), tmp_path / "d.csv", country, checked=True, signed=signed).loaded


def sentence(tmp_path: Path, data: pd.DataFrame, **spec: object) -> str:
    with pytest.raises(DataError) as caught:
        load(tmp_path, data, **spec)
    return str(caught.value)


@pytest.mark.parametrize("freq", FREQS)
@pytest.mark.parametrize("kind", [TABLE, PANEL])
def test_periods_are_seen_and_said(tmp_path: Path, freq: str, kind: dict[str, object]) -> None:
    loaded = load(tmp_path, frame(40, freq).assign(shop="a"), **kind)
    assert (loaded.panel.freq, len(loaded.panel.ds)) == (freq, 40)
    noun = {"D": "days", "B": "work days", "W": "weeks (Wednesdays)"}[freq]
    count = "2 targets" if kind is TABLE else "2 series"
    last = loaded.panel.end
    wanted = f"reads 40 {noun}, 2024-01-03 to {last}, {count}, no unit (add data.unit: EUR), "
    assert loaded.reading == wanted + "no calendar (add calendar: DE)"
    with_unit = load(tmp_path, frame(40, freq).assign(shop="a"), country="US", **kind, unit="thousand USD")
    assert with_unit.reading.endswith(f"{count}, in thousand USD, calendar US")


@pytest.mark.parametrize("freq", FREQS)
@pytest.mark.parametrize("kind", [TABLE, PANEL])
@pytest.mark.parametrize("missing", ["error", "zero", "skip"])
@pytest.mark.parametrize("fault", ["row", "cell"])
def test_what_is_missing_is_an_error_zero_or_unknown(
    tmp_path: Path, freq: str, kind: dict[str, object], missing: str, fault: str
) -> None:
    data = frame(40, freq).assign(shop="a").astype({"in": object})
    if kind is PANEL:
        data = pd.concat([data.assign(shop=shop) for shop in "bcd"] + [data], ignore_index=True)
    at = len(data) - 20
    day = np.datetime64(data.ds[at])
    if fault == "row":
        data = data.drop(index=at)
    else:
        data.loc[at, "in"] = ""
    if freq == "B" and kind is TABLE and fault == "row" and missing == "error":  # the dates are the data's own
        loaded = load(tmp_path, data, **kind, missing=missing)
        assert day not in loaded.panel.ds
        taken = "taken as not worked (data.missing: zero or skip counts them)"
        assert loaded.notes == (f"1 work day has no row, the first on {day}: {taken}",)
        return
    if missing == "error" and kind is TABLE:
        assert "data.missing to zero (nothing flowed) or skip (unknown)" in sentence(tmp_path, data, **kind)
        return
    loaded = load(tmp_path, data, **kind, missing=missing)
    if missing == "error":
        assert {p.series.entity for p in loaded.problems} == {"a"}
        assert "data.missing to zero" in loaded.problems[0].reason
        assert any(note.startswith("a/in is left out: ") for note in loaded.notes)
        return
    assert loaded.problems == ()
    amount = loaded.panel.truth("a/in" if kind is PANEL else "in", np.array([day]))[0]
    assert amount == 0 if missing == "zero" else np.isnan(amount)
    count = "1 missing amount" if fault == "cell" else "2 missing amounts"
    became = "count as 0 (data.missing: zero)" if missing == "zero" else "are unknown (data.missing: skip)"
    assert loaded.notes == (f"{count} {became}, the first on {day}",)


@pytest.mark.parametrize(
    ("ds", "freq", "part"),
    [
        (pd.date_range("2022-01-31", periods=30, freq="ME"), "auto", "apart: months or longer periods cannot be"),
        (pd.date_range("2012-01-31", periods=30, freq="QS"), "auto", "give one row a day, a work day or a week"),
        (
            pd.date_range("2022-01-03", periods=60, freq="2D"),
            "auto",
            "set data.freq (D with data.missing: zero",
        ),
        (pd.date_range("2022-01-03", periods=60, freq="D"), "W", "data.freq is W, and the dates are 60 dates"),
        (pd.date_range("2022-01-03", periods=60, freq="D"), "B", "which leave out no weekday: set it to auto or D"),
    ],
)
def test_dates_of_another_kind_are_refused(tmp_path: Path, ds: pd.DatetimeIndex, freq: str, part: str) -> None:
    data = frame(len(ds)).assign(ds=ds.strftime("%Y%m%d"))
    assert part in sentence(tmp_path, data, **TABLE, freq=freq)


def test_a_given_frequency_is_honoured(tmp_path: Path) -> None:
    two_days = frame(40, "2D")
    loaded = load(tmp_path, two_days, **TABLE, freq="D", missing="zero")
    assert (loaded.panel.freq, len(loaded.panel.ds), int((loaded.panel.y[0] == 0).sum())) == ("D", 79, 39)
    saturdays = pd.concat([frame(60, "B"), frame(1, start="2024-01-06"), frame(1, start="2024-01-13")])
    assert load(tmp_path, saturdays, **TABLE, freq="B").panel.freq == "B"
    sunday_to_thursday = frame(90)[lambda f: ~pd.to_datetime(f.ds).dt.day_of_week.isin([4, 5])]
    loaded = load(tmp_path, sunday_to_thursday, **TABLE)
    assert "(Mondays, Tuesdays, Wednesdays, Thursdays, Sundays)" in loaded.reading
    assert loaded.panel.calendar.week == (0, 1, 2, 3, 6)


def test_absent_work_days_are_a_warning(tmp_path: Path) -> None:
    frame(60, "B").drop(index=[20, 30]).to_csv(tmp_path / "d.csv", index=False)
    data = open_data(DataSpec.model_validate(TABLE), tmp_path / "d.csv", None, checked=True)
    (found,) = [f for f in data.findings if f.check == "absent work day"]
    assert (found.severity, found.count, found.where) == ("warning", 2, "d.csv:22")
    assert found.value.startswith("no row for 2024-01-31")


def test_rows_on_days_off_are_a_warning(tmp_path: Path) -> None:
    saturday = frame(60, "B").iloc[:1].assign(ds="2024-02-10")
    for data, where in ((frame(60, "B"), None), (pd.concat([frame(60, "B"), saturday]), "d.csv:62")):
        data.to_csv(tmp_path / "d.csv", index=False)
        opened = open_data(DataSpec.model_validate(TABLE), tmp_path / "d.csv", None, checked=True)
        found = [f for f in opened.findings if f.check == "row on a day off"]
        assert [f.where for f in found] == ([] if where is None else [where])
        assert all(f.value.startswith("a row for 2024-02-10") for f in found)


@pytest.mark.parametrize("freq", FREQS)
@pytest.mark.parametrize("kind", [TABLE, PANEL])
def test_a_future_of_empty_rows_is_dropped(tmp_path: Path, freq: str, kind: dict[str, object]) -> None:
    data = frame(40, freq).assign(shop="a").astype({"in": object, "out": object})
    data.loc[36:, ["in", "out"]] = ""
    loaded = load(tmp_path, data, **kind)
    assert len(loaded.panel.ds) == 36
    assert loaded.notes[0].startswith(f"the rows of 4 periods from {data.ds[36]} on hold no amounts")


def test_a_half_known_last_day_is_no_future(tmp_path: Path) -> None:
    data = frame(40).astype({"in": object})
    data.loc[39, "in"] = ""
    assert "d.csv:41: in on 2024-02-11 is empty" in sentence(tmp_path, data, **TABLE)
    assert np.isnan(load(tmp_path, data, **TABLE, missing="skip").panel.y[0, -1])


@pytest.mark.parametrize("missing", ["error", "zero", "skip"])
def test_series_lag_or_are_closed(tmp_path: Path, missing: str) -> None:
    data = panel(whole=(0, 60), lags=(0, 57), late=(20, 60), closed=(0, 30))
    loaded = load(tmp_path, data, **PANEL, max_lag=3, missing=missing)
    names = [s.entity for s in loaded.panel.series[::2]]
    assert names == ["lags", "late", "whole"]
    assert np.isnan(loaded.panel.y[0]).nonzero()[0].tolist() == [57, 58, 59]
    closed = [p for p in loaded.problems if p.closed is not None]
    assert [(p.series.entity, str(p.closed)) for p in closed] == [("closed", "2024-02-01")] * 2
    assert any("lags/in (last amount 2024-02-28)" in note for note in loaded.notes)
    assert any(note.startswith("closed and left out: closed/in (last amount 2024-02-01)") for note in loaded.notes)


def test_empty_cells_at_the_end_of_a_series_are_a_lag(tmp_path: Path) -> None:
    data = panel(whole=(0, 60), lags=(0, 60)).astype({"in": object})
    data.loc[(data.shop == "lags") & (data.index >= 118), "in"] = ""
    loaded = load(tmp_path, data, **PANEL)
    assert loaded.problems == ()
    assert np.isnan(loaded.panel.y[0, -2:]).all()


@pytest.mark.parametrize(
    ("odd", "part"),
    [
        (frame(60).assign(shop="odd", ds=lambda f: f.ds.where(f.index != 9, f.ds[8])), "stands twice"),
        (frame(60).drop(index=9).assign(shop="odd"), "no row for 2024-01-12"),
        (frame(60).assign(shop="odd\u200b"), "cannot be shown"),
        (frame(60).assign(shop=""), "shop is empty"),
        (frame(60).astype({"in": object, "out": object}).assign(shop="odd", out="x", **{"in": "x"}), "not a number"),
        (frame(8, "W").assign(shop="odd"), "no row for 2024-01-04"),
    ],
)
def test_an_odd_series_concerns_itself_alone(tmp_path: Path, odd: pd.DataFrame, part: str) -> None:
    data = pd.concat([panel(a=(0, 60), b=(0, 60)), odd])
    loaded = load(tmp_path, data, **PANEL)
    assert [s.entity for s in loaded.panel.series[::2]] == ["a", "b"]
    assert loaded.problems
    assert all(part in p.reason for p in loaded.problems)


@pytest.mark.parametrize("freq", ["B", "W"])
def test_a_daily_series_decides_nothing_among_others(tmp_path: Path, freq: str) -> None:
    others = [frame(30, freq).assign(shop=shop) for shop in "abc"]
    loaded = load(tmp_path, pd.concat([*others, frame(42).assign(shop="odd")]), **PANEL)
    assert loaded.panel.freq == freq
    assert {p.series.entity for p in loaded.problems} == {"odd"}
    assert "the panel's periods are" in loaded.problems[0].reason


def test_one_saturday_of_one_account_is_no_gap_of_the_others(tmp_path: Path) -> None:
    data = pd.concat([frame(60, "B").assign(shop=shop) for shop in "abc"])
    loaded = load(tmp_path, pd.concat([data, frame(1, start="2024-01-13").assign(shop="a")]), **PANEL)
    assert loaded.problems == ()
    assert (loaded.panel.freq, len(loaded.panel.ds)) == ("B", 61)
    assert loaded.notes == ("4 missing amounts are unknown, the first on 2024-01-13",)


@pytest.mark.parametrize("ids", [("shop1", "shop1/in"), ("in", "a"), ("a/b", "b"), ("007", "7")])
def test_ids_of_a_long_table_are_never_taken_apart(tmp_path: Path, ids: tuple[str, str]) -> None:
    data = pd.concat([frame(40).assign(unique_id=uid, y=lambda f: f["in"])[["unique_id", "ds", "y"]] for uid in ids])
    loaded = load(tmp_path, data, **LONG)
    assert loaded.panel.unique_ids == tuple(sorted(ids))
    assert {(s.target, s.entity) for s in loaded.panel.series} == {("in", uid) for uid in ids}


def test_ids_that_would_be_one_are_refused_by_both_names(tmp_path: Path) -> None:
    data = pd.concat([frame(20).assign(shop="a"), frame(40).iloc[20:].assign(shop="a ")])
    assert "shop is 'a ', and 'a' in another row" in sentence(tmp_path, data, **PANEL)


@pytest.mark.parametrize("kind", [TABLE, PANEL, LONG])
def test_negative_amounts_where_the_score_allows_them(tmp_path: Path, kind: dict[str, object]) -> None:
    data = frame(40).assign(shop="a", unique_id="a", y=lambda f: f["in"])
    data.loc[10, ["in", "y"]] = -3.25
    remedy = "a negative amount: correct it, or set score.surrogate to wape"
    if kind is PANEL:
        assert remedy in load(tmp_path, data, **kind).problems[0].reason
    else:
        assert remedy in sentence(tmp_path, data, **kind)
    loaded = load(tmp_path, data, signed=True, **kind)
    assert loaded.panel.y[0, 10] == -3.25
    assert load(tmp_path, data, signed=True, **kind, scale="signed").panel.history(loaded.panel.unique_ids[0]).signed
    loaded = load(tmp_path, data.assign(other=1), signed=True, **PANEL, scale="log")
    assert "set data.scale to auto" in loaded.problems[0].reason


@pytest.mark.parametrize(
    ("amounts", "decimals"),
    [
        ((1, 2), 0),
        ((1.5, 2), 1),
        ((0.1 + 0.2, 10.25), 2),
        ((1e12 + 0.5, 1), 1),
        ((1 / 3, 1), 6),
        ((0.00000123, 1.5), 8),
        ((1e9 / 7, 1e9 / 3), 4),
        ((123456789012.0, 0.00001234), 8),
        ((1e9 / 7, 1e-4 / 7), 10),
        ((1e13 / 7, 1e13 / 3), 3),
        ((1e-4 / 7, 2e-4 / 7), 10),
        ((1e-300 / 7, 2e-300 / 7), 100),
    ],
)
def test_decimals_are_those_of_the_amounts(tmp_path: Path, amounts: tuple[float, float], decimals: int) -> None:
    data = frame(40)
    data["in"], data["out"] = amounts
    assert load(tmp_path, data, **TABLE).decimals == decimals


def shops(**frames: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([f.assign(shop=shop) for shop, f in frames.items()], ignore_index=True)


@pytest.mark.parametrize("missing", ["error", "zero", "skip"])
def test_a_series_that_is_alone_on_its_days_does_not_decide_the_periods(tmp_path: Path, missing: str) -> None:
    work_days = frame(200, "B")
    data = shops(a=work_days, b=work_days, c=frame(1000, "D", "2022-01-03"))
    loaded = load(tmp_path, data, **PANEL, missing=missing)
    assert loaded.panel.freq == "B"
    assert [s.entity for s in loaded.panel.series] == ["a", "a", "b", "b"]
    assert {p.series.entity for p in loaded.problems} == {"c"}


def test_a_series_of_other_weeks_is_left_out_alone(tmp_path: Path) -> None:
    friday, thursday = frame(60, "W-FRI", "2023-01-06"), frame(80, "W-THU", "2022-10-06")
    loaded = load(tmp_path, shops(a=friday, b=friday, c=thursday), **PANEL)
    assert ("(Fridays)" in loaded.reading, {p.series.entity for p in loaded.problems}) == (True, {"c"})


def test_a_stray_early_row_leaves_work_days(tmp_path: Path) -> None:
    work_days = frame(200, "B")
    stray = pd.concat([frame(1, start="2020-01-02"), work_days])
    assert load(tmp_path, shops(a=work_days, b=work_days, c=stray), **PANEL).panel.freq == "B"
    assert load(tmp_path, stray, **TABLE).panel.freq == "B"


@pytest.mark.parametrize("freq", FREQS)
@pytest.mark.parametrize("missing", ["error", "zero", "skip"])
def test_a_date_far_after_all_others_is_named(tmp_path: Path, freq: str, missing: str) -> None:
    data, typo = frame(100, freq), frame(1, start="2034-01-04")
    late = pd.concat([data, typo], ignore_index=True)
    said = sentence(tmp_path, late, **TABLE, missing=missing)
    assert said.startswith(f"d.csv:102: 2034-01-04 lies far after {data.ds[99]}")
    loaded = load(tmp_path, shops(a=data, b=data, c=late), **PANEL, missing=missing)
    assert str(loaded.panel.end) == data.ds[99]
    assert {(p.series.entity, p.error.where) for p in loaded.problems} == {("c", "d.csv:302")}
    assert loaded.notes[0].startswith("c/in is left out: d.csv:302: 2034-01-04 lies far after ")


def test_all_series_may_go_on_after_a_gap(tmp_path: Path) -> None:
    data = pd.concat([frame(60), frame(60, start="2024-08-05")])
    assert load(tmp_path, shops(a=data, b=data), **PANEL, missing="skip").problems == ()
    assert load(tmp_path, data, **TABLE, missing="skip").problems == ()


@pytest.mark.parametrize(("missing", "amount"), [("zero", 0.0), ("skip", np.nan)])
@pytest.mark.parametrize("kind", [TABLE, PANEL])
def test_absent_work_days_are_filled(tmp_path: Path, kind: dict[str, object], missing: str, amount: float) -> None:
    data = frame(219, "B", "2024-01-01").assign(shop="a")
    gap = data[(data.ds < "2024-03-01") | (data.ds > "2024-08-30")]
    loaded = load(tmp_path, gap, **kind, missing=missing)
    assert (loaded.panel.freq, len(loaded.panel.ds)) == ("B", 219)
    assert len(gap) < 100
    added = ~np.isin(loaded.panel.ds, gap.ds.to_numpy(dtype="datetime64[D]"))
    np.testing.assert_array_equal(loaded.panel.y[:, added], amount)
    kept = np.random.default_rng(1).permutation(np.arange(1, 218))[:86]
    few = data.iloc[np.sort([0, 218, *kept])]
    assert len(load(tmp_path, few, **kind, missing=missing, freq="B").panel.ds) == 219


def test_a_week_that_changed_is_judged_by_its_own_year(tmp_path: Path) -> None:
    ds = pd.date_range("2021-06-01", "2022-06-30")
    calendar = Calendar("AE").days(ds.to_numpy(dtype="datetime64[D]"))
    # until 2021 Sundays were worked, and Fridays were not
    worked = ds[[w and not n for w, n in zip(np.isin(ds.day_of_week, [0, 1, 2, 3]), calendar.holiday, strict=True)]]
    sundays, fridays = ds[(ds.day_of_week == 6) & (ds.year == 2021)], ds[(ds.day_of_week == 4) & (ds.year == 2022)]
    days = worked.union(sundays).union(fridays).strftime("%Y-%m-%d")
    data = pd.DataFrame({"ds": days, "in": np.arange(len(days)) % 5 + 1.0, "out": np.arange(len(days)) % 7 + 1.0})
    assert load(tmp_path, data, country="AE", **TABLE).panel.freq == "B"


def test_work_days_at_weekends_name_a_calendar(tmp_path: Path) -> None:
    ds = pd.date_range("2024-01-01", "2024-10-31")
    days = ds[Calendar("CN").days(ds.to_numpy(dtype="datetime64[D]")).workday].strftime("%Y-%m-%d")
    data = frame(len(days)).assign(ds=days)
    assert "set calendar: CN, whose work days at weekends these may be" in sentence(tmp_path, data, **TABLE)
    assert load(tmp_path, data, country="CN", **TABLE).panel.freq == "B"


@pytest.mark.parametrize("kind", [TABLE, PANEL])
def test_a_few_work_days_are_too_little_history(tmp_path: Path, kind: dict[str, object]) -> None:
    data = frame(8, "B", "2024-01-01").assign(shop="a")
    said = sentence(tmp_path, data, **kind)
    assert "8 dates from 2024-01-01 to 2024-01-10 are too little history: give at least 20 work days" in said


@pytest.mark.parametrize(("factor", "decimals"), [(2.0, 0), (1.0, 1), (0.01, 3), (1e-10, 15)])
def test_tiny_amounts_keep_their_digits(tmp_path: Path, factor: float, decimals: int) -> None:
    data = frame().assign(out=lambda f: f.out * factor, **{"in": lambda f: f["in"] * factor})
    assert load(tmp_path, data, **TABLE).decimals == decimals


@pytest.mark.parametrize("freq", ["auto", "W"])
def test_a_week_a_day_early_is_named_by_its_row(tmp_path: Path, freq: str) -> None:
    data = frame(40, "W")
    data.loc[20, "ds"] = str(np.datetime64(data.ds[20]) - 1)
    said = sentence(tmp_path, data, **TABLE, freq=freq)
    assert said.startswith(f"d.csv:22: {data.ds[20]} is no Wednesday, and nearly all other dates are weeks")


def test_a_row_without_an_id_has_a_name(tmp_path: Path) -> None:
    data = pd.concat([frame(60).assign(shop="a"), frame(1).assign(shop="")])
    assert load(tmp_path, data, **PANEL).notes[0].startswith("a row without an id is left out: d.csv:62: shop is empty")


def test_past_covariates_without_values_are_said(tmp_path: Path) -> None:
    """Of a table and of a panel, where a row counts once, whatever its targets."""
    data = frame().assign(rate=1.5, shop="a")
    assert not any("rate" in note for note in load(tmp_path, data, **TABLE, past=["rate"]).notes)
    data.loc[[3, 39], "rate"] = np.nan
    for kind in (TABLE, PANEL):
        notes = load(tmp_path, data, **kind, past=["rate"]).notes
        assert "rate, of data.past, is empty in 2 of 40 rows" in notes
