"""The rows of one CSV: as text in one thread, or converted in parallel; and the row of the file a record stands on."""

from __future__ import annotations

import csv
import io
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any, TypeVar

import pyarrow as pa
import pyarrow.csv as pacsv

from forecasting.data.formats.decode import is_total
from forecasting.data.formats.encoding import TextBytes
from forecasting.data.formats.files import TableFile, reading
from forecasting.data.formats.layout import Headerless, layout_of, one_line_each, record_rows
from forecasting.errors import DataError

__all__ = ["Delimited", "Ragged", "Unread"]

_T = TypeVar("_T")
_BLOCK = 1 << 22
_MOST_THREADS = 8
_CHECK = "check separators and quotes"
_OUTSIDE_QUOTES = rb"""(?:[^"]++|(?<=[^%b\r\n])"|"[^"]*+(?:""[^"]*+)*+"(?=[^"]))*+"""
"""All before a cell whose closing quote is missing; a quote amid a cell is a letter, as Arrow takes it."""
_SPELT = {"\t": "tabs"}

Ragged = Callable[[int, int, int], None]
"""Told of a row with the wrong number of fields, which is then skipped: (record, fields found, fields expected)."""

Unread = Callable[[int, str], bool]
"""Asked whether a row with the wrong number of fields, (record, text), can be skipped because nobody reads it."""


