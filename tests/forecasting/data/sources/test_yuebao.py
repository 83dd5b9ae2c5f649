"""The competition's folder: what is read, and the sentence for everything that cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forecasting.data.formats.writing.habits import DAY_REMEDY
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from tests.forecasting.data.daily_csv import Damage, replace, table, write
from tests.forecasting.data.opened import load

YUEBAO = DataSpec()
USER_HEADER = "user_id,report_date,tBalance,total_purchase_amt,total_redeem_amt,share_amt\n"


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


USER_FAULTS: list[tuple[Damage, str]] = [
    (replace("20140131,1,5", "31/01/2014,1,5"), "user_balance_table.csv:3: report_date is '31/01/2014', not a day: "
     f"{DAY_REMEDY}"),
    (replace(",5,3", ",,3"), "user_balance_table.csv:3: total_purchase_amt on 2014-01-31 is empty, a missing amount: "
     "fill it in (0 if nothing flowed)"),
    (replace(",5,3", ",-5,3"), "user_balance_table.csv:3: total_purchase_amt on 2014-01-31 is '-5', a negative "
     "amount: correct it"),
    (replace(",5,3", ",x,3"), "user_balance_table.csv:3: total_purchase_amt on 2014-01-31 is 'x', not a number: "
     "correct it"),
    (replace(",5,3", ",5.5,3"), "user_balance_table.csv:3: total_purchase_amt on 2014-01-31 is '5.5', a fraction of "
     "a fen: correct it, or set data.unit to CNY if amounts are in CNY"),
    (replace("20140131", "20140202"), "user_balance_table.csv: no row for 2014-01-31, the day after 2014-01-30: "
     "add the 2 missing day(s) before 2014-02-02, or set data.missing to zero (nothing flowed) or skip (unknown)"),
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
