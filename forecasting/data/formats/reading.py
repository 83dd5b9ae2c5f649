"""Reading tables as Arrow batches, and telling on which row of the file a record stands.

`OpenTable` opens each part of a table once: the column names come from the head of the same opening that then gives
the rows. A part gives its rows in one of two ways. `text` gives every column of a CSV as text, in one thread. It is
the reference: all decisions about what a cell means are taken on its output. `typed` lets Arrow convert in parallel.
It is for large tables of plain integers, and whoever uses it goes back to `text` at the first difficulty, with a second
opening. Rows are counted as an editor counts lines: a CSV's header is row 1. Records of a Parquet file are counted
from 1.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar

import pyarrow as pa
import pyarrow.csv as pacsv

from forecasting.data.formats.columns import listed
from forecasting.data.formats.files import TableFile, reading
from forecasting.data.formats.layout import Headerless, Layout, layout_of, one_line_each, record_rows
from forecasting.errors import DataError

if TYPE_CHECKING:
    from pyarrow import parquet

__all__ = ["OpenPart", "OpenTable", "Ragged", "Unread"]

_T = TypeVar("_T")
_SNIFF = 1 << 20
_BLOCK = 1 << 23
_LINES = 1 << 22
_MOST_THREADS = 8

Ragged = Callable[[int, int, int], None]
"""Told of a row with the wrong number of fields, which is then skipped: (record, fields found, fields expected)."""

Unread = Callable[[int, str], bool]
"""Asked whether a row with the wrong number of fields, (record, text), can be skipped because nobody reads it."""


class _Bytes:
    """A file's bytes from the start, after their head was looked at; `digest` is told of all that is read.

    `n_read` counts the bytes given out.
    """

    def __init__(self, raw: IO[bytes], digest: Any) -> None:
        self.head = raw.read(_SNIFF)
        self.n_read = 0
        self._raw, self._digest, self._ahead = raw, digest, self.head
        self.closed = False

    def read(self, n: int) -> bytes:
        block, self._ahead = self._ahead[:n], self._ahead[n:]
        if len(block) < n:
            block += self._raw.read(n - len(block))
        self.n_read += len(block)
        if self._digest is not None:
            self._digest.update(block)
        return block

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing: the part that opened the file closes it."""


