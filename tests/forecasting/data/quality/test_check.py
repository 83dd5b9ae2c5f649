"""The data-quality report finds planted faults at their rows, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.data.formats.files import table_at
from forecasting.data.load import read
from forecasting.data.quality import user_checks
from forecasting.data.quality.check import check
from forecasting.data.quality.finding import Finding
from forecasting.data.quality.series_checks import outlier_days
from forecasting.data.quality.user_checks import check_users
from forecasting.data.sources.aggregate import TotalsQuery
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.sample import write_sample

SPEC = DataSpec()
COLUMNS: list[str] = []
REAL = Path(__file__).parents[5] / "shared/data"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample")
    write_sample(path, users=150, days=120)
    return path


@pytest.fixture
def folder(clean: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clean, tmp_path / "data"))


class Rows:
    """The user table as cells, to plant faults in."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "user_balance_table.csv"
        self.header, *lines = self.path.read_text().splitlines()
        self.columns = self.header.split(",")
        self.cells = [line.split(",") for line in lines]

    def get(self, row: int, column: str) -> str:
        """A cell, by the row an editor shows."""
        return self.cells[row - 2][self.columns.index(column)]

    def set(self, row: int, **values: object) -> None:
        for column, value in values.items():
            self.cells[row - 2][self.columns.index(column)] = str(value)

    def add(self, row: int, column: str, amount: int) -> None:
        self.set(row, **{column: int(self.get(row, column)) + amount})

    def find(self, *, consumes: bool, after: int) -> int:
        """The first row after `after` on which something, or nothing, was consumed."""
        return next(r for r in range(after + 1, len(self.cells)) if (int(self.get(r, "consume_amt")) > 0) == consumes)

    def save(self) -> None:
        self.path.write_text("\n".join([self.header, *(",".join(c) for c in self.cells)]) + "\n")


def places(findings: list[Finding], *severities: str) -> dict[str, tuple[int, str]]:
    return {f.check: (f.count, f.where) for f in findings if f.severity in severities}


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
    rows, name = Rows(folder), "user_balance_table.csv"
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


def test_both_passes_find_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(folder)
    rows.cells[145 - 2] = list(rows.cells[144 - 2])
    rows.add(166, "tBalance", 100)
    rows.set(rows.find(consumes=True, after=400), category3="")
    rows.set(234, total_purchase_amt=-5)
    rows.set(240, total_redeem_amt="")
    rows.save()
    query = TotalsQuery("report_date", ("total_purchase_amt", "total_redeem_amt"))
    files = table_at(rows.path)
    careful = user_checks._scan(files, query, plain=False)
    monkeypatch.setattr(user_checks, "_scan", _only_plain(user_checks._scan))
    quick = check_users(files, query)
    strip = [(f.check, f.severity, f.count, f.where, f.value.replace("'", "")) for f in quick.findings(files)]
    assert strip == [(f.check, f.severity, f.count, f.where, f.value.replace("'", "")) for f in careful.findings(files)]
    assert len(strip) >= 5
    assert quick.users == careful.users
    assert (quick.first_day == careful.first_day).all()


def _only_plain(scan: object) -> object:
    def scanned(*args: object, plain: bool) -> object:
        assert plain, "the text pass was used"
        return scan(*args, plain=plain)  # type: ignore[operator]

    return scanned


def test_missing_day_and_outlier_day_of_user_rows(folder: Path) -> None:
    rows = Rows(folder)
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


@pytest.mark.parametrize(
    ("damage", "name", "row"),
    [
        (("20140803", "20140802"), "duplicate day", "d.csv:4"),
        (("20140803,1003,1\n", ""), "missing day", "d.csv:4"),
        (("1003", ""), "missing amount: purchase", "d.csv:4"),
        (("1003", "x"), "not a number: purchase", "d.csv:4"),
        (("1003", "-1"), "negative amount: purchase", "d.csv:4"),
        (("1003", "1e20"), "too large: purchase", "d.csv:4"),
        (("20140803", "soon"), "date", "d.csv:4"),
        (("purchase", "in"), "readable", "d.csv"),
        ((",1003,", ",1003,4,"), "readable", "d.csv:4"),
    ],
)
def test_daily_table_faults(tmp_path: Path, damage: tuple[str, str], name: str, row: str) -> None:
    lines = "".join(f"201408{d:02d},{1000 + d},{d % 5 + 1}\n" for d in range(1, 32) if d != 3).replace(
        "20140804", "20140803,1003,1\n20140804"
    )
    (tmp_path / "d.csv").write_text(("ds,purchase,redeem\n" + lines).replace(*damage))
    assert name in (found := places(check(DataSpec(kind="table"), tmp_path / "d.csv", "CN"), "error"))
    assert found[name] == (1, row)


def test_panel_series_left_out_are_warnings_and_odd_ones_are_named(tmp_path: Path) -> None:
    ds = pd.date_range("2014-01-01", periods=70)
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame(
            {"fund": f"{k:03d}", "ds": ds, "purchase": rng.lognormal(5, 0.1, 70), "redeem": rng.lognormal(5, 0.1, 70)}
        )
        for k in range(4)
    ]
    frames[1].loc[9, "redeem"] = -1
    frames[2]["purchase"] = 7
    frames[3] = frames[3].iloc[-20:]
    frames[0].loc[30, "redeem"] = 0
    frames[0].loc[40, "purchase"] = 9000.0
    pd.concat(frames).to_csv(tmp_path / "p.csv", index=False)
    findings = check(DataSpec(kind="panel", entity="fund"), tmp_path / "p.csv", "CN")
    by_check = {f.check: f for f in findings}
    assert by_check["series left out: 001/redeem"].where == "p.csv:81"
    assert by_check["constant series"].value == "002/purchase"
    assert by_check["short series"].value == "003/purchase, 003/redeem"
    assert by_check["zero day"].value == "000/redeem on 2014-01-31: 0"
    assert by_check["outlier day"].value == "000/purchase on 2014-02-10: 9000"
    assert by_check["outlier day"].where == "p.csv:42"
    assert places(findings, "error") == {}


def test_outliers_are_not_weekdays_or_growth() -> None:
    days = np.arange(200)
    rng = np.random.default_rng(1)
    y = np.exp(8 + 0.02 * days - 0.7 * (days % 7 >= 5) + 0.1 * rng.standard_normal(200))
    assert not outlier_days(y, days % 7).any()
    y[77] *= 8
    assert np.flatnonzero(outlier_days(y, days % 7)).tolist() == [77]


def test_missing_folder_is_a_finding(tmp_path: Path) -> None:
    (finding,) = check(SPEC, tmp_path / "none", "CN")
    assert finding.severity == "error"
    assert finding.value == "there is no such file or folder"
    (finding,) = check(SPEC, tmp_path, "CN")
    assert "neither user_balance_table nor daily_totals" in finding.value
