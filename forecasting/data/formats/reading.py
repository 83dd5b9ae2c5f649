"""Reading tables as Arrow batches, and telling on which row of the file a record stands.

CSV is read in one of two ways. `stream_text` gives every column as text, in one thread, and is the reference: all
decisions about what a cell means are taken on its output, and its records can be traced to rows. `stream_typed` lets
Arrow convert in parallel; it is for large tables of plain integers, and whoever uses it falls back to `stream_text`
at the first difficulty. Rows are counted as an editor counts lines: a CSV's header is row 1. Records of a Parquet
file are counted from 1.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, TypeVar

import pyarrow as pa
import pyarrow.csv as pacsv

from forecasting.data.formats.columns import listed
from forecasting.data.formats.files import TableFile, reading
from forecasting.errors import DataError

__all__ = ["Ragged", "columns_of", "require_columns", "rows_of", "stream_text", "stream_typed"]

_T = TypeVar("_T")
_SNIFF = 1 << 20
_BLOCK = 1 << 23
_LINES = 1 << 22
_MOST_THREADS = 8
_NEWLINE = re.compile(r"\r\n|\n|\r")

Ragged = Callable[[int, int, int], None]
"""Told of a row with the wrong number of fields, which is then skipped: (record, fields found, fields expected)."""


@dataclass(frozen=True)
class _Layout:
    """How a CSV is written: its column names, its encoding and the lines up to and including the header."""

    columns: tuple[str, ...]
    encoding: str
    header_lines: int


def columns_of(file: TableFile) -> tuple[str, ...]:
    """Column names, without the spaces around them.

    Raises
    ------
    DataError
        When the file is empty, cannot be read, or names a column twice.
    """
    if file.is_parquet:
        from pyarrow import parquet

        with reading(file.name), file.open() as raw:
            names = tuple(str(n).strip() for n in parquet.ParquetFile(raw).schema_arrow.names)
    else:
        names = _layout(file).columns
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise DataError(f"{file.name}: column {twice[0]!r} stands twice in the header: rename or remove one")
    return names


def require_columns(file: TableFile, columns: Iterable[str]) -> None:
    """Check that a table, or a part of one, has all these columns.

    Raises
    ------
    DataError
        When one is missing, or as `columns_of`.
    """
    available = columns_of(file)
    for column in columns:
        if column not in available:
            raise DataError(f"{file.name}: there is no column {column!r}; the columns are {listed(available)}")


def stream_text(file: TableFile, columns: Sequence[str], ragged: Ragged | None = None) -> Iterator[pa.RecordBatch]:
    """Batches of the named columns: text from a CSV, the stored types from Parquet.

    Raises
    ------
    DataError
        When the file cannot be read; for a row with too many or too few fields, unless `ragged` is told of it.
    """
    if file.is_parquet:
        yield from _stream_parquet(file, columns)
        return
    bad: list[DataError] = []
    header_lines = _layout(file).header_lines

    def judge(row: pacsv.InvalidRow) -> str:
        record = row.number - 1 - header_lines
        if ragged is not None:
            ragged(record, row.actual_columns, row.expected_columns)
            return "skip"
        place = f"{file.name}:{rows_of(file, [record])[0]}"
        bad.append(_ragged_error(place, row.actual_columns, row.expected_columns))
        return "error"

    try:
        yield from _stream_csv(file, columns, judge)
    except DataError as error:
        raise (bad[0] if bad else error) from None


def stream_typed(
    file: TableFile, columns: Sequence[str], types: Mapping[str, pa.DataType], work: Callable[[pa.RecordBatch], _T]
) -> Iterator[_T]:
    """What `work` makes of each batch of the named columns in the given types, in order.

    A CSV's blocks of lines are parsed and worked on in parallel.

    Raises
    ------
    DataError
        When the file cannot be read so.
    """
    if file.is_parquet:
        yield from map(work, _stream_parquet(file, columns))
        return
    layout = _layout(file)
    convert = pacsv.ConvertOptions(include_columns=list(columns), column_types=dict(types), strings_can_be_null=False)

    def parse(block: bytes, skip: int) -> list[_T]:
        read = pacsv.ReadOptions(
            use_threads=False,
            block_size=len(block) + 1,
            skip_rows=skip,
            column_names=list(layout.columns),
            encoding=layout.encoding,
        )
        table = pacsv.read_csv(pa.BufferReader(block), read_options=read, convert_options=convert)
        return [work(batch) for batch in table.combine_chunks().to_batches()]

    # Arrow's own streaming reader splits and parses in one thread; blocks of whole lines keep every core busy.
    in_flight: deque[Future[list[_T]]] = deque()
    n_threads = min(os.cpu_count() or 1, _MOST_THREADS)
    with reading(file.name), ThreadPoolExecutor(n_threads) as pool, file.open() as raw:
        for number, block in enumerate(_blocks_of_lines(file, raw)):
            in_flight.append(pool.submit(parse, block, 0 if number else layout.header_lines))
            if len(in_flight) > n_threads:
                yield from in_flight.popleft().result()
        while in_flight:
            yield from in_flight.popleft().result()


def _blocks_of_lines(file: TableFile, raw: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while block := raw.read(_LINES):
        end = block.rfind(b"\n") + 1
        if end:
            yield b"".join((rest, memoryview(block)[:end]))
            rest = block[end:]
        elif len(rest) < _LINES:
            rest += block
        else:
            raise DataError(f"{file.name}: a line is longer than {_LINES} bytes: check the line ends")
    if rest.strip():
        yield rest


def rows_of(file: TableFile, records: Sequence[int]) -> list[int]:
    """Row in the file of each record; records count from 0, without empty lines."""
    if file.is_parquet or not records:
        return [r + 1 for r in records]
    layout = _layout(file)
    wanted = {r: r + layout.header_lines + 1 for r in records}
    last, record = max(records), -1
    with file.open() as raw:
        text = io.TextIOWrapper(raw, encoding=layout.encoding, errors="replace", newline="")
        reader = csv.reader(text)
        try:
            start = 0
            for fields in reader:
                begins, start = start + 1, reader.line_num
                if begins <= layout.header_lines or not fields:
                    continue
                record += 1
                if record in wanted:
                    wanted[record] = begins
                if record >= last:
                    break
        except csv.Error:
            pass  # the arithmetic row stands
        text.detach()
    return [wanted[r] for r in records]


def _stream_csv(
    file: TableFile, columns: Sequence[str], judge: Callable[[pacsv.InvalidRow], str]
) -> Iterator[pa.RecordBatch]:
    layout = _layout(file)
    read = pacsv.ReadOptions(
        use_threads=False,
        block_size=_BLOCK,
        skip_rows=layout.header_lines,
        column_names=list(layout.columns),
        encoding=layout.encoding,
    )
    parse = pacsv.ParseOptions(invalid_row_handler=judge)
    types = dict.fromkeys(columns, pa.string())
    convert = pacsv.ConvertOptions(include_columns=list(columns), column_types=types, strings_can_be_null=False)
    with reading(file.name), file.open() as raw:
        try:
            reader = pacsv.open_csv(raw, read_options=read, parse_options=parse, convert_options=convert)
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return
            raise
        with reader:
            yield from reader


def _stream_parquet(file: TableFile, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    from pyarrow import parquet

    with reading(file.name), file.open() as raw:
        table = parquet.ParquetFile(raw)
        names = {str(n).strip(): str(n) for n in table.schema_arrow.names}
        for batch in table.iter_batches(batch_size=1 << 18, columns=[names[c] for c in columns]):
            yield batch.select([names[c] for c in columns]).rename_columns(list(columns))


def _layout(file: TableFile) -> _Layout:
    with reading(file.name), file.open() as raw:
        head = raw.read(_SNIFF)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{file.name}: it is written in UTF-16: save it as UTF-8")
    encoding = _encoding(file, head)
    text = codecs.getincrementaldecoder(encoding)().decode(head).removeprefix("\ufeff")
    for number, line in enumerate(_lines(text), start=1):
        if line.strip():
            try:
                names = next(csv.reader([line]))
            except csv.Error:
                raise DataError(f"{file.name}:{number}: the header cannot be read: check the quotes") from None
            return _Layout(tuple(n.strip() for n in names), encoding, number)
    raise DataError(f"{file.name}: it is empty: give a file with a header and rows")


def _lines(text: str) -> Iterator[str]:
    start = 0
    for newline in _NEWLINE.finditer(text):
        yield text[start : newline.start()]
        start = newline.end()
    yield text[start:]


def _encoding(file: TableFile, head: bytes) -> str:
    for name in ("utf-8", "gb18030"):
        try:
            codecs.getincrementaldecoder(name)().decode(head)
        except UnicodeDecodeError:
            continue
        return name
    raise DataError(f"{file.name}: it is neither UTF-8 nor GB18030 text: save it as UTF-8")


def _ragged_error(place: str, actual: int, expected: int) -> DataError:
    return DataError(f"{place}: the row has {actual} fields and the header {expected}: check separators and quotes")