class OpenPart:
    """One opening of one file of a table; its rows can be asked for once.

    `columns` are the column names without the spaces around them. `rows_of` still works after the file is closed.

    Raises
    ------
    DataError
        On entering, when the file is empty or cannot be read.
    """

    columns: tuple[str, ...] = ()

    def __init__(self, file: TableFile, digest: Any = None, headerless: Headerless | None = None) -> None:
        self.file = file
        self._digest, self._headerless = digest, headerless
        self._open = ExitStack()
        self._bytes: _Bytes | None = None
        self._layout = Layout((), "utf-8", 0)
        self._parquet: parquet.ParquetFile | None = None
        self._plain_rows = 0
        """The first so many records are known to stand on one line each."""

    @property
    def name(self) -> str:
        """What messages call the file."""
        return self.file.name

    def __enter__(self) -> Self:
        try:
            with reading(self.name):
                self._look()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._bytes = self._parquet = None
        with reading(self.name):
            self._open.close()

    def _look(self) -> None:
        raw = self._open.enter_context(self.file.open())
        if self.file.is_parquet:
            from pyarrow import parquet

            self._parquet = parquet.ParquetFile(raw)
            self.columns = tuple(str(n).strip() for n in self._parquet.schema_arrow.names)
        else:
            self._bytes = _Bytes(raw, self._digest)
            self._layout = layout_of(self.name, self._bytes.head, self._headerless)
            self.columns = self._layout.columns

    @property
    def clear_columns(self) -> tuple[str, ...]:
        """The columns that can be asked for: those with a name of their own."""
        return tuple(n for n in self.columns if n and self.columns.count(n) == 1)

    def require(self, columns: Iterable[str]) -> None:
        """Check that the part has all these columns, each once.

        Raises
        ------
        DataError
            When one is missing, or its name stands twice.
        """
        for column in columns:
            if column not in self.columns:
                what = f"there is no column {column!r}; the columns are {listed(self.columns)}"
                raise DataError(where=self.name, what=what)
            if self.columns.count(column) > 1:
                what = f"column {column!r} stands twice in the header"
                raise DataError(where=self.name, what=what, remedy="rename or remove one")

    def text(
        self, columns: Sequence[str], ragged: Ragged | None = None, unread: Unread | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Batches of the named columns: text from a CSV, the stored types from Parquet.

        Raises
        ------
        DataError
            When the file cannot be read; for a row with too many or too few fields, unless `ragged` is told of it or
            `unread` says that it does not matter.
        """
        if self._parquet is not None:
            yield from self._parquet_batches(columns)
            return
        bad: list[DataError] = []

        def judge(row: pacsv.InvalidRow) -> str:
            record = row.number - 1 - self._layout.header_lines
            if unread is not None and unread(record, row.text):
                return "skip"
            if ragged is not None:
                ragged(record, row.actual_columns, row.expected_columns)
                return "skip"
            what = f"the row has {row.actual_columns} fields and the header {row.expected_columns}"
            place = f"{self.name}:{self.rows_of([record])[0]}"
            bad.append(DataError(where=place, what=what, remedy="check separators and quotes"))
            return "error"

        try:
            yield from self._text_batches(columns, judge)
        except DataError as error:
            raise (bad[0] if bad else error) from None

    def typed(
        self,
        columns: Sequence[str],
        types: Mapping[str, pa.DataType],
        work: Callable[[pa.RecordBatch], _T],
        *,
        trace_rows: bool = False,
    ) -> Iterator[_T]:
        """What `work` makes of each batch of the named columns in the given types, in order.

        A CSV's blocks of lines are parsed and worked on in parallel. With `trace_rows` the records that stand on one
        line each are counted on the way, so that `rows_of` need not read the file again.

        Raises
        ------
        DataError
            When the file cannot be read so.
        """
        if self._parquet is not None:
            yield from map(work, self._parquet_batches(columns))
            return
        names = list(columns)
        convert = pacsv.ConvertOptions(include_columns=names, column_types=dict(types), strings_can_be_null=False)

        def parse(block: bytes, skip: int) -> tuple[int, list[_T]]:
            read = self._read_options(len(block) + 1, skip)
            table = pacsv.read_csv(pa.BufferReader(block), read_options=read, convert_options=convert)
            plain = trace_rows and one_line_each(block, table.num_rows + skip)
            return table.num_rows if plain else -1, [work(batch) for batch in table.combine_chunks().to_batches()]

        # Arrow's own streaming reader splits and parses in one thread; blocks of whole lines keep every core busy.
        all_plain = trace_rows
        in_flight: deque[Future[tuple[int, list[_T]]]] = deque()
        n_threads = min(os.cpu_count() or 1, _MOST_THREADS)
        with reading(self.name), ThreadPoolExecutor(n_threads) as pool:
            for done in _in_order(pool, in_flight, n_threads, parse, self._blocks()):
                rows, results = done.result()
                all_plain = all_plain and rows >= 0
                self._plain_rows += rows if all_plain else 0
                yield from results

    def rows_of(self, records: Sequence[int]) -> list[int]:
        """Row in the file of each record; records count from 0, without empty lines.

        The file is read again when a record may stand behind empty lines or cells of several lines.
        """
        if self.file.is_parquet or not records:
            return [r + 1 for r in records]
        first_row = self._layout.header_lines + 1
        if max(records) < self._plain_rows:
            return [r + first_row for r in records]
        wanted = {r: r + first_row for r in records}
        with self.file.open() as raw:
            text = io.TextIOWrapper(raw, encoding=self._layout.encoding, errors="replace", newline="")
            for record, row in enumerate(record_rows(text, self._layout.header_lines)):
                if record in wanted:
                    wanted[record] = row
                if record >= max(records):
                    break
            text.detach()
        return [wanted[r] for r in records]

    def _read_options(self, block_size: int, skip: int) -> pacsv.ReadOptions:
        return pacsv.ReadOptions(
            use_threads=False,
            block_size=block_size,
            skip_rows=skip,
            column_names=_told_apart(self._layout.columns),
            encoding=self._layout.encoding,
        )

    def _text_batches(
        self, columns: Sequence[str], judge: Callable[[pacsv.InvalidRow], str]
    ) -> Iterator[pa.RecordBatch]:
        parse = pacsv.ParseOptions(invalid_row_handler=judge)
        types = dict.fromkeys(columns, pa.string())
        convert = pacsv.ConvertOptions(include_columns=list(columns), column_types=types, strings_can_be_null=False)
        with reading(self.name):
            read = self._read_options(_BLOCK, self._layout.header_lines)
            try:
                reader = pacsv.open_csv(self._bytes, read_options=read, parse_options=parse, convert_options=convert)
            except pa.ArrowInvalid:  # Arrow refuses a CSV of no rows
                if self._layout.bare and self._bytes is not None and self._bytes.n_read == len(self._bytes.head):
                    return
                raise
            with reader:
                yield from reader

    def _parquet_batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with reading(self.name):
            assert self._parquet is not None
            names = {str(n).strip(): str(n) for n in self._parquet.schema_arrow.names}
            for batch in self._parquet.iter_batches(batch_size=1 << 18, columns=[names[c] for c in columns]):
                yield batch.select([names[c] for c in columns]).rename_columns(list(columns))

    def _blocks(self) -> Iterator[tuple[bytes, int]]:
        """Whole lines, about `_LINES` bytes at a time, and the header lines among them."""
        assert self._bytes is not None
        rest, skip = b"", self._layout.header_lines
        while block := self._bytes.read(_LINES):
            end = block.rfind(b"\n") + 1
            if end:
                yield b"".join((rest, memoryview(block)[:end])), skip
                rest, skip = block[end:], 0
            elif len(rest) < _LINES:
                rest += block
            else:
                what = f"a line is longer than {_LINES} bytes"
                raise DataError(where=self.name, what=what, remedy="check the line ends")
        if rest.strip():
            yield rest, skip


class OpenTable:
    """The files of one table, each opened once: the first on entering, the others when their turn comes.

    Parameters
    ----------
    files
        The parts in order, at least one.
    fingerprinted
        Whether `fingerprint` will be asked for.
    headerless
        Names the columns of a CSV without a header.

    Raises
    ------
    DataError
        On entering, as `OpenPart`.
    """

    def __init__(
        self, files: Sequence[TableFile], *, fingerprinted: bool = False, headerless: Headerless | None = None
    ) -> None:
        self.files = tuple(files)
        can_hash = fingerprinted and not any(file.is_parquet for file in files)
        self._digest = hashlib.sha256() if can_hash else None
        self._headerless = headerless
        self._first = OpenPart(self.files[0], self._digest, headerless)
        self._n_read = 0

    @property
    def name(self) -> str:
        """The first file's name, which stands for the table in messages."""
        return self.files[0].name

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names of the first file."""
        return self._first.columns

    def __enter__(self) -> Self:
        self._first.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._first.__exit__()

    def parts(self) -> Iterator[OpenPart]:
        """Each part in turn; one has been read to its end when the next is asked for."""
        yield self._first
        self._count_part()
        for file in self.files[1:]:
            with OpenPart(file, self._digest, self._headerless) as part:
                yield part
            self._count_part()

    def fingerprint(self) -> str | None:
        """Hash of the bytes read, as `bytes_fingerprint`; None unless every part was read to its end as a stream."""
        if self._digest is None or self._n_read < len(self.files):
            return None
        return str(self._digest.hexdigest())

    def _count_part(self) -> None:
        self._n_read += 1
        if self._digest is not None:
            self._digest.update(b"\0part")


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
