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

from forecasting.data.balance import goes_out
from forecasting.data.formats.columns import find_column, listed
from forecasting.data.formats.files import table_at
from forecasting.data.formats.options import TableOptions
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import SmallTable
from forecasting.data.formats.whole import read_table
from forecasting.data.formats.writing.days import parse_day
from forecasting.data.formats.writing.numerals import decode_numbers
from forecasting.data.ids import trimmed
from forecasting.data.rows import is_until
from forecasting.errors import ConfigError, DataError
from forecasting.schema import DS, UNIQUE_ID, DateArray, FloatArray, IntArray, Y, iso

__all__ = ["Columns", "Look", "columns_of", "look_at"]

MOST_TARGETS = 2
"""Columns of amounts that become targets unasked."""
OFTEN = 0.5
"""Share of cells, or of dates, that makes a kind of column."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER = _set(
    "balance balances saldo kontostand solde bestand cumulative cumulated kumuliert 余额 结余 累计 "
    "id ids nr no lfd index idx 编号 序号 year jahr année annee 年份 "
    "rate rates zins zinssatz yield price prices preis kurs prix share shares nav ratio percent pct prozent quote fx "
    "利率 汇率 价格 份额 净值"
)
"""Words that say of a column that it holds no flow: a balance, a number of a row, a rate or a price."""
_NEVER_ALONE = _set(
    "num number nummer code key account konto kontonummer iban bic blz zip plz row zeile line seq sequence counter "
    "month monat mois week woche semaine kw weekday wochentag dow doy quarter quartal day tag jour hour of "
    "holiday feiertag weekend wochenende is 月 周 日 季度"
)
"""Words that say so when a name has no others: ``day of month``, but not ``sales per day``."""
_KEYS = _set(
    "id ids nr no num number nummer code key account konto kontonummer store shop item fund branch filiale customer "
    "kunde product produkt sku series entity unique 编号 代码"
)
"""Words of a column's name that say its whole numbers may tell series apart."""
_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-zß-ÿ])(?=[A-Z])")


@dataclass(frozen=True)
class Look:
    """A table as it was read: its columns with a name of their own, and the kinds of cells in them."""

    table: SmallTable
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """What messages call the table."""
        return self.table.name

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
    entity, about = (given["entity"], "") if given.get("entity") else _entity(look, ds)
    columns, wanted, left = _targets(look, given, targets, date, entity)
    mapped = {ours: theirs for ours, theirs in {DS: date, **columns}.items() if ours != theirs}
    data: dict[str, Any] = {"kind": "table" if entity is None else "panel"}
    data |= {} if entity is None else {"entity": entity}
    data |= {"columns": {**mapped, **(given.get("columns") or {})}, "targets": wanted}
    comments = {
        "kind": "one row a date" if entity is None else f"each date has a row for every {entity}",
        "columns": f"{date}: the column whose cells are all days",
        "targets": "equal weights" if len(wanted) > 1 else "",
    }
    notes = [f"dates: {date}", about, f"forecast: {_and(list(columns.values()))}{_weights(wanted)}", left]
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
    what = f"no column holds days among {listed(look.columns)}"
    raise DataError(where=look.name, what=what, remedy="give each row its date, as YYYY-MM-DD")


def _entity(look: Look, ds: DateArray) -> tuple[str | None, str]:
    """The column that tells series apart, None where dates do not repeat, and a sentence about it.

    Raises
    ------
    DataError
        When dates repeat, and no column or more than one tells their rows apart.
    """
    days, day = np.unique(ds, return_inverse=True)
    if (np.bincount(day) > 1).mean() < OFTEN:
        return None, ""
    able = {c: codes for c, codes in look.texts.items() if _tells_apart(day, codes)}
    if not able:
        keys = [c for c in look.numbers if _words(c) & _KEYS]
        able = {c: codes for c in keys if (codes := look.codes(c)) is not None and _tells_apart(day, codes)}
    if not able:
        _check_spelling(look, day)
        what = f"{len(ds)} rows stand on {len(days)} dates, and no column alone tells the rows of a date apart"
        raise DataError(where=look.name, what=what, remedy="keep one row a date, or one a date and series")
    first, *others = able
    if any(not _alike(able[first], able[other]) for other in others):
        what = f"each date has several rows, and {listed(list(able))} could each tell the series apart"
        raise DataError(where=look.name, what=what, remedy=f"say which does, as in --set data.entity={first}")
    also = f" (as does {listed(others)})" if others else ""
    return first, f"series: one for each of {int(able[first].max()) + 1} values of {first}, the column in " + (
        f"which rows of a date differ{also}"
    )