class Delimited:
    """One opening of a CSV; its rows can be asked for once, and `rows_of` after it is closed too."""

    def __init__(self, file: TableFile, raw: IO[bytes], digest: Any, headerless: Headerless | None) -> None:
        self._file = file
        self._bytes = TextBytes(file.name, raw, file.open, digest)
        whole = None if self._bytes.whole else self._all_lines
        self._layout = layout_of(file.name, self._bytes.head, headerless, whole)
        self.columns, self.separator = self._layout.columns, self._layout.separator
        mark = re.escape(self.separator.encode())
        self._outside_quotes = re.compile(_OUTSIDE_QUOTES % mark)
        self._plain_rows = 0
        """The first so many records are known to stand on one line each."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed of the way it is written."""
        said = []
        if self.separator != ",":
            said.append(f"{self._file.name}: columns are separated by {_SPELT.get(self.separator, self.separator)}")
        if self._bytes.guessed or self._bytes.encoding != "utf-8":
            by = ", guessed from its bytes" if self._bytes.guessed else ""
            said.append(f"{self._file.name}: read as {self._bytes.encoding} text{by}")
        return tuple(said)

    def text(self, columns: Sequence[str], ragged: Ragged | None, unread: Unread | None) -> Iterator[pa.RecordBatch]:
        """Batches of the named columns as text.

        Fields that are empty are no fault where the header has no name for them.

        Raises
        ------
        DataError
            When the file cannot be read; for a row with too many or too few fields, unless `ragged` is told of it or
            `unread` says that it does not matter.
        """
        bad: list[DataError] = []
        odd: deque[tuple[int, list[str] | None]] = deque()

        def judge(record: int, row: pacsv.InvalidRow) -> str:
            fields = self._fields(row.text)
            if fields is None and not (unread is not None and unread(record, row.text)):
                if ragged is None:
                    bad.append(self._wrong_fields(record, row))
                    return "error"
                ragged(record, row.actual_columns, row.expected_columns)
            odd.append((record, fields))
            return "skip"

        try:
            yield from _with_odd_rows(self._text_batches(columns, judge), odd, self._places(columns))
        except DataError as error:
            raise (bad[0] if bad else error) from None

    def typed(
        self,
        columns: Sequence[str],
        types: Mapping[str, pa.DataType],
        work: Callable[[pa.RecordBatch], _T],
        trace: bool,
    ) -> Iterator[_T]:
        """What `work` makes of each batch of the named columns in the given types, in order.

        Blocks of lines are parsed and worked on in parallel. With `trace` the records that stand on one line each are
        counted on the way, so that `rows_of` need not read the file again.
        """
        names = list(columns)
        convert = pacsv.ConvertOptions(include_columns=names, column_types=dict(types), strings_can_be_null=False)
        split = pacsv.ParseOptions(delimiter=self.separator)

        def parse(block: bytes, skip: int) -> tuple[int, list[_T]]:
            table = self._parsed(block, skip, split, convert)
            plain = trace and one_line_each(block, table.num_rows + skip)
            return table.num_rows if plain else -1, [work(batch) for batch in table.combine_chunks().to_batches()]

        # Arrow's own streaming reader splits and parses in one thread; blocks of whole lines keep every core busy.
        all_plain = trace
        in_flight: deque[Future[tuple[int, list[_T]]]] = deque()
        n_threads = min(os.cpu_count() or 1, _MOST_THREADS)
        with reading(self._file.name), ThreadPoolExecutor(n_threads) as pool:
            for done in _in_order(pool, in_flight, n_threads, parse, self._blocks()):
                rows, results = done.result()
                all_plain = all_plain and rows >= 0
                self._plain_rows += rows if all_plain else 0
                yield from results

    def rows_of(self, records: Sequence[int]) -> list[int]:
        """Row in the file of each record; records count from 0, without empty lines.

        The file is read again when a record may stand behind empty lines or cells of several lines.
        """
        first_row = self._layout.header_lines + 1
        if max(records) < self._plain_rows:
            return [r + first_row for r in records]
        wanted = {r: r + first_row for r in records}
        rows = record_rows(self._all_lines(), self._layout.header_lines, self.separator)
        for record, row in enumerate(rows):
            if record in wanted:
                wanted[record] = row
            if record >= max(records):
                break
        return [wanted[r] for r in records]

    def _all_lines(self) -> Iterator[str]:
        """The file's lines with their ends, from another opening."""
        with self._file.open() as raw:
            text = io.TextIOWrapper(raw, encoding=self._bytes.encoding, errors="replace", newline="")
            yield from text
            text.detach()

    def _parsed(self, block: bytes, skip: int, parse: pacsv.ParseOptions, convert: pacsv.ConvertOptions) -> pa.Table:
        names = _told_apart(self.columns)
        read = pacsv.ReadOptions(use_threads=False, block_size=len(block) + 1, skip_rows=skip, column_names=names)
        return pacsv.read_csv(pa.BufferReader(block), read, parse, convert)

    def _text_batches(
        self, columns: Sequence[str], judge: Callable[[int, pacsv.InvalidRow], str]
    ) -> Iterator[pa.RecordBatch]:
        types = dict.fromkeys(columns, pa.string())
        convert = pacsv.ConvertOptions(include_columns=list(columns), column_types=types, strings_can_be_null=False)
        n_records = 0
        # Not by Arrow's streaming reader: its threads call into Python after an error, also when the program ends.
        with reading(self._file.name):
            for block, skip in self._blocks():
                judged = _Judged(judge, n_records - skip)
                split = pacsv.ParseOptions(delimiter=self.separator, invalid_row_handler=judged)
                table = self._parsed(block, skip, split, convert)
                n_records += table.num_rows + judged.n_rows
                yield from table.to_batches()

    def _places(self, columns: Sequence[str]) -> dict[str, int]:
        return {name: self.columns.index(name) for name in columns}

    def _fields(self, text: str) -> list[str] | None:
        """The fields of a row as many as the header's, where those it lacks or has besides hold nothing."""
        try:
            fields = next(csv.reader([text], delimiter=self.separator), [])
        except csv.Error:
            return None
        width = len(self.columns)
        if any(cell.strip() for cell in fields[width:]):
            return None
        if any(self.columns[len(fields) :]) and any(cell.strip() for cell in fields):
            return None
        return (fields + [""] * width)[:width]

    def _wrong_fields(self, record: int, row: pacsv.InvalidRow) -> DataError:
        what, remedy = f"the row has {row.actual_columns} fields and the header {row.expected_columns}", _CHECK
        if is_total(row.text):
            what, remedy = f"{what}; it looks like a total", "remove the row"
        elif row.expected_columns == 1:
            remedy = f"remove the lines above the header, or {_CHECK}"
        elif row.actual_columns == 1:
            remedy = f"remove it if it is a note, or {_CHECK}"
        place = f"{self._file.name}:{self.rows_of([record])[0]}"
        return DataError(where=place, what=what, remedy=remedy)

    def _blocks(self) -> Iterator[tuple[bytes, int]]:
        """Whole records, about `_BLOCK` bytes at a time, and the header lines among them."""
        rest, skip = b"", self._layout.header_lines
        while block := self._bytes.read(_BLOCK):
            rest += block
            end = self._end_of_records(rest)
            if end:
                yield rest[:end], skip
                rest, skip = rest[end:], 0
            elif len(rest) > _BLOCK:
                what = f"a line, or a cell in quotes, is longer than {_BLOCK:,} bytes"
                raise DataError(where=self._file.name, what=what, remedy="check the line ends and quotes")
        if rest.strip() or skip:
            yield rest + b"\n", skip

    def _end_of_records(self, text: bytes) -> int:
        """Where the last whole record of a text ends that begins with one."""
        end, outside = 0, len(text)
        while end != outside:
            end = max(text.rfind(b"\n", 0, outside), text.rfind(b"\r", 0, outside)) + 1
            found = self._outside_quotes.match(text, 0, end)
            outside = found.end() if found else 0
        return end


