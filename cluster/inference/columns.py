"""Which column of a table is the date, which are the amounts, and which tells series apart.

Cells are read by the reader of all tables, so that a column is a date or an amount here if it is one in a run. Nothing
is guessed between two columns that could both be meant: a sentence names them and the key that decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from cluster.inference.entities import entity_of
from cluster.inference.flows import in_before_out, no_flows
from forecasting.data.formats.columns import check_distinct, find_column, first_few, listed
from forecasting.data.formats.decode import first
from forecasting.data.formats.files import table_at
from forecasting.data.formats.options import TableOptions
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import SmallTable
from forecasting.data.formats.whole import read_table
from forecasting.data.formats.writing.days import parse_day
from forecasting.data.formats.writing.numerals import decode_numbers, is_currency
from forecasting.data.rows import is_until
from forecasting.errors import ConfigError, DataError
from forecasting.schema import DS, UNIQUE_ID, DateArray, FloatArray, IntArray, Y, iso

__all__ = ["Columns", "Look", "columns_of", "look_at"]

MOST_TARGETS = 2
"""Columns of amounts that become targets unasked."""
_TIME = re.compile(r"\d[ T](?!0?0:00(?::00)?\b(?!:))\d\d?:\d\d")
"""A time behind a date, other than midnight."""
OFTEN = 0.5
"""Share of cells, or of dates, that makes a kind of column."""


@dataclass(frozen=True)
class Look:
    """A table as it was read: its columns with a name of their own, and the kinds of cells in them."""

    table: SmallTable
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """What messages call the table."""
        return self.table.name

    @property
    def listed(self) -> str:
        """The columns for a sentence, those that are neither days nor numbers with a cell that is not understood."""
        odd = {column for column in self.columns if column not in self.days and column not in self.numbers}
        return first_few(
            [self._with_cell(column) if column in odd else listed([column]) for column in self.columns], 12
        )

    def _with_cell(self, column: str) -> str:
        cells = self.table.columns[column].to_pylist()
        there = np.array([cell is not None and str(cell).strip() != "" for cell in cells])
        odd = there & np.isnat(self.table.dates(column))
        at = first(odd if odd.any() else there)
        return listed([column]) + ("" if at is None else f" ({self.table.raw(column, at)})")

    @cached_property
    def days(self) -> dict[str, DateArray]:
        """The columns that hold days, ``[n_rows]`` each with NaT where a cell is none: at least half of the cells."""
        found = {column: self.table.dates(column) for column in self.columns}
        return {column: ds for column, ds in found.items() if (~np.isnat(ds)).mean() >= OFTEN}

    @cached_property
    def numbers(self) -> dict[str, FloatArray]:
        """The columns of numbers without the dates, ``[n_rows]``, NaN where unknown: more than half of what is there.

        A column whose numbers can be read in two ways is among them, all NaN: reading it says so.
        """
        found = {}
        for column in self.columns:
            if column in self.days:
                continue
            try:
                read = self.table.numbers(column)
            except DataError:
                found[column] = np.full(self.table.n_rows, np.nan)
                continue
            there = ~read.missing
            if there.any() and (~read.bad[there]).mean() > OFTEN:
                found[column] = read.values
        return found

    @cached_property
    def texts(self) -> dict[str, IntArray]:
        """The columns of texts, ``[n_rows]`` each: the number of a row's text among the column's."""
        rest = [column for column in self.columns if column not in self.days and column not in self.numbers]
        return {column: codes for column in rest if (codes := self.codes(column)) is not None}

    def codes(self, column: str) -> IntArray | None:
        """The number of each row's text ``[n_rows]``; None where nothing stands, or what is no text."""
        try:
            texts = np.array([text.strip() for text in self.table.texts(column)], dtype=object)
        except DataError:
            return None
        return np.unique(texts.astype(str), return_inverse=True)[1] if (texts != "").any() else None


@dataclass(frozen=True)
class Columns:
    """What the columns of a table were taken for: keys of the section `data`, and sentences about them."""

    data: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    comments: Mapping[str, str] = field(default_factory=dict)
    """Key of `data` → why it is what it is."""


