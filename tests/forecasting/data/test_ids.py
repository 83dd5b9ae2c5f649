"""Ids that differ in the spaces around them would be one series: every reader names both spellings."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecasting.data.amounts_table import read_amounts_table
from forecasting.data.dataset import open_data
from forecasting.data.ids import trimmed
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError

SHOPS = DataSpec(kind="panel", entity="shop", targets={"in": 0.5, "out": 0.5})
LONG = DataSpec(kind="panel", targets={"in": 0.5, "out": 0.5})


def place(record: int, column: str) -> str:
    return f"f.csv:{record + 2} {column}"


@pytest.mark.parametrize(
    ("texts", "spec", "wrong"),
    [
        (["a", "b", "a ", "a "], None, "f.csv:4 shop: shop is 'a ', and 'a' in another row, which differs in spaces"),
        (["\u00a0a", "a"], None, "f.csv:3 shop: shop is 'a', and '\\xa0a' in another row"),
        (["a /in", "a/out"], LONG, "f.csv:3 shop: shop is 'a/out', and 'a /in' in another row"),
        (["a/in", "b /in", "b/in"], LONG, "f.csv:4 shop: shop is 'b/in', and 'b /in' in another row"),
    ],
)
def test_both_spellings_are_named(texts: list[str], spec: DataSpec | None, wrong: str) -> None:
    with pytest.raises(DataError) as raised:
        trimmed(texts, "shop", place, spec)
    assert str(raised.value).startswith(wrong)


def test_ids_that_no_space_makes_one_are_given_without_those_around_them() -> None:
    assert trimmed([" a", "b", " a", "", " "], "shop", place) == ["a", "b", "a", "", ""]
    assert trimmed(["a /in", "a/in"], "shop", place, SHOPS) == ["a /in", "a/in"]  # an id that is never taken apart


def write(folder: Path, name: str = "d.csv") -> Path:
    days = [f"2024-{month:02}-{day:02}" for month in (1, 2, 3) for day in range(1, 29)]
    rows = [f"{shop},{day},{k + 1}.5,{k + 2}.25" for shop in ("x", "y", "y ") for k, day in enumerate(days)]
    (folder / name).write_text("\n".join(["shop,date,in,out", *rows]) + "\n")
    return folder / name


def test_data_and_tables_beside_them_say_the_same(tmp_path: Path) -> None:
    file = write(tmp_path)
    readers = {
        "data": lambda: open_data(SHOPS, file, None).loaded,
        "actuals": lambda: read_amounts_table(SHOPS, file),
    }
    for name, read in readers.items():
        with pytest.raises(DataError, match=r"d.csv:170: shop is 'y ', and 'y' in another row") as raised:
            read()
        assert "write both alike, or rename one" in str(raised.value), name
