"""Groups and units are read from a column or a file; what cannot be is refused with its file and row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forecasting.data.dataset import open_data
from forecasting.data.hierarchy.hierarchy import Hierarchy
from forecasting.data.spec import DataSpec
from forecasting.errors import ConfigError, DataError

DAYS = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
BANKS = {"a": ("north", "EUR"), "b": ("north", "USD"), "c": ("south", "EUR")}


def data(folder: Path, odd: str = "north") -> Path:
    rows = [f"{name},{d},100,{group},{unit}" for name, (group, unit) in BANKS.items() for d in DAYS]
    rows[3] = rows[3].replace("north", odd)
    path = folder / "d.csv"
    path.write_text("bank,ds,out,region,currency\n" + "\n".join(rows) + "\n")
    return path


def hierarchy(folder: Path, groups: str | None, units: str | None = None, **files: str) -> Hierarchy:
    path = data(folder)
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content)
    spec = DataSpec(kind="panel", entity="bank", targets={"out": 1.0}, groups=groups, units=units)
    found = open_data(spec, path, None).loaded.hierarchy
    assert found is not None
    return found


def test_groups_and_units_are_columns(tmp_path: Path) -> None:
    found = hierarchy(tmp_path, "region", "currency")
    assert found.paths == {"a": ("north",), "b": ("north",), "c": ("south",)}
    assert found.units == {"a": "EUR", "b": "USD", "c": "EUR"}
    assert list(found.notes()) == [
        "3 entities in 2 groups on 1 level",
        "amounts are in EUR, USD, which are never added: each unit has its own totals, and a score of sums is the mean "
        "of the units' scores",
    ]


@pytest.mark.parametrize(
    "content",
    [
        "bank,region,land\na,north,all\nb,north,\nc,south,all\n",
        "name,part_of\na,north\nb,north\nc,south\nnorth,all\nsouth,all\n",
    ],
)
def test_groups_are_a_file_with_any_number_of_levels(tmp_path: Path, content: str) -> None:
    found = hierarchy(tmp_path, "g.csv", g=content)
    assert found.paths == {"a": ("all", "north"), "b": ("all", "north"), "c": ("all", "south")}
    assert found.groups == (("all",), ("all", "north"), ("all", "south"))
    assert found.distinct_units == (None,)


def test_units_stand_as_in_their_file(tmp_path: Path) -> None:
    found = hierarchy(tmp_path, None, "u.csv", u="bank,unit\nc,EUR\nb,USD\na,CHF\n")
    assert found.distinct_units == ("EUR", "USD", "CHF")
    assert set(found.units) == set(found.paths) == {"a", "b", "c"}


def test_an_entity_may_be_in_no_group(tmp_path: Path) -> None:
    found = hierarchy(tmp_path, "g.csv", g="bank,region\na,north\n")
    assert found.paths == {"a": ("north",), "b": (), "c": ()}
    assert next(iter(found.notes())) == "3 entities in 1 group on 1 level, 2 of them in no group"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("bank,g\na,x\na,y\n", r"g\.csv:3: a is in y, and in x by g\.csv:2: put it into one group"),
        ("bank,g\na,x\nx,y\ny,x\n", r"g\.csv:\d: the groups hold each other: x in y in x: take one step out"),
        ("bank,g\na,a\n", r"g\.csv:2: the groups hold each other: a in a"),
        (
            "bank,g\nc,x\na,b\n",
            r"g\.csv:3: b, the group of a, is an entity of the data too: give the group another name",
        ),
        ("bank,g\nd,x\n", r"g\.csv:2: d is neither an entity of the data nor a group: use one of a, b, c"),
        ("bank,g\n,x\n", r"g\.csv:2: bank is empty"),
        ("bank\na\n", r"g\.csv: it has one column"),
    ],
)
def test_groups_that_cannot_be(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        hierarchy(tmp_path, "g.csv", g=content)


@pytest.mark.parametrize("name", ["land", "land.csv"])
def test_neither_a_column_nor_a_file(tmp_path: Path, name: str) -> None:
    message = f"^{name}: the data have no column of this name, and there is no such file: check the path given as data"
    with pytest.raises(DataError, match=message + r"\.groups$"):
        hierarchy(tmp_path, name)
    with pytest.raises(DataError, match=message + r"\.units$"):
        hierarchy(tmp_path, None, name)


@pytest.mark.parametrize(
    ("keys", "name"),
    [({"entity": "bank"}, "bank"), ({}, "unique_id"), ({"columns": {"unique_id": "id", "y": "amount"}}, "id")],
)
@pytest.mark.parametrize("key", ["groups", "units"])
def test_the_column_of_entities_groups_none(keys: dict[str, object], name: str, key: str) -> None:
    with pytest.raises(ValueError, match=f"{key} is '{name}', the column that names the entities themselves"):
        DataSpec.model_validate({"kind": "panel", "targets": {"out": 1.0}, **keys, key: name})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("bank,u\na,EUR\nb,USD\n", r"u\.csv: it has no unit for c: add a row for each"),
        ("bank,u\na,EUR\na,USD\nb,EUR\nc,EUR\n", r"u\.csv:3: the unit of a is EUR, USD: give it one"),
        (
            "bank,u\na,EUR\nb,eur\nc,EUR\n",
            r"u\.csv:3: the unit of b is eur, and EUR before: write the same unit in the",
        ),
        ("bank,u\na,\nb,EUR\nc,EUR\n", r"u\.csv:2: the unit of a is none: give it one"),
        (
            "bank,u\na,EUR\na,\nb,EUR\nc,EUR\n",
            r"u\.csv:3: the unit of a is none, and EUR in another row: give it one",
        ),
    ],
)
def test_units_that_cannot_be(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        hierarchy(tmp_path, None, "u.csv", u=content)


def test_a_column_that_puts_an_entity_into_two_groups_is_refused(tmp_path: Path) -> None:
    path = data(tmp_path, odd="south")
    spec = DataSpec(kind="panel", entity="bank", targets={"out": 1.0}, groups="region")
    with pytest.raises(DataError, match=r"d\.csv:5: a is in south, and in north by d\.csv:2: put it into one group"):
        _ = open_data(spec, path, None).panel


def test_a_table_has_no_groups() -> None:
    with pytest.raises((ConfigError, ValueError), match="groups is for the entities of kind: panel"):
        DataSpec(kind="table", groups="x")
