"""Checks of the user table as a stream: every row once, in bounded memory.

The table is read in Arrow's integers first, in parallel; at the first cell that is none it is read again as text, in
which every fault can be counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecasting.data.formats.decode import EXACT, decode_dates, decode_numbers
from forecasting.data.formats.files import TableFile
from forecasting.data.formats.reading import columns_of, require_columns, rows_of, stream_text, stream_typed
from forecasting.data.quality.finding import Finding, Severity, Tallies
from forecasting.data.quality.identities import check_rules
from forecasting.data.quality.rows import Cells, Rows
from forecasting.data.quality.table_checks import DAY_REMEDY
from forecasting.data.sources.aggregate import TotalsQuery
from forecasting.errors import DataError
from forecasting.schema import BoolArray, DateArray, IntArray, iso

__all__ = ["USER", "UserTable", "check_users"]

USER = "user_id"


class _NotPlain(Exception):
    """The integer pass met a cell that only the text pass can judge."""


@dataclass
class UserTable:
    """What a pass over the table leaves: counts, users by first appearance, and each day's first record."""

    tallies: Tallies = field(default_factory=Tallies)
    users: dict[str, int] = field(default_factory=dict)
    first_day: DateArray = field(default_factory=lambda: np.empty(0, dtype="datetime64[D]"))
    days: dict[np.datetime64, tuple[int, int]] = field(default_factory=dict)
    skipped: list[list[int]] = field(default_factory=list)
    """Records with a wrong number of fields, for each part; they are not judged further."""
    ragged: str = ""
    seen: BoolArray = field(default_factory=lambda: np.zeros((64, 1024), dtype=bool))
    """Days (in the order of `days`) by users: which pairs have a row."""

    def findings(self, files: Sequence[TableFile]) -> list[Finding]:
        """What was counted, with each first row."""
        found = self.tallies.findings(files, self.skipped)
        part = next((k for k, records in enumerate(self.skipped) if records), None)
        if part is not None:
            (row,) = rows_of(files[part], [self.skipped[part][0]])
            where, count = f"{files[part].name}:{row}", sum(map(len, self.skipped))
            found.append(Finding("row shape", "error", count, where, self.ragged, "check separators and quotes"))
        return found


def check_users(files: Sequence[TableFile], query: TotalsQuery) -> UserTable:
    """Every row of the user table judged.

    Raises
    ------
    DataError
        When a file cannot be read at all, or a part lacks a column.
    """
    for file in files:
        require_columns(file, (query.date, *query.amounts))
    try:
        return _scan(files, query, plain=True)
    except (_NotPlain, DataError):
        return _scan(files, query, plain=False)


def _scan(files: Sequence[TableFile], query: TotalsQuery, *, plain: bool) -> UserTable:
    table = UserTable()
    for part, file in enumerate(files):
        table.skipped.append([])
        for rows in _stream(file, part, query, table, plain):
            _judge(table, rows, query)
            check_rules(table.tallies, rows)
    return table


def _stream(file: TableFile, part: int, query: TotalsQuery, table: UserTable, plain: bool) -> Iterator[Rows]:
    columns = columns_of(file)
    amounts = [c for c in columns if c not in (USER, query.date)]

    def ragged(record: int, actual: int, expected: int) -> None:
        table.skipped[part].append(record)
        table.ragged = table.ragged or f"{actual} fields, not {expected}"

    if plain:
        types = dict.fromkeys(columns, pa.int64()) | {query.date: pa.string(), USER: pa.string()}
        batches = stream_typed(file, columns, types, lambda batch: batch)
    else:
        batches = stream_text(file, columns, ragged)
    start = 0
    for batch in batches:
        cells = {c: _cells(batch.column(c), plain) for c in amounts}
        users = _codes(table, batch.column(USER)) if USER in columns else None
        days = decode_dates(batch.column(query.date))
        if plain and np.isnat(days).any():
            raise _NotPlain
        yield Rows(part, start, batch, query.date, days, users, cells)
        start += batch.num_rows


