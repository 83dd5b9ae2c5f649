"""Checks of the user table, batch by batch: every row once, in bounded memory.

A batch comes in Arrow's integers (`plain`) or as text. Integers are quicker; text shows every fault. At the first cell
that is no integer `NotPlain` is raised, and the caller begins again with text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecasting.data.formats.columns import listed
from forecasting.data.formats.decode import EXACT
from forecasting.data.formats.writing.habits import DAY_REMEDY, Habits
from forecasting.data.formats.writing.until import PLAIN, rows_until
from forecasting.data.quality.finding import Finding, Severity
from forecasting.data.quality.identities import IDENTITIES, check_rules
from forecasting.data.quality.user_rows import Cells, Tallies, Traced, UserRows
from forecasting.schema import BoolArray, DateArray, IntArray, iso

__all__ = ["USER", "NotPlain", "UserChecks"]

USER = "user_id"


class NotPlain(Exception):
    """A batch of integers holds a cell that can only be judged as text."""


@dataclass
class UserChecks:
    """What has been seen of the user table: counts, users by first appearance, and each day's first record.

    `date` is the date column, `targets` the columns that a run sums; `whole` says that amounts must be whole fen. With
    `plain` the batches hold integers, otherwise text.
    """

    date: str
    targets: tuple[str, ...]
    whole: bool
    plain: bool
    until: str | None = None
    """The last day looked at, as ISO; None: all are."""
    habits: Habits = PLAIN
    """How days and numbers are written."""
    parts: list[Traced] = field(default_factory=list)
    """The table's files, to trace records to rows."""
    tallies: Tallies = field(default_factory=Tallies)
    users: dict[str, int] = field(default_factory=dict)
    first_day: DateArray = field(default_factory=lambda: np.empty(0, dtype="datetime64[D]"))
    days: dict[np.datetime64, tuple[int, int]] = field(default_factory=dict)
    skipped: list[list[int]] = field(default_factory=list)
    """Records with a wrong number of fields, for each part; they are not judged further."""
    ragged: str = ""
    seen: BoolArray = field(default_factory=lambda: np.zeros((64, 1024), dtype=bool))
    """Days (in the order of `days`) by users: which pairs have a row."""
    _start: int = 0

    def begin(self, part: Traced) -> None:
        """The batches to come are those of this part."""
        self.parts.append(part)
        self.skipped.append([])
        self._start = 0

    def skip(self, record: int, actual: int, expected: int) -> None:
        """Note a row of the part with a wrong number of fields."""
        self.skipped[-1].append(record)
        self.ragged = self.ragged or f"{actual} fields, not {expected}"

    def add(self, batch: pa.RecordBatch) -> UserRows:
        """Judge the next rows of the part; gives them decoded, up to the last day looked at.

        Raises
        ------
        NotPlain
            For a batch of integers with a cell that is none, or with a date that is no day.
        """
        n_rows = batch.num_rows
        batch, records = rows_until(batch, self.date, self.until, self._start, self.habits)
        self._start += n_rows
        names = batch.schema.names
        cells = {
            c: _cells(batch.column(c), None if self.plain else self.habits) for c in names if c not in (USER, self.date)
        }
        users = _codes(self, batch.column(USER)) if USER in names else None
        days = self.habits.days(batch.column(self.date))
        if self.plain and np.isnat(days).any():
            raise NotPlain
        rows = UserRows(len(self.parts) - 1, records, batch, self.date, days, users, cells)
        _judge(self, rows)
        check_rules(self.tallies, rows)
        return rows

    def place(self, day: np.datetime64) -> str:
        """``file:row`` of a day's first row."""
        part, record = self.days[day]
        (row,) = self.parts[part].rows_of([record])
        return f"{self.parts[part].name}:{row}"

    def sorted_days(self) -> DateArray:
        """Every day that has a row, in order."""
        return np.array(sorted(self.days), dtype="datetime64[D]")

    def findings(self) -> list[Finding]:
        """What was counted, with each first row, and what the table holds as a whole."""
        found = self.tallies.findings(self.parts, self.skipped) + self._about_shapes() + self._about_columns()
        found += self._about_days() + self._about_users()
        if not self.days and not any(f.severity == "error" for f in found):
            name = self.parts[0].name
            found.append(Finding("rows", "error", 1, name, "a header and no rows", "give at least some days of data"))
        return found

    def _about_shapes(self) -> list[Finding]:
        number = next((k for k, records in enumerate(self.skipped) if records), None)
        if number is None:
            return []
        part = self.parts[number]
        (row,) = part.rows_of([self.skipped[number][0]])
        where, count = f"{part.name}:{row}", sum(map(len, self.skipped))
        return [Finding("row shape", "error", count, where, self.ragged, "check separators and quotes")]

    def _about_columns(self) -> list[Finding]:
        ruled = dict.fromkeys(c for total, (plus, minus) in IDENTITIES.items() for c in (total, *plus, *minus))
        absent = [c for c in ruled if c not in self.parts[0].columns]
        if not absent:
            return []
        value = f"no column {listed(absent)}"
        remedy = "nothing to do: sums over it are not checked"
        return [Finding("schema", "info", 1, self.parts[0].name, value, remedy)]

    def _about_days(self) -> list[Finding]:
        days = self.sorted_days()
        step = np.diff(days).astype(np.int64)
        after = np.flatnonzero(step > 1)
        if not len(after):
            return []
        value, place = f"no row for {iso(days[after[0]] + 1)}", self.place(days[after[0] + 1])
        return [Finding("missing day", "error", int((step - 1).sum()), place, value, "add the missing day(s)")]

    def _about_users(self) -> list[Finding]:
        if not len(self.first_day):
            return []
        begin, last = self.first_day.min(), self.first_day.max()
        n = int((self.first_day == begin).sum())
        value = f"{n} of {len(self.first_day)} users begin on {iso(begin)}, the last on {iso(last)}"
        return [Finding("users' first days", "info", len(self.first_day), self.parts[0].name, value, "nothing to do")]


