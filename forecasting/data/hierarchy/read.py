"""Reading groups and units: from a column of the data, or from a file of its own.

A file of groups says in each row who belongs to whom: an entity or a group, then the group it is in, and in further
columns the group that one is in. So two columns are enough for any number of levels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise

from forecasting.data.formats.columns import first_few
from forecasting.data.formats.files import TableFile
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.whole import read_table
from forecasting.errors import DataError

__all__ = ["Label", "grouped", "labelled", "read_labels"]

SHOWN = 5


@dataclass(frozen=True)
class Label:
    """What a row says of `name`: the labels that follow it, and where it says so."""

    name: str
    labels: tuple[str, ...]
    place: str


def read_labels(files: tuple[TableFile, ...]) -> tuple[Label, ...]:
    """The rows of a file of groups or units: the first column names what the others are said of.

    Raises
    ------
    DataError
        When it has fewer than two columns, or a row names nothing.
    """
    with OpenTable(files) as opened:
        columns = list(opened.columns)
        if len(columns) < 2:
            what = "it has one column"
            raise DataError(
                where=opened.name, what=what, remedy="give a column of entities and one of their groups or units"
            )
        table = read_table(opened, columns)
    texts = [[text.strip() for text in table.texts(column)] for column in columns]
    found = []
    for record, (name, *labels) in enumerate(zip(*texts, strict=True)):
        kept = tuple(label for label in labels if label)
        if not name:
            raise DataError(
                where=table.place(record), what=f"{columns[0]} is empty", remedy="name it, or remove the row"
            )
        found.append(Label(name, kept, table.place(record)))
    return tuple(found)


def labelled(rows: Collection[Label], entities: Collection[str], known: Collection[str], what: str) -> dict[str, str]:
    """Entity → its only label, such as a unit, in the order of `rows`; `known` names also those that are left out.

    Raises
    ------
    DataError
        For an entity that is not in the data, one with two labels, or one without any, and for two labels that differ
        by capital letters alone.
    """
    found: dict[str, str] = {}
    spelled: dict[str, str] = {}
    for row in rows:
        if row.name not in known:
            raise _unknown(row, entities)
        if len(row.labels) != 1 or found.setdefault(row.name, row.labels[0]) != row.labels[0]:
            before = [found[row.name]] if row.name in found else []
            given = ", ".join(dict.fromkeys([*before, *row.labels])) if row.labels else "none"
            also = f", and {before[0]} in another row" if before and not row.labels else ""
            raise DataError(where=row.place, what=f"the {what} of {row.name} is {given}{also}", remedy="give it one")
        (label,) = row.labels
        if (other := spelled.setdefault(label.casefold(), label)) != label:
            said = f"the {what} of {row.name} is {label}, and {other} before"
            raise DataError(where=row.place, what=said, remedy=f"write the same {what} in the same way")
    missing = [entity for entity in entities if entity not in found]
    if missing:
        where = next(iter(rows)).place.rpartition(":")[0] if rows else ""
        raise DataError(
            where=where, what=f"it has no {what} for {first_few(missing, SHOWN)}", remedy="add a row for each"
        )
    there = set(entities)
    return {entity: label for entity, label in found.items() if entity in there}


def grouped(rows: Collection[Label], entities: Collection[str], known: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Entity → its groups, the largest first.

    Raises
    ------
    DataError
        For a name that is neither an entity nor a group, a group called as an entity, one in two groups, or groups that
        hold each other.
    """
    parent, said = _parents(rows)
    groups = set(parent.values())
    for name, group in parent.items():
        if group in known:
            what = f"{group}, the group of {name}, is an entity of the data too"
            raise DataError(where=said[name], what=what, remedy="give the group another name")
    for row in rows:
        if row.name not in known and row.name not in groups:
            raise _unknown(row, entities)
    return {entity: _path(entity, parent, said) for entity in entities}


def _parents(rows: Collection[Label]) -> tuple[dict[str, str], dict[str, str]]:
    """Name → the group it is in, and name → the row that says so."""
    parent: dict[str, str] = {}
    said: dict[str, str] = {}
    for row in rows:
        chain = (row.name, *row.labels)
        for name, group in pairwise(chain):
            if parent.setdefault(name, group) != group:
                what = f"{name} is in {group}, and in {parent[name]} by {said[name]}"
                raise DataError(where=row.place, what=what, remedy="put it into one group")
            said.setdefault(name, row.place)
    for name in parent:
        _path(name, parent, said)
    return parent, said


def _path(name: str, parent: Mapping[str, str], said: Mapping[str, str]) -> tuple[str, ...]:
    """The groups of a name, the largest first; groups of one that hold each other are an error."""
    chain = [name]
    while chain[-1] in parent:
        group = parent[chain[-1]]
        if group in chain:
            ring = " in ".join((*chain[chain.index(group) :], group))
            raise DataError(
                where=said[chain[-1]], what=f"the groups hold each other: {ring}", remedy="take one step out"
            )
        chain.append(group)
    return tuple(reversed(chain[1:]))


def _unknown(row: Label, entities: Collection[str]) -> DataError:
    what = f"{row.name} is neither an entity of the data nor a group"
    return DataError(where=row.place, what=what, remedy=f"use one of {first_few(list(entities), SHOWN)}")
