"""Rows after the last day asked for are never looked at, whatever kind of data has whatever fault in them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from forecasting.data.dataset import open_data
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError

LAST = dt.date(2024, 2, 9)
DAYS = [dt.date(2024, 1, 1) + dt.timedelta(k) for k in range(50)]
Rows = list[list[str]]


def rows(key: str | None) -> Rows:
    return [[*([key] if key else []), str(day), str(100 + k), str(200 + k)] for k, day in enumerate(DAYS)]


KINDS: dict[str, tuple[str, str | None, DataSpec]] = {
    "users": ("user_id,report_date,total_purchase_amt,total_redeem_amt", "u1", DataSpec()),
    "totals": ("report_date,purchase,redeem", None, DataSpec()),
    "table": ("ds,purchase,redeem", None, DataSpec(kind="table")),
    "wide": ("shop,ds,purchase,redeem", "a", DataSpec(kind="panel", entity="shop")),
}
LATER = 44


def _change(place: int, value: str) -> Callable[[Rows], object]:
    return lambda lines: lines[LATER].__setitem__(place, value)


FAULTS: dict[str, Callable[[Rows], object]] = {
    "word": _change(-1, "x"),
    "negative": _change(-1, "-5"),
    "empty": _change(-1, ""),
    "large": _change(-1, "1e300"),
    "absent": lambda lines: lines.pop(LATER),
    "twice": lambda lines: lines.insert(LATER, lines[LATER]),
    "torn": lambda lines: lines[LATER].pop(),
}


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
def test_faults_after_the_last_day_do_no_harm(tmp_path: Path, kind: str, fault: str, checked: bool) -> None:
    header, key, spec = KINDS[kind]
    if kind == "users" and fault == "torn":
        pytest.skip("a row of the wrong length is a fault of the whole user table")
    lines = rows(key)
    FAULTS[fault](lines)
    (tmp_path / "daily_totals.csv").write_text("\n".join([header, *(",".join(line) for line in lines), ""]))
    cut = spec.model_copy(update={"as_of": LAST})
    data = open_data(cut, tmp_path / "daily_totals.csv", None, checked=checked)
    assert str(data.panel.end) == str(LAST)
    assert data.panel.y.shape == (2, 40)
    if checked:
        assert not [f for f in data.findings if f.severity == "error"]
    if fault != "twice" or kind != "users":  # two rows of a user on a day are summed
        uncut = open_data(spec, tmp_path / "daily_totals.csv", None, checked=True)
        assert [f for f in uncut.findings if f.severity != "info"]


def test_rows_are_named_right_behind_a_torn_one(tmp_path: Path) -> None:
    lines = rows(None)
    lines[3] = lines[45][:-1]
    lines[20][1] = "x"
    (tmp_path / "d.csv").write_text("\n".join(["ds,purchase,redeem", *(",".join(line) for line in lines), ""]))
    with pytest.raises(DataError, match=r"d\.csv:22: purchase on 2024-01-21 is 'x'"):
        _ = open_data(DataSpec(kind="table", as_of=LAST), tmp_path / "d.csv", None).panel


@pytest.mark.parametrize("kind", KINDS)
def test_data_that_begin_later_are_refused(tmp_path: Path, kind: str) -> None:
    header, key, spec = KINDS[kind]
    (tmp_path / "d.csv").write_text("\n".join([header, *(",".join(line) for line in rows(key)), ""]))
    with pytest.raises(DataError, match=r"begin on 2024-01-01, after 2020-01-01|no rows up to 2020-01-01"):
        _ = open_data(spec.model_copy(update={"as_of": dt.date(2020, 1, 1)}), tmp_path / "d.csv", None).panel
