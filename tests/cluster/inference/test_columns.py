"""What the columns of a table are taken for, and the sentence where they could be taken for more than one thing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cluster.inference.columns import Columns, columns_of, look_at
from forecasting.errors import ConfigError, DataError

N = 100
RNG = np.random.default_rng(2)
FLOWS = {
    "date": pd.date_range("2024-01-01", periods=N).strftime("%Y-%m-%d"),
    "in": RNG.uniform(90, 110, N).round(2),
    "out": RNG.uniform(90, 110, N).round(2),
}


def table(**more: Any) -> pd.DataFrame:
    return pd.DataFrame({**FLOWS, **more})


def panel(**names: Any) -> pd.DataFrame:
    parts = [table(**{column: values[k] for column, values in names.items()}) for k in range(3)]
    return pd.concat(parts, ignore_index=True)


def understood(folder: Path, frame: pd.DataFrame, asked: tuple[str, ...] = (), **given: Any) -> Columns:
    frame.to_csv(folder / "t.csv", index=False)
    return columns_of(look_at(str(folder / "t.csv"), given), given, asked)


def test_two_flows_and_what_is_left_aside(tmp_path: Path) -> None:
    more = {
        "Saldo EUR": np.arange(N) ** 2.0,
        "accountNo": RNG.integers(1, 9, N),
        "FX rate": RNG.uniform(1, 2, N),
        "day of month": np.arange(N) % 28 + 1,
        "promo": np.arange(N) % 2,
        "branches": 7,
        "booking": RNG.permutation(N) + 1000,
        "running": np.arange(N) * 1.5,
        "text": "x",
        "empty": None,
    }
    found = understood(tmp_path, table(**more))
    assert found.data == {"kind": "table", "columns": {"ds": "date"}, "targets": {"in": 0.5, "out": 0.5}}
    said = "\n".join(found.notes)
    assert "forecast: in and out, weighted equally" in said
    for column, reason in {
        "Saldo EUR": "its name says saldo",
        "accountNo": "its name says no",
        "FX rate": "its name says fx rate",
        "day of month": "its name says day of month",
        "promo": "0 and 1 alone",
        "branches": "all the same",
        "booking": "it counts",
        "running": "it counts",
    }.items():
        assert f"{column} ({reason})" in said
    assert "text" not in said


@pytest.mark.parametrize("name", ["sales per day", "account inflow", "number of orders", "total"])
def test_flows_whose_names_hold_a_word_of_a_key_or_a_date(tmp_path: Path, name: str) -> None:
    frame = table().rename(columns={"in": name})
    assert name in understood(tmp_path, frame).notes[1]


def test_more_than_two_flows_are_listed(tmp_path: Path) -> None:
    frame = table(fees=RNG.uniform(1, 2, N), balance=RNG.uniform(1, 2, N))
    with pytest.raises(
        DataError, match="3 columns hold amounts: in, out, fees: name those to forecast, as in --target"
    ):
        understood(tmp_path, frame)
    assert understood(tmp_path, frame, ("fees",)).data["targets"] == {"fees": 1.0}
    assert understood(tmp_path, frame, ("Balance",)).data["targets"] == {"balance": 1.0}
    with pytest.raises(DataError, match="there is no column 'fee' among date, in, out, fees, balance"):
        understood(tmp_path, frame, ("fee",))
    with pytest.raises(ConfigError, match=r"data.targets names them too"):
        understood(tmp_path, frame, ("fees",), targets={"in": 1.0})


def test_no_flow_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column looks like amounts .* balance \(its name says balance\)"):
        understood(tmp_path, table(balance=1.5)[["date", "balance"]])


def test_two_columns_of_days_are_not_decided_between(tmp_path: Path) -> None:
    frame = table(valuta=FLOWS["date"])
    with pytest.raises(
        DataError, match=r"date, valuta all hold days: say which counts, as in --set data.columns.ds=date"
    ):
        understood(tmp_path, frame)
    assert understood(tmp_path, frame, columns={"ds": "valuta"}).data["columns"] == {"ds": "valuta"}


def test_a_broken_day_is_refused_by_row(tmp_path: Path) -> None:
    frame = table()
    frame.loc[40, "date"] = "Total"
    with pytest.raises(DataError, match=r"t.csv:42: date is 'Total', and the row looks like a total"):
        understood(tmp_path, frame)
    with pytest.raises(DataError, match="no column holds days among in, out"):
        understood(tmp_path, frame[["in", "out"]])


def test_a_day_before_the_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"t.csv: the data begin on 2024-\d\d-\d\d, after 2020-01-01: choose a later date"
    ):
        understood(tmp_path, table(), as_of=dt.date(2020, 1, 1))


def test_a_header_of_days_is_no_header(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the header holds the day 2024-01-01"):
        understood(tmp_path, pd.DataFrame({"series": ["a"], "2024-01-01": [1.0]}))


def test_a_column_that_repeats_on_each_date_tells_series_apart(tmp_path: Path) -> None:
    found = understood(tmp_path, panel(fund=["A", "B", "C"], currency=["EUR"] * 3))
    assert (found.data["kind"], found.data["entity"]) == ("panel", "fund")
    assert "series: one for each of 3 values of fund" in found.notes[1]
    code_and_name = panel(code=["A", "B", "C"], name=["Alpha", "Beta", "Gamma"])
    assert understood(tmp_path, code_and_name).data["entity"] == "code"
    assert understood(tmp_path, panel(store=[1, 2, 3])).data["entity"] == "store"
    assert understood(tmp_path, panel(fund=["A", "B", "C"]), entity="fund").data["entity"] == "fund"


def test_series_that_could_be_told_apart_in_two_ways(tmp_path: Path) -> None:
    frame = pd.concat([panel(fund=["A", "B", "C"])] * 2, ignore_index=True)
    with pytest.raises(DataError, match="600 rows stand on 100 dates, and no column alone tells"):
        understood(tmp_path, frame)
    frame = panel(fund=["A", "B", "C"])
    frame["bank"] = [("x", "y", "z")[(k // N + k % N) % 3] for k in range(3 * N)]
    with pytest.raises(DataError, match=r"fund, bank could each tell the series apart: .*--set data.entity=fund"):
        understood(tmp_path, frame)


def test_one_repeated_day_makes_no_panel(tmp_path: Path) -> None:
    frame = pd.concat([table(note="x"), table(note="y").iloc[[5]]])
    assert understood(tmp_path, frame).data["kind"] == "table"


def test_a_long_table_keeps_its_ids(tmp_path: Path) -> None:
    frame = panel(unique_id=["A", "B", "C"]).rename(columns={"date": "ds", "in": "y"})[["unique_id", "ds", "y"]]
    assert understood(tmp_path, frame).data == {"kind": "panel", "targets": {"y": 1.0}}


def test_names_that_no_target_can_have(tmp_path: Path) -> None:
    frame = table().rename(columns={"in": "Cash in (EUR)", "out": "ds"})
    found = understood(tmp_path, frame)
    assert found.data["targets"] == {"Cash_in_EUR": 0.5, "ds_": 0.5}
    assert found.data["columns"] == {"ds": "date", "Cash_in_EUR": "Cash in (EUR)", "ds_": "ds"}
    assert "forecast: Cash in (EUR) and ds" in found.notes[1]


def test_a_column_with_a_slip_is_not_passed_over(tmp_path: Path) -> None:
    frame = table()
    frame["out"] = frame["out"].astype(object)
    frame.loc[3, "out"] = "12x"
    assert list(understood(tmp_path, frame).data["targets"]) == ["in", "out"]


@pytest.mark.parametrize("names", [("outflow", "inflow"), ("TotalPaid", "received"), ("赎回额", "申购额")])
def test_what_goes_out_is_the_second_target(tmp_path: Path, names: tuple[str, str]) -> None:
    out, came = names
    frame = table().rename(columns={"in": out, "out": came})
    for columns in (frame, frame[["date", came, out]]):
        assert list(understood(tmp_path, columns).data["targets"]) == [came, out]
    assert list(understood(tmp_path, frame, names).data["targets"]) == [out, came]


@pytest.mark.parametrize("names", [("a", "b", "b "), ("7", "8", " 7")])
def test_ids_that_differ_in_spaces_are_named(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Taken for one, they leave no column that tells the rows of a date apart."""
    with pytest.raises(
        DataError, match=r"t\.csv:202: fund_id is '.+', and '.+' in another row, which differs in spaces"
    ):
        understood(tmp_path, panel(fund_id=names))