def look_at(path: str, given: Mapping[str, Any]) -> Look:
    """Read a table, up to the day ``given["as_of"]``.

    Raises
    ------
    DataError
        When it cannot be read, has no header, or begins later.
    """
    said = {key: given[key] for key in ("decimal", "date_format", "sheet", "max_bytes") if key in given}
    with OpenTable(table_at(path, TableOptions(**said))) as opened:
        names = opened.columns
        dated = next((name for name in names if not np.isnat(parse_day(name))), None)
        if dated is not None:
            what = f"the header holds the day {dated}, where a column's name is expected"
            raise DataError(where=opened.name, what=what, remedy="give one row a day, under a header with names")
        clear = tuple(name for name in names if name and names.count(name) == 1)
        table = read_table(opened, clear)
    clear = tuple(name for name in clear if not pa.types.is_nested(table.columns[name].type))
    days = Look(table, clear).days
    amounts = tuple(name for name in clear if name not in days and _may_be_numbers(table, name))
    look = Look(replace(table, amounts=amounts), clear)
    if given.get("as_of") is None:
        return look
    named = (given.get("columns") or {}).get(DS)
    ds = look.days.get(str(named), next(iter(look.days.values()), None))
    if ds is None:
        return look
    kept = is_until(ds, given["as_of"])
    if not kept.any():
        what = f"the data begin on {iso(np.nanmin(ds))}, after {given['as_of']}"
        raise DataError(where=table.name, what=what, remedy="choose a later date")
    return Look(table.where(kept), clear)


def _may_be_numbers(table: SmallTable, column: str) -> bool:
    """Whether most of what stands in a column is a number with one decimal mark or the other."""
    for mark in ".,":
        read = decode_numbers(table.columns[column], mark)
        if (there := ~read.missing).any() and (~read.bad[there]).mean() > OFTEN:
            return True
    return False


def columns_of(look: Look, given: Mapping[str, Any], targets: Sequence[str] = ()) -> Columns:
    """What the columns of a table are.

    Parameters
    ----------
    given
        Keys of the section `data` that are said already.
    targets
        Columns to forecast; none: those that hold amounts, at most two.

    Raises
    ------
    DataError, ConfigError
        One sentence that names the columns and the key or option that decides.
    """
    if {UNIQUE_ID, DS, Y} <= set(look.columns) and not given.get("entity") and not given.get("columns"):
        return _long(targets)
    date, ds = _date(look, given)
    entity, about = (_asked(look, given["entity"], "data.entity"), "") if given.get("entity") else entity_of(look, ds)
    units, units_said = _units(look, entity, given.get("units"))
    columns, wanted, left = _targets(look, given, targets, date, entity)
    mapped = {ours: theirs for ours, theirs in {DS: date, **columns}.items() if ours != theirs}
    data: dict[str, Any] = {"kind": "table" if entity is None else "panel"}
    data |= {key: value for key, value in (("entity", entity), ("units", units)) if value is not None}
    data |= {"columns": {**mapped, **(given.get("columns") or {})}, "targets": wanted}
    comments = {
        "kind": "one row a date" if entity is None else f"each date has a row for every {entity}",
        "columns": f"{date}: the column whose cells are all days",
        "targets": "equal weights" if len(wanted) > 1 else "",
    }
    notes = [f"dates: {date}", about, units_said, f"forecast: {_and(list(columns.values()))}{_weights(wanted)}", left]
    return Columns(data, tuple(note for note in notes if note), comments)


def _long(targets: Sequence[str]) -> Columns:
    names = list(targets) or [Y]
    weights = _equal(names)
    note = f"series: one for each {UNIQUE_ID}, with dates in {DS} and amounts in {Y}"
    comments = {"kind": f"long: {UNIQUE_ID}, {DS}, {Y}", "targets": "the series' amounts"}
    return Columns({"kind": "panel", "targets": weights}, (note,), comments)


def _date(look: Look, given: Mapping[str, Any]) -> tuple[str, DateArray]:
    """The column of dates, and its days ``[n_rows]``.

    Raises
    ------
    DataError
        When there is none, or more than one.
    """
    named = (given.get("columns") or {}).get(DS)
    if named is not None:
        column = find_column(DS, {DS: named}, look.columns, look.name)
        return column, look.table.days(column)
    full = [column for column, ds in look.days.items() if not np.isnat(ds).any()]
    if len(full) > 1:
        what = f"the columns {listed(full)} all hold days"
        raise DataError(where=look.name, what=what, remedy=f"say which counts, as in --set data.columns.ds={full[0]}")
    if full:
        return full[0], look.days[full[0]]
    if look.days:
        column = max(look.days, key=lambda name: int((~np.isnat(look.days[name])).sum()))
        return column, look.table.days(column)
    what = f"no column holds days among {look.listed}"
    n_nameless = look.table.in_file.count("")
    what += f"; {n_nameless} more have no name" if n_nameless else ""
    remedy = "give each row its date, as YYYY-MM-DD, or name its format in data.date_format, such as %d %b %Y"
    if _TIME.search(what):
        remedy = "give each row its date without a time of day, and each date one row with all that flowed"
    raise DataError(where=look.name, what=what, remedy=remedy)


