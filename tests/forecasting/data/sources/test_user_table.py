"""The user table is read once for its totals and its checks, in integers or as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecasting.data.dataset import open_data
from forecasting.data.formats.files import table_at
from forecasting.data.formats.reading import OpenTable
from forecasting.data.sources import user_table
from forecasting.data.sources.aggregate import TotalsQuery, sum_by_day
from forecasting.data.spec import DataSpec
from tests.forecasting.data.opened import check, load
from tests.forecasting.data.openings import Openings
from tests.forecasting.data.user_csv import UserCsv

QUERY = TotalsQuery("report_date", ("total_purchase_amt", "total_redeem_amt"), ("share_amt",))


def test_both_readings_find_the_same(folder: Path) -> None:
    rows = UserCsv(folder)
    rows.cells[145 - 2] = list(rows.cells[144 - 2])
    rows.add(166, "tBalance", 100)
    rows.set(rows.find(consumes=True, after=400), category3="")
    rows.set(234, total_purchase_amt=-5)
    rows.set(240, total_redeem_amt="")
    rows.save()
    files = table_at(rows.path)
    with OpenTable(files) as opened:
        quick = user_table._as_integers(opened, QUERY, QUERY)
    careful = user_table._as_text(files, QUERY, QUERY)
    strip = [(f.check, f.severity, f.count, f.where, f.value.replace("'", "")) for f in quick.checks.findings()]
    want = careful.checks.findings()
    assert strip == [(f.check, f.severity, f.count, f.where, f.value.replace("'", "")) for f in want]
    assert len(strip) >= 5
    assert quick.checks.users == careful.checks.users
    assert (quick.checks.first_day == careful.checks.first_day).all()
    assert quick.sums is None
    assert careful.sums is None


def test_both_readings_give_the_sums(clean: Path) -> None:
    files = table_at(clean / "user_balance_table.csv")
    want = sum_by_day(files, QUERY)
    with OpenTable(files) as opened:
        quick = user_table._as_integers(opened, QUERY, QUERY)
    for found in (quick, user_table._as_text(files, QUERY, QUERY)):
        assert found.sums is not None
        assert (found.sums.totals("x").sums == want.sums).all()
        assert (found.sums.totals("x").ds == want.ds).all()


def test_each_byte_of_a_clean_folder_is_read_once(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for spec in (DataSpec(), DataSpec(past=("share_amt", "mfd_daily_yield"))):
        openings = Openings(monkeypatch)
        data = open_data(spec, clean, "CN", checked=True)
        assert data.panel.y.shape == (2, 120)
        assert data.findings
        sizes = {path.name: path.stat().st_size for path in clean.iterdir()}
        assert openings.n_bytes == sizes
        assert openings.n == dict.fromkeys(sizes, 1)


def test_a_finding_of_a_plain_row_needs_no_other_reading(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = UserCsv(folder)
    rows.add(166, "tBalance", 100)
    rows.save()
    openings = Openings(monkeypatch)
    (finding,) = (f for f in check(DataSpec(), folder, "CN") if f.check.startswith("tBalance"))
    assert finding.where == "user_balance_table.csv:166"
    assert openings.n["user_balance_table.csv"] == 1


def test_an_empty_line_before_a_finding_is_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = UserCsv(folder)
    rows.add(166, "tBalance", 100)
    rows.save()
    rows.path.write_text(rows.path.read_text().replace("\n", "\n\n", 1))
    openings = Openings(monkeypatch)
    (finding,) = (f for f in check(DataSpec(), folder, "CN") if f.check.startswith("tBalance"))
    assert finding.where == "user_balance_table.csv:167"
    assert openings.n["user_balance_table.csv"] == 2


def test_amounts_in_text_cost_a_second_reading_at_most(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    want = load(DataSpec(), folder, "CN").fingerprint()
    path = folder / "user_balance_table.csv"
    header, first, *rest = path.read_text().splitlines()
    cells = first.split(",")
    cells[1] = f"{cells[1][:4]}-{cells[1][4:6]}-{cells[1][6:]}"
    cells[2] += ".0"
    path.write_text("\n".join([header, ",".join(cells), *rest]) + "\n")
    openings = Openings(monkeypatch)
    data = open_data(DataSpec(), folder, "CN", checked=True)
    assert data.panel.fingerprint() == want
    assert not [f for f in data.findings if f.severity == "error"]
    assert openings.n["user_balance_table.csv"] == 2