def test_a_running_total_is_told_by_its_numbers(tmp_path: Path) -> None:
    rows = table(state=0.0)
    rows["state"] = 5000 + (rows["in"] - rows["out"]).cumsum().round(2)
    found = understood(tmp_path, rows.sample(frac=1, random_state=1))
    assert list(found.data["targets"]) == ["in", "out"]
    assert any("state (it adds up in less out)" in note for note in found.notes)
    rows.loc[50:, "state"] += 1.0  # once, more came than the others say: no running total of these
    with pytest.raises(DataError, match="3 columns hold amounts: in, out, state"):
        understood(tmp_path, rows)


def test_a_running_total_of_each_series(tmp_path: Path) -> None:
    rows = panel(shop=["a", "b", "c"]).drop(columns="out")
    rows["in"] = RNG.uniform(-10, 10, len(rows)).round(2)
    rows["state"] = rows.groupby("shop")["in"].cumsum().round(2)
    found = understood(tmp_path, rows.sort_values("date"))
    assert list(found.data["targets"]) == ["in"]
    assert any("state (it adds up in)" in note for note in found.notes)


def test_a_counter_of_each_series_may_rise_in_one_and_fall_in_another(tmp_path: Path) -> None:
    up, down = np.arange(N) * 1.5, -np.arange(N) * 1.5
    found = understood(tmp_path, panel(shop=["a", "b", "c"], n_left=[up, down, up]))
    assert any("n_left (it counts)" in note for note in found.notes)


def test_a_column_whose_name_stands_twice_is_said(tmp_path: Path) -> None:
    text = table().rename(columns={"in": "amount", "out": "fee"}).assign(other=FLOWS["in"])
    text = text.rename(columns={"other": "amount"})
    found = understood(tmp_path, text)
    assert any("left aside: amount (its name stands twice)" in note for note in found.notes)