def _units(look: Look, entity: str | None, given: object) -> tuple[str | None, str]:
    """The column that names the currency of each series, where there are several, and a sentence about it.

    Raises
    ------
    DataError
        At the first row with a second currency in a series.
    """
    codes = None if entity is None else look.codes(entity)
    for column in look.texts if given is None else ():
        cells = [text.strip() for text in look.table.texts(column)]
        if len(set(cells)) < 2 or not all(map(is_currency, set(cells))):
            continue
        if column == entity:
            return (
                None,
                f"amounts are in {_and(sorted(set(cells)))}: totals add them, unless data.units has their units",
            )
        known: dict[int, str] = {}
        for record, cell in enumerate(cells):
            own = known.setdefault(0 if codes is None else int(codes[record]), cell)
            if cell != own:
                what = f"{column} is {cell!r}, and {own!r} before: amounts of several currencies in one series"
                remedy = "bring them to one currency, or give one file for each"
                raise DataError(where=look.table.place(record, column), what=what, remedy=remedy)
        return column, f"units: {column}, so that amounts in {_and(sorted(set(cells)))} are never added"
    return None, ""


def _targets(
    look: Look, given: Mapping[str, Any], asked: Sequence[str], date: str, entity: str | None
) -> tuple[dict[str, str], dict[str, float], str]:
    """Our name → column of each target, the weights, and a sentence about columns that are no targets.

    Raises
    ------
    DataError, ConfigError
        When a column asked for is not there, or none or too many could be meant.
    """
    if given.get("targets"):
        if asked:
            raise ConfigError(where="--target", what="data.targets names them too", remedy="give one of the two")
        names = given.get("columns") or {}
        return {t: names.get(t, t) for t in given["targets"]}, dict(given["targets"]), ""
    chosen = [_asked(look, name, "--target") for name in asked]
    check_distinct(dict(zip(asked, chosen, strict=True)), look.name)
    left = ""
    if not asked:
        chosen, left = _unasked(look, date, entity, given.get("balance"))
    columns = _named(chosen)
    return columns, _equal(list(columns)), left


def _asked(look: Look, name: str, by: str) -> str:
    """The column that `by` names, in whatever case; raises DataError where there is none."""
    if name in look.columns:
        return name
    near = [column for column in look.columns if column.casefold() == name.casefold()]
    if len(near) == 1:
        return near[0]
    what = f"there is no column {name!r} among {listed(look.columns)}"
    raise DataError(where=look.name, what=what, remedy=f"name one of them in {by}")


def _unasked(look: Look, date: str, entity: str | None, balance: Any) -> tuple[list[str], str]:
    amounts = [column for column in look.numbers if column not in (date, entity, balance)]
    order = np.argsort(look.days[date], kind="stable")
    codes = None if entity is None else look.codes(entity)
    why = no_flows({column: look.numbers[column] for column in amounts}, order, codes)
    names = look.table.in_file
    why |= {name: "its name stands twice" for name in names if name and names.count(name) > 1}
    flows = [column for column in amounts if column not in why]
    left = f"left aside: {', '.join(f'{column} ({reason})' for column, reason in why.items())}" if why else ""
    if not flows:
        what = f"no column looks like amounts that flow, among {look.listed}"
        what += f"; {left}" if left else ""
        raise DataError(where=look.name, what=what, remedy="name the column to forecast with --target COLUMN")
    if len(flows) > MOST_TARGETS:
        what = f"{len(flows)} columns hold amounts: {listed(flows)}"
        remedy = f"name those to forecast, as in --target {flows[0]} --target {flows[1]}"
        raise DataError(where=look.name, what=what, remedy=remedy)
    return in_before_out(flows), left + (": --target forecasts one all the same" if left else "")


def _named(columns: Sequence[str]) -> dict[str, str]:
    """A name for each target, in which other characters than a name may have become ``_``, → its column."""
    found: dict[str, str] = {}
    for place, column in enumerate(columns, start=1):
        name = re.sub(r"[^\w.-]+", "_", column).strip("_") or f"target_{place}"
        name += "_" if name in (DS, UNIQUE_ID) else ""
        while name in found:
            name += f"_{place}"
        found[name] = column
    return found


def _equal(names: Sequence[str]) -> dict[str, float]:
    """Equal weights; the last one takes what rounding leaves."""
    share = round(1.0 / len(names), 6)
    return dict.fromkeys(names[:-1], share) | {names[-1]: round(1.0 - share * (len(names) - 1), 6)}


def _and(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) <= MOST_TARGETS else ", ".join(names)


def _weights(weights: Mapping[str, float]) -> str:
    return ", weighted equally" if len(weights) > 1 and len(set(weights.values())) == 1 else ""
