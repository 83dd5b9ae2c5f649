"""Planted faults of the user table are found at their rows, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from tests.forecasting.data.opened import check, places, read
from tests.forecasting.data.user_csv import UserCsv

SPEC = DataSpec()
REAL = Path(__file__).parents[5] / "shared/data"


def test_clean_sample_has_no_error_and_no_broken_rule(clean: Path) -> None:
    findings = check(SPEC, clean, "CN")
    assert places(findings, "error") == {}
    assert set(places(findings, "warning")) <= {"outlier day"}
    (first_days,) = (f for f in findings if f.check == "users' first days")
    assert first_days.count == len(pd.read_csv(clean / "user_balance_table.csv").user_id.unique())


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the real data beside the checkout")
def test_real_data_have_no_error() -> None:
    assert places(check(SPEC, REAL / "yuebao", "CN"), "error") == {}
    panel = DataSpec(kind="panel", entity="fund_code", unit="CNY")
    assert places(check(panel, REAL / "afac2025", "CN"), "error") == {}


def test_planted_faults_are_found_at_their_rows(folder: Path) -> None:
    rows, name = UserCsv(folder), "user_balance_table.csv"
    rows.set(101, report_date="2014-13-01")
    rows.set(112, total_purchase_amt="many")
    rows.set(123, total_redeem_amt="")
    rows.set(134, total_purchase_amt=-5)
    rows.cells[145 - 2] = list(rows.cells[144 - 2])
    rows.add(166, "tBalance", 100)
    rows.set(177, share_amt=int(rows.get(177, "share_amt")) + 1)
    rows.add(188, "purchase_bal_amt", 7)
    rows.add(199, "tftobal_amt", 7)
    rows.set(
        210, transfer_amt=int(rows.get(210, "transfer_amt")) + 9, tftobal_amt=int(rows.get(210, "tftobal_amt")) + 9
    )
    rows.set(nothing := rows.find(consumes=False, after=300), category1=0)
    rows.set(emptied := rows.find(consumes=True, after=400), category3="")
    rows.add(unequal := rows.find(consumes=True, after=500), "category2", 11)
    rows.cells[612 - 2] = rows.cells[612 - 2][:-1]
    rows.set(623, yBalance=-1)
    rows.set(634, total_redeem_amt="0.5")
    rows.set(645, user_id="")
    rows.save()
    shibor = (folder / "mfd_bank_shibor.csv").read_text().splitlines()
    (folder / "mfd_bank_shibor.csv").write_text("\n".join(shibor[:20] + shibor[21:]) + "\n")
    interest = (folder / "mfd_day_share_interest.csv").read_text().splitlines()
    interest[30] = interest[29]
    (folder / "mfd_day_share_interest.csv").write_text("\n".join(interest[:-3]) + "\n")
    profiles = (folder / "user_profile_table.csv").read_text().splitlines()
    profiles[40] = profiles[39]
    (folder / "user_profile_table.csv").write_text("\n".join(profiles) + "\n")

    findings = check(SPEC, folder, "CN")
    assert places(findings, "error", "warning") == {
        "date": (1, f"{name}:101"),
        "not a number: total_purchase_amt": (1, f"{name}:112"),
        "missing amount: total_redeem_amt": (1, f"{name}:123"),
        "negative amount: total_purchase_amt": (1, f"{name}:134"),
        "duplicate (user, date)": (1, f"{name}:145"),
        "tBalance = yBalance + total_purchase_amt - total_redeem_amt": (4, f"{name}:134"),
        "total_purchase_amt = direct_purchase_amt + share_amt": (2, f"{name}:134"),
        "direct_purchase_amt = purchase_bal_amt + purchase_bank_amt": (1, f"{name}:188"),
        "transfer_amt = tftobal_amt + tftocard_amt": (1, f"{name}:199"),
        "total_redeem_amt = consume_amt + transfer_amt": (2, f"{name}:210"),
        "categories where nothing was consumed": (1, f"{name}:{nothing}"),
        "no categories where something was consumed": (1, f"{name}:{emptied}"),
        "categories sum to consume_amt": (1, f"{name}:{unequal}"),
        "row shape": (1, f"{name}:612"),
        "negative amount: yBalance": (1, f"{name}:623"),
        "fraction of a fen: total_redeem_amt": (1, f"{name}:634"),
        "missing user": (1, f"{name}:645"),
        "rate hole": (1, "mfd_bank_shibor.csv:21"),
        "duplicate day": (1, "mfd_day_share_interest.csv:31"),
        "rate coverage": (3, "mfd_day_share_interest.csv"),
        "duplicate profile": (1, "user_profile_table.csv:41"),
        "user without profile": (1, "user_profile_table.csv"),
    }
    by_check = {f.check: f for f in findings}
    assert by_check["date"].value == "report_date is '2014-13-01'"
    assert by_check["negative amount: total_purchase_amt"].value.startswith("total_purchase_amt is '-5' on 2014-")
    assert [f.severity for f in findings] == sorted(
        (f.severity for f in findings), key=["error", "warning", "info"].index
    )
    with pytest.raises(DataError):
        read(SPEC, folder, "CN")


def test_missing_day_and_outlier_day_of_user_rows(folder: Path) -> None:
    rows = UserCsv(folder)
    day = rows.get(700, "report_date")
    first = next(k for k, c in enumerate(rows.cells) if c[1] == day) + 2
    for row in range(first, first + sum(c[1] == day for c in rows.cells)):
        rows.set(row, total_purchase_amt=10**9)
    rows.save()
    assert places(check(SPEC, folder, "CN"), "warning")["outlier day"] == (1, f"user_balance_table.csv:{first}")
    rows.cells = [c for c in rows.cells if c[1] != day]
    rows.save()
    findings = check(SPEC, folder, "CN")
    assert places(findings, "error") == {"missing day": (1, f"user_balance_table.csv:{first}")}