def _cells(column: pa.Array, plain: bool) -> Cells:
    if not plain:
        numbers = decode_numbers(column)
        return Cells(np.nan_to_num(numbers.values), numbers.missing, numbers.bad)
    if not pa.types.is_integer(column.type):
        raise _NotPlain
    missing = np.asarray(column.is_null().to_numpy(zero_copy_only=False))
    values = np.asarray(column.fill_null(0).to_numpy(), dtype=np.int64)
    return Cells(values, missing, np.zeros(len(values), dtype=bool))


def _codes(table: UserTable, column: pa.Array) -> IntArray:
    """Each row's user as a number, -1 where the cell is empty; users are numbered as they appear."""
    encoded = pc.utf8_trim_whitespace(column.cast(pa.string())).dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = [table.users.setdefault(n, len(table.users)) if n else -1 for n in names]
    index = encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    return np.asarray(np.array([*codes, -1], dtype=np.int64)[index])


def _judge(table: UserTable, rows: Rows, query: TotalsQuery) -> None:
    """Cells one by one, and pairs of user and day."""
    nat = np.isnat(rows.days)
    rows.count(table.tallies("date", "error", DAY_REMEDY), nat, query.date)
    if rows.users is not None:
        rows.count(table.tallies("missing user", "warning", "say whose row it is"), rows.users < 0, USER)
    for column, cells in rows.cells.items():
        is_target = column in query.amounts
        severity: Severity = "error" if is_target else "warning"
        say = table.tallies
        rows.count(say(f"not a number: {column}", severity, "correct it"), cells.bad, column)
        if not column.startswith("category"):
            rows.count(
                say(f"missing amount: {column}", severity, "fill it in (0 if nothing flowed)"), cells.missing, column
            )
        rows.count(say(f"negative amount: {column}", severity, "correct it"), cells.values < 0, column)
        rows.count(say(f"too large: {column}", severity, "use a larger unit"), np.abs(cells.values) >= EXACT, column)
        if is_target and query.scale == 1:
            part_fen = np.mod(cells.values, 1) != 0
            rows.count(
                say(f"fraction of a fen: {column}", "error", "correct it, or set data.unit to CNY"), part_fen, column
            )
    _note_days(table, rows, nat)


def _note_days(table: UserTable, rows: Rows, nat: BoolArray) -> None:
    """First records of days, first days of users, and rows whose user and day had one before."""
    good = np.flatnonzero(~nat if rows.users is None else ~nat & (rows.users >= 0))
    distinct, first, index = np.unique(rows.days[good], return_index=True, return_inverse=True)
    for day, position in zip(distinct, first, strict=True):
        table.days.setdefault(day, (rows.part, rows.start + int(good[position])))
    if rows.users is None or len(good) == 0:
        return
    numbers = {day: n for n, day in enumerate(table.days)}
    day_numbers = np.array([numbers[d] for d in distinct])[index]
    codes = rows.users[good]
    _grow(table, len(table.days), len(table.users))
    pairs = day_numbers * len(table.users) + codes
    once = np.zeros(len(good), dtype=bool)
    once[np.unique(pairs, return_index=True)[1]] = True
    twice = np.zeros(len(nat), dtype=bool)
    twice[good] = ~once | table.seen[day_numbers, codes]
    table.seen[day_numbers, codes] = True
    tally = table.tallies(
        "duplicate (user, date)", "error", "keep one row a user and day: its amounts would count twice"
    )
    tally.add(rows.part, rows.start, twice, lambda k: f"user {rows.raw(USER, k)} on {iso(rows.days[k])}")
    _note_first_days(table, rows.days[good], codes)


def _grow(table: UserTable, n_days: int, n_users: int) -> None:
    have = table.seen.shape
    if n_days > have[0] or n_users > have[1]:
        larger = np.zeros((max(n_days, 2 * have[0]), max(n_users, 2 * have[1])), dtype=bool)
        larger[: have[0], : have[1]] = table.seen
        table.seen = larger


def _note_first_days(table: UserTable, days: DateArray, codes: IntArray) -> None:
    new = len(table.users) - len(table.first_day)
    known = np.concatenate([table.first_day.astype(np.int64), np.full(new, np.iinfo(np.int64).max)])
    np.minimum.at(known, codes, days.astype(np.int64))
    table.first_day = known.astype("datetime64[D]")