class _Judged:
    """Arrow's handler of rows with the wrong number of fields, which knows the records before its block."""

    def __init__(self, judge: Callable[[int, pacsv.InvalidRow], str], before: int) -> None:
        self._judge, self._before, self.n_rows = judge, before, 0

    def __call__(self, row: pacsv.InvalidRow) -> str:
        self.n_rows += 1
        return self._judge(self._before + row.number - 1, row)


def _with_odd_rows(
    batches: Iterable[pa.RecordBatch], odd: deque[tuple[int, list[str] | None]], places: Mapping[str, int]
) -> Iterator[pa.RecordBatch]:
    """The batches with the rows that Arrow skipped in their places.

    `odd` grows as batches are read: the record of a skipped row, and its fields (None: it stays skipped).
    """
    start, mended = 0, list[Sequence[str]]()
    for batch in batches:
        at = 0
        while odd and odd[0][0] - start <= batch.num_rows - at:
            record, fields = odd.popleft()
            if record > start:
                yield from _rows(mended, places)
                yield batch.slice(at, record - start)
                at += record - start
            mended += [] if fields is None else [fields]
            start = record + 1
        if at < batch.num_rows:
            yield from _rows(mended, places)
            yield batch.slice(at)
        start += batch.num_rows - at
    mended += [fields for _, fields in odd if fields is not None]
    yield from _rows(mended, places)


def _rows(mended: list[Sequence[str]], places: Mapping[str, int]) -> Iterator[pa.RecordBatch]:
    """A batch of these rows, which are taken out of the list."""
    if mended:
        yield pa.record_batch({name: pa.array([row[k] for row in mended], pa.string()) for name, k in places.items()})
        mended.clear()


def _told_apart(names: Sequence[str]) -> list[str]:
    """The names, with a number after those that are empty or stood before: nobody asks for these."""
    return [n if n and n not in names[:k] else f"{n}\0{k}" for k, n in enumerate(names)]


def _in_order(
    pool: ThreadPoolExecutor,
    in_flight: deque[Future[_T]],
    most: int,
    work: Callable[[bytes, int], _T],
    blocks: Iterable[tuple[bytes, int]],
) -> Iterator[Future[_T]]:
    """The futures of `work` on each block, in order, at most `most` + 1 of them begun and not yet given."""
    for block, skip in blocks:
        in_flight.append(pool.submit(work, block, skip))
        if len(in_flight) > most:
            yield in_flight.popleft()
    while in_flight:
        yield in_flight.popleft()