def _cells(column: pa.Array, habits: Habits | None) -> Cells:
    """A column's cells; `habits` says how they are written, None that they are integers."""
    if habits is not None:
        numbers = habits.numbers(column)
        return Cells(np.nan_to_num(numbers.values), numbers.missing, numbers.bad)
    if not pa.types.is_integer(column.type):
        raise NotPlain
    missing = np.asarray(column.is_null().to_numpy(zero_copy_only=False))
    values = np.asarray(column.fill_null(0).to_numpy(), dtype=np.int64)
    return Cells(values, missing, np.zeros(len(values), dtype=bool))


def _codes(checks: UserChecks, column: pa.Array) -> IntArray:
    """Each row's user as a number, -1 where the cell is empty; users are numbered as they appear."""
    encoded = pc.utf8_trim_whitespace(column.cast(pa.string())).dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = [checks.users.setdefault(n, len(checks.users)) if n else -1 for n in names]
    index = encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    return np.asarray(np.array([*codes, -1], dtype=np.int64)[index])


def _judge(checks: UserChecks, rows: UserRows) -> None:
    """Cells one by one, and pairs of user and day."""
    nat = np.isnat(rows.days)
    rows.count(checks.tallies("date", "error", DAY_REMEDY), nat, rows.date)
    if rows.users is not None:
        rows.count(checks.tallies("missing user", "warning", "say whose row it is"), rows.users < 0, USER)
    for column, cells in rows.cells.items():
        is_target = column in checks.targets
        severity: Severity = "error" if is_target else "warning"
        say = checks.tallies
        rows.count(say(f"not a number: {column}", severity, "correct it"), cells.bad, column)
        if not column.startswith("category"):
            rows.count(
                say(f"missing amount: {column}", severity, "fill it in (0 if nothing flowed)"), cells.missing, column
            )
        rows.count(say(f"negative amount: {column}", severity, "correct it"), cells.values < 0, column)
        rows.count(say(f"too large: {column}", severity, "use a larger unit"), np.abs(cells.values) >= EXACT, column)
        if is_target and checks.whole:
            part_fen = np.mod(cells.values, 1) != 0
            rows.count(
                say(f"fraction of a fen: {column}", "error", "correct it, or set data.unit to CNY"), part_fen, column
            )
    _note_days(checks, rows, nat)


def _note_days(checks: UserChecks, rows: UserRows, nat: BoolArray) -> None:
    """First records of days, first days of users, and rows whose user and day had one before."""
    good = np.flatnonzero(~nat if rows.users is None else ~nat & (rows.users >= 0))
    distinct, first, index = np.unique(rows.days[good], return_index=True, return_inverse=True)
    for day, position in zip(distinct, first, strict=True):
        checks.days.setdefault(day, (rows.part, int(rows.records[good[position]])))
    if rows.users is None or len(good) == 0:
        return
    numbers = {day: n for n, day in enumerate(checks.days)}
    day_numbers = np.array([numbers[d] for d in distinct])[index]
    codes = rows.users[good]
    _grow(checks, len(checks.days), len(checks.users))
    pairs = day_numbers * len(checks.users) + codes
    once = np.zeros(len(good), dtype=bool)
    once[np.unique(pairs, return_index=True)[1]] = True
    twice = np.zeros(len(nat), dtype=bool)
    twice[good] = ~once | checks.seen[day_numbers, codes]
    checks.seen[day_numbers, codes] = True
    tally = checks.tallies(
        "duplicate (user, date)", "error", "keep one row a user and day: its amounts would count twice"
    )
    tally.add(rows.part, rows.records, twice, lambda k: f"user {rows.raw(USER, k)} on {iso(rows.days[k])}")
    _note_first_days(checks, rows.days[good], codes)


def _grow(checks: UserChecks, n_days: int, n_users: int) -> None:
    have = checks.seen.shape
    if n_days > have[0] or n_users > have[1]:
        larger = np.zeros((max(n_days, 2 * have[0]), max(n_users, 2 * have[1])), dtype=bool)
        larger[: have[0], : have[1]] = checks.seen
        checks.seen = larger


def _note_first_days(checks: UserChecks, days: DateArray, codes: IntArray) -> None:
    new = len(checks.users) - len(checks.first_day)
    known = np.concatenate([checks.first_day.astype(np.int64), np.full(new, np.iinfo(np.int64).max)])
    np.minimum.at(known, codes, days.astype(np.int64))
    checks.first_day = known.astype("datetime64[D]")
