"""The competition's folder and daily tables: what is read, and the sentence for everything that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from forecasting.data import dataset
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Panel
from tests.forecasting.data.opened import check, load

YUEBAO = DataSpec()
TABLE = DataSpec(kind="table")
HEADER = "report_date,purchase,redeem\n"
USER_HEADER = "user_id,report_date,tBalance,total_purchase_amt,total_redeem_amt,share_amt\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def days(n: int, start: str = "2014-01-30") -> list[str]:
    return [str(d).replace("-", "") for d in np.arange(start, np.datetime64(start) + n, dtype="datetime64[D]")]


def table(n: int = 5) -> str:
    return HEADER + "".join(f"{d},{100 + i},{200 + i}\n" for i, d in enumerate(days(n)))


def test_daily_table_in_any_order(tmp_path: Path) -> None:
    lines = table(5).splitlines(keepends=True)
    panel = load(TABLE, write(tmp_path / "d.csv", lines[0] + "".join(reversed(lines[1:]))), "CN")
    assert panel.unique_ids == ("purchase", "redeem")
    assert [str(d) for d in panel.ds] == ["2014-01-30", "2014-01-31", "2014-02-01", "2014-02-02", "2014-02-03"]
    assert panel.y.tolist() == [[100, 101, 102, 103, 104], [200, 201, 202, 203, 204]]
    assert panel.past.shape == (2, 5, 0)
    assert panel.calendar.country == "CN"


def test_parquet_daily_table_with_mapped_columns_and_a_past_covariate(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "when": pd.date_range("2014-01-30", periods=3),
            "in": [1.5, 2.0, 3.25],
            "out": [4, 5, 6],
            "views": [7.0, np.nan, 9.0],
        }
    )
    frame.to_parquet(tmp_path / "d.parquet")
    spec = DataSpec(kind="table", columns={"ds": "when", "purchase": "in", "redeem": "out"}, past=("views",))
    panel = load(spec, tmp_path / "d.parquet", None)
    assert panel.y.tolist() == [[1.5, 2.0, 3.25], [4, 5, 6]]
    assert panel.past_names == ("views",)
    np.testing.assert_array_equal(panel.past[0, :, 0], [7.0, np.nan, 9.0])


def test_folder_with_daily_totals_takes_rates_from_the_past_only(tmp_path: Path) -> None:
    write(tmp_path / "daily_totals.csv", table(5))
    write(tmp_path / "mfd_bank_shibor.csv", "mfd_date,Interest_O_N\n20140131,3.5\n20140203,4.5\n20140204,9.9\n")
    write(tmp_path / "mfd_day_share_interest.csv", "mfd_date,mfd_daily_yield\n20140128,1.1\n20140202,\n20140203,1.3\n")
    panel = load(YUEBAO, tmp_path, "CN")
    assert panel.past_names == ("mfd_daily_yield", "Interest_O_N")
    np.testing.assert_array_equal(panel.past[0, :, 1], [np.nan, 3.5, 3.5, 3.5, 4.5])
    np.testing.assert_array_equal(panel.past[1, :, 0], [1.1, 1.1, 1.1, 1.1, 1.3])


def test_user_rows_are_summed_by_day(tmp_path: Path) -> None:
    rows = "7,20140131,1,5,3,1\n8,20140130,1,10,0,0\n9,20140131,1,2,0,2\n"
    write(tmp_path / "user_balance_table.csv", USER_HEADER + rows)
    panel = load(DataSpec(past=("share_amt",)), tmp_path, "CN")
    assert panel.y.tolist() == [[10, 7], [0, 3]]
    assert panel.past[0, :, 0].tolist() == [0, 3]


def test_sums_are_exact_where_float_sums_are_not(tmp_path: Path) -> None:
    big = 2**52 // 3 * 2 + 1
    rows = "".join(f"{i},20140101,0,{v},1,0\n" for i, v in enumerate([big, 1, 3, 5, 7]))
    write(tmp_path / "user_balance_table.csv", USER_HEADER + rows)
    assert int(load(YUEBAO, tmp_path, None).y[0, 0]) == big + 16
    write(tmp_path / "user_balance_table.csv", USER_HEADER + f"1,20140101,0,{2**53 - 2},1,0\n2,20140101,0,2,1,0\n")
    with pytest.raises(DataError, match=r"the sum of total_purchase_amt on 2014-01-01 is too large to be held exactly"):
        load(YUEBAO, tmp_path, None)


Damage = Callable[[Path], object]


def replace(old: str, new: str) -> Damage:
    def damage(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return damage


FAULTS: list[tuple[Damage, str]] = [
    (lambda p: p.unlink(), "d.csv: there is no such file or folder: check the path given as data"),
    (lambda p: p.write_text(""), "d.csv: it is empty: give a file with a header and rows"),
    (lambda p: p.write_text(HEADER), "d.csv: it holds a header and no rows: give at least some days of data"),
    (replace("redeem", "out"), "d.csv: there is no column for redeem among report_date, purchase, out: name it in "
     "data.columns (redeem: COLUMN)"),
    (replace("redeem", "purchase"), "d.csv: column 'purchase' stands twice in the header: rename or remove one"),
    (replace("20140201", "2014021"), "d.csv:4: report_date is '2014021', not a day: write YYYYMMDD or YYYY-MM-DD"),
    (replace("20140201", "20140230"), "d.csv:4: report_date is '20140230', not a day: write YYYYMMDD or YYYY-MM-DD"),
    (replace("20140201", ""), "d.csv:4: report_date is empty, not a day: write YYYYMMDD or YYYY-MM-DD"),
    (replace("20140201", "20140131"), "d.csv:4: 2014-01-31 stands twice, first at d.csv:3: keep one row a day"),
    (replace("20140201,102,202\n", ""), "d.csv:4: no row for 2014-02-01, the day after 2014-01-31: add the 1 missing "
     "day(s) before 2014-02-02"),
    (replace("202", ""), "d.csv:4: redeem on 2014-02-01 is empty, a missing amount: fill it in (0 if nothing flowed)"),
    (replace(",202", ",-202"), "d.csv:4: redeem on 2014-02-01 is '-202', a negative amount: correct it"),
    (replace(",202", ",2o2"), "d.csv:4: redeem on 2014-02-01 is '2o2', not a number: correct it"),
    (replace(",202", ",1e300"), "d.csv:4: redeem on 2014-02-01 is '1e300', too large to be held exactly (2^53): use a "
     "larger unit"),
    (replace(",202", ""), "d.csv:4: the row has 2 fields and the header 3: check separators and quotes"),
    (replace(",202", ",202,1"), "d.csv:4: the row has 4 fields and the header 3: check separators and quotes"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "sentence"), FAULTS)
def test_bad_daily_table_gets_its_sentence(tmp_path: Path, damage: Damage, sentence: str) -> None:
    path = write(tmp_path / "d.csv", table(5))
    damage(path)
    with pytest.raises(DataError) as caught:
        load(TABLE, path, "CN")
    assert str(caught.value).removeprefix(f"{tmp_path}/") == sentence


USER_FAULTS: list[tuple[Damage, str]] = [
    (replace("20140131,1,5", "31/01/2014,1,5"), "user_balance_table.csv:3: report_date is '31/01/2014', not a day: "
     "write YYYYMMDD or YYYY-MM-DD"),
    (replace(",5,3", ",,3"), "user_balance_table.csv:3: total_purchase_amt on 2014-01-31 is empty, a missing amount: "
     "fill it in (0 if nothing flowed)"),
    (replace(",5,3", ",-5,3"), "user_balance_table.csv:3: total_purchase_amt on 2014-01-31 is '-5', a negative "
     "amount: correct it"),
    (replace(",5,3", ",x,3"), "user_balance_table.csv:3: total_purchase_amt on 2014-01-31 is 'x', not a number: "
     "correct it"),
    (replace(",5,3", ",5.5,3"), "user_balance_table.csv:3: total_purchase_amt on 2014-01-31 is '5.5', a fraction of "
     "a fen: correct it, or set data.unit to CNY if amounts are in CNY"),
    (replace("20140131", "20140202"), "user_balance_table.csv: no row for 2014-01-31, the day after 2014-01-30: "
     "add the 2 missing day(s) before 2014-02-02"),
    (replace("total_redeem_amt", "out"), "user_balance_table.csv: there is no column for redeem among user_id, "
     "report_date, tBalance, total_purchase_amt, out, share_amt: name it in data.columns (redeem: COLUMN)"),
    (lambda p: p.rename(p.with_name("other.csv")), "x: the folder holds neither user_balance_table nor daily_totals "
     "(.csv, .csv.gz, .zip, .parquet or a folder of parts): check the path, or set data.kind to table or panel"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "sentence"), USER_FAULTS)
def test_bad_user_table_gets_its_sentence(tmp_path: Path, damage: Damage, sentence: str) -> None:
    path = write(tmp_path / "x/user_balance_table.csv", USER_HEADER + "8,20140130,1,10,0,0\n7,20140131,1,5,3,1\n")
    damage(path)
    with pytest.raises(DataError) as caught:
        load(YUEBAO, tmp_path / "x", "CN")
    assert str(caught.value) == sentence


def test_unknown_past_covariate_names_what_there_is(tmp_path: Path) -> None:
    write(tmp_path / "daily_totals.csv", table(5))
    write(tmp_path / "mfd_bank_shibor.csv", "mfd_date,Interest_O_N\n20140131,3.5\n")
    with pytest.raises(
        DataError, match=r"past covariate 'vix' among report_date, purchase, redeem, nor .*Interest_O_N"
    ):
        load(DataSpec(past=("vix",)), tmp_path, "CN")
    assert load(DataSpec(past=()), tmp_path, "CN").past_names == ()


def test_events_become_known_in_advance(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", table(5))
    write(tmp_path / "events.csv", "ds,name\n2014-02-03,promotion\n20140301,limit\n")
    panel: Panel = load(DataSpec(kind="table", events="events.csv"), path, "CN")
    assert panel.calendar.days(panel.ds).event == ("", "", "", "", "promotion")
    write(tmp_path / "events.csv", "ds,name\n2014-02-03,promotion\n20140203,limit\n")
    with pytest.raises(DataError, match=r"events\.csv:3: 2014-02-03 has two events"):
        load(DataSpec(kind="table", events="events.csv"), path, "CN")
    write(tmp_path / "events.csv", "ds,name\n2014-02-03,\n")
    with pytest.raises(DataError, match=r"events\.csv:2: the event on 2014-02-03 has no name"):
        load(DataSpec(kind="table", events="events.csv"), path, "CN")
    with pytest.raises(DataError, match=r"none\.csv: there is no such file"):
        load(DataSpec(kind="table", events="none.csv"), path, "CN")


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"targets": {}}, "at least one target"),
        ({"targets": {"purchase": 0.4, "redeem": 0.4}}, "sum to 0.8"),
        ({"targets": {"a/b": 1.0}}, "cannot be a target's name"),
        ({"targets": {"ds": 1.0}}, "cannot be a target's name"),
        ({"targets": {"a": -1.0, "b": 2.0}}, "the weight of a is -1"),
        ({"past": ("a", "a")}, "named twice"),
        ({"columns": {"purchse": "in"}}, "'purchse', which is not asked for: its keys are ds, purchase, redeem"),
        ({"columns": {"y": "in"}}, "'y', which is not asked for"),
        ({"entity": "fund"}, "entity is for kind: panel, and kind is yuebao"),
        ({"kind": "folder"}, "yuebao"),
        ({"colunms": {}}, "Extra inputs"),
    ],
)
def test_impossible_spec_is_refused(settings: dict[str, object], part: str) -> None:
    with pytest.raises(ValidationError, match=part):
        DataSpec.model_validate(settings)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in DataSpec.model_fields.values())


def test_missing_folder_is_a_finding(tmp_path: Path) -> None:
    (finding,) = check(YUEBAO, tmp_path / "none", "CN")
    assert finding.severity == "error"
    assert finding.value == "there is no such file or folder"
    (finding,) = check(YUEBAO, tmp_path, "CN")
    assert "neither user_balance_table nor daily_totals" in finding.value


def test_every_kind_has_a_source() -> None:
    assert set(dataset._sources()) == set(get_args(DataSpec.model_fields["kind"].annotation))
