"""Faults of a daily table are found at their rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecasting.data.spec import DataSpec
from tests.forecasting.data.opened import check, places


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