def _check_spelling(look: Look, day: IntArray) -> None:
    """Refuse ids that would tell the rows of a date apart, were it not that some differ in the spaces around them."""
    for column in look.columns:
        if column not in look.days and (column in look.texts or _words(column) & _KEYS):
            texts = look.table.texts(column)
            if _tells_apart(day, np.unique(np.array(texts, dtype=str), return_inverse=True)[1]):
                trimmed(texts, column, look.table.place)


def _tells_apart(day: IntArray, codes: IntArray) -> bool:
    """Whether a column's texts repeat over the dates, each once a date."""
    pairs = day.astype(np.int64) * (int(codes.max()) + 1) + codes
    return len(np.unique(pairs)) == len(pairs) and int(codes.max()) + 1 <= OFTEN * len(codes)


def _alike(one: IntArray, other: IntArray) -> bool:
    """Whether two columns part the rows in the same way, such as a code and a name."""
    pairs = one.astype(np.int64) * (int(other.max()) + 1) + other
    return len(np.unique(pairs)) == int(one.max()) + 1 == int(other.max()) + 1


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
    chosen = [_asked(look, name) for name in asked]
    left = ""
    if not asked:
        chosen, left = _unasked(look, date, entity, given.get("balance"))
    columns = _named(chosen)
    return columns, _equal(list(columns)), left


def _asked(look: Look, name: str) -> str:
    if name in look.columns:
        return name
    near = [column for column in look.columns if column.casefold() == name.casefold()]
    if len(near) == 1:
        return near[0]
    what = f"there is no column {name!r} among {listed(look.columns)}"
    raise DataError(where=look.name, what=what, remedy="name one of them in --target")


def _unasked(look: Look, date: str, entity: str | None, balance: Any) -> tuple[list[str], str]:
    amounts = [column for column in look.numbers if column not in (date, entity, balance)]
    order = np.argsort(look.days[date], kind="stable")
    codes = None if entity is None else look.codes(entity)
    why = {c: reason for c in amounts if (reason := _no_flow(c, look.numbers[c], order, codes))}
    flows = [column for column in amounts if column not in why]
    left = f"left aside: {', '.join(f'{column} ({reason})' for column, reason in why.items())}" if why else ""
    if not flows:
        what = f"no column looks like amounts that flow, among {listed(look.columns)}"
        what += f"; {left}" if left else ""
        raise DataError(where=look.name, what=what, remedy="name the column to forecast with --target COLUMN")
    if len(flows) > MOST_TARGETS:
        what = f"{len(flows)} columns hold amounts: {listed(flows)}"
        remedy = f"name those to forecast, as in --target {flows[0]} --target {flows[1]}"
        raise DataError(where=look.name, what=what, remedy=remedy)
    if len(flows) == MOST_TARGETS and goes_out(flows[0]) and not goes_out(flows[1]):
        flows.reverse()  # what comes in is named first
    return flows, left + (": --target forecasts one all the same" if left else "")


def _no_flow(column: str, values: FloatArray, order: IntArray, codes: IntArray | None) -> str:
    """Why a column of numbers is no target unless it is asked for; empty where it may be one."""
    words = _words(column)
    if (telling := sorted(words & _NEVER)) or words <= _NEVER_ALONE:
        return f"its name says {' '.join(telling or [column])}"
    known = values[~np.isnan(values)]
    if not len(known):
        return ""
    if (known == known[0]).all():
        return "all the same"
    if np.isin(known, (0.0, 1.0)).all():
        return "0 and 1 alone"
    sequences = [values[order]] if codes is None else [values[order][codes[order] == k] for k in range(codes.max() + 1)]
    if all(_counts(sequence[~np.isnan(sequence)]) for sequence in sequences) or _numbers_rows(known):
        return "it counts"
    return ""


def _counts(values: FloatArray) -> bool:
    """Whether values only rise, or only fall."""
    steps = np.diff(values)
    return bool((steps > 0).all() or (steps < 0).all())


def _numbers_rows(values: FloatArray) -> bool:
    """Whether values are the numbers of rows, in any order."""
    whole = bool((values == np.rint(values)).all())
    return whole and len(np.unique(values)) == len(values) == int(values.max() - values.min()) + 1


def _words(column: str) -> frozenset[str]:
    """The words of a column's name: ``accountNo`` has account and no."""
    found = [word.casefold() for part in _CAMEL.split(column) for word in _WORD.findall(part)]
    return frozenset(found) or frozenset({column.casefold()})


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