def test_currencies_are_never_added(tmp_path: Path) -> None:
    mixed = table(currency=np.where(np.arange(N) % 2, "EUR", "USD"))
    with pytest.raises(DataError, match=r"t.csv:3: currency is 'EUR', and 'USD' before: amounts of several currencies"):
        understood(tmp_path, mixed)
    found = understood(tmp_path, panel(account=["a", "b", "c"], currency=["EUR", "USD", "USD"]))
    assert (found.data["entity"], found.data["units"]) == ("account", "currency")
    assert any("amounts in EUR and USD are never added" in note for note in found.notes)
    one = understood(tmp_path, panel(account=["a", "b", "c"], currency=["EUR", "EUR", "EUR"]))
    assert "units" not in one.data
    themselves = understood(tmp_path, panel(currency=["EUR", "USD", "CHF"]))
    assert any("amounts are in CHF, EUR, USD: totals add them" in note for note in themselves.notes)


@pytest.mark.parametrize(
    ("day", "amount", "sentence"),
    [
        ("%d.%m.%y", "{:.2f}", r"date \('01.01.24'\), in, out: give each row its date, .+ data.date_format, such as"),
        ("%d %b %Y", "{:.2f}", r"date \('01 Jan 2024'\), in, out: give each row its date, .+ data.date_format"),
        ("%Y-%m-%d 23:59", "{:.2f}", r"date \('2024-01-01 23:59'\), in, out: give each row its date without a time"),
        ("%Y-%m-%d", "{:.0f}%", r"among date, in \('[0-9]+%'\), out \('[0-9]+%'\): name the column to forecast"),
        ("%Y-%m-%d", "{:.2f} DR", r"among date, in \('[0-9.]+ DR'\), out"),
    ],
)
def test_cells_that_are_not_understood_are_shown(tmp_path: Path, day: str, amount: str, sentence: str) -> None:
    rows = table(date=pd.to_datetime(FLOWS["date"]).strftime(day))
    rows["in"], rows["out"] = rows["in"].map(amount.format), rows["out"].map(amount.format)
    with pytest.raises(DataError, match=sentence):
        understood(tmp_path, rows)


def test_a_day_in_an_own_format_is_named_on_the_command_line(tmp_path: Path) -> None:
    rows = table(date=pd.to_datetime(FLOWS["date"]).strftime("%d-%b-%y"))
    found = understood(tmp_path, rows, date_format="%d-%b-%y")
    assert found.data["columns"] == {"ds": "date"}


def test_a_title_above_the_header(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Report;;\nday;in;out\n" + "".join(f"{d};1,5;2,5\n" for d in FLOWS["date"]))
    with pytest.raises(DataError, match=r"t.csv:2: Report is 'day', not a day: remove all rows before the first day"):
        columns_of(look_at(str(tmp_path / "t.csv"), {}), {})
    (tmp_path / "t.csv").write_text("Report\nday,in,out\n" + "".join(f"{d},1,2\n" for d in FLOWS["date"]))
    with pytest.raises(DataError, match=r"t.csv:2: the row has 3 fields and the header 1: remove the lines above"):
        look_at(str(tmp_path / "t.csv"), {})


def test_of_a_column_with_some_days_a_cell_that_is_none_is_shown(tmp_path: Path) -> None:
    hours = pd.date_range("2024-01-01", periods=N, freq="h").strftime("%Y-%m-%d %H:%M")
    with pytest.raises(
        DataError, match=r"date \('2024-01-01 01:00'\), .+ without a time of day, and each date one row"
    ):
        understood(tmp_path, table(date=hours))
    few = [day if k < 9 else None for k, day in enumerate(FLOWS["date"])]
    with pytest.raises(DataError, match=r"date \('2024-01-01'\), in, out: give each row its date, as YYYY-MM-DD"):
        understood(tmp_path, table(date=few))


def test_a_row_of_a_panel_that_stands_twice_is_named(tmp_path: Path) -> None:
    """It is no reason to say that nothing tells the series apart."""
    frame = panel(fund=["7", "08", "x y"], note=["a", "a", "b"])
    twice = pd.concat([frame, frame.iloc[[130]]])
    with pytest.raises(
        DataError, match=r"t.csv:302: '08' on 2024-01-31 stands twice, first at t.csv:132: keep one row"
    ):
        understood(tmp_path, twice)
    half = pd.concat([frame, frame])
    with pytest.raises(DataError, match="no column alone tells the rows of a date apart: keep one row a date"):
        understood(tmp_path, half)


def test_two_columns_that_tell_series_apart_together_are_named(tmp_path: Path) -> None:
    frame = pd.concat([panel(fund=["a", "b", "c"]).assign(currency=currency) for currency in ("EUR", "USD")])
    with pytest.raises(DataError, match="join fund, currency, which do so together, in one column, and name it"):
        understood(tmp_path, frame)


def test_one_column_is_not_two_targets(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the targets in and IN are both taken from the column 'in'"):
        understood(tmp_path, table(), ("in", "IN"))
