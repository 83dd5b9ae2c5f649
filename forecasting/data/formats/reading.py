"""Reading tables as Arrow batches, and telling on which row of the file a record stands.

`OpenTable` opens each part of a table once: the column names come from the head of the same opening that then gives
the rows. A part gives its rows in one of two ways. `text` gives every column of a CSV as text, in one thread. It is
the reference: all decisions about what a cell means are taken on its output. `typed` lets Arrow convert in parallel.
It is for large tables of plain integers, and whoever uses it goes back to `text` at the first difficulty, with a second
opening. Rows are counted as an editor counts lines: a CSV's header is row 1. Records of a Parquet file are counted
from 1. A workbook's are its cells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self, TypeVar

import pyarrow as pa

from forecasting.data.formats.columns import listed
from forecasting.data.formats.delimited import Delimited, Ragged, Unread
from forecasting.data.formats.files import TableFile, reading
from forecasting.data.formats.layout import Headerless
from forecasting.data.formats.stored_rows import StoredRows
from forecasting.data.formats.workbook import Sheet
from forecasting.errors import DataError

__all__ = ["OpenPart", "OpenTable"]

_T = TypeVar("_T")


class OpenPart:
    """One opening of one file of a table; its rows can be asked for once.

    `columns` are the column names without the spaces around them; `separator` those of a CSV, None of others. `rows_of`
    and `place` still work after the file is closed.

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
        self._body: Delimited | Sheet | None = None
        self._rows: StoredRows | None = None

    @property
    def name(self) -> str:
        """What messages call the file."""
        return self.file.name

    @property
    def separator(self) -> str | None:
        """What separates the columns of a CSV; None for other files."""
        return self._body.separator if isinstance(self._body, Delimited) else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed of how the file is written."""
        return () if self._body is None else self._body.notes

    def __enter__(self) -> Self:
        try:
            with reading(self.name):
                self._look()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._rows = None
        with reading(self.name):
            self._open.close()

    def _look(self) -> None:
        raw = self._open.enter_context(self.file.open())
        if self.file.is_parquet:
            self._rows = StoredRows(self.file, raw)
            self.columns = self._rows.columns
            return
        if self.file.is_workbook:
            self._body = Sheet(self.file, raw, self._headerless)
        else:
            self._body = Delimited(self.file, raw, self._digest, self._headerless)
        self.columns = self._body.columns

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
        """Batches of the named columns: text from a CSV, the stored types from other files.

        Raises
        ------
        DataError
            When the file cannot be read; for a row with too many or too few fields, unless `ragged` is told of it or
            `unread` says that it does not matter.
        """
        if isinstance(self._body, Delimited):
            return self._body.text(columns, ragged, unread)
        return self._stored(columns)

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
        if isinstance(self._body, Delimited):
            return self._body.typed(columns, types, work, trace_rows)
        return map(work, self._stored(columns))

    def rows_of(self, records: Sequence[int]) -> list[int]:
        """Row in the file of each record; records count from 0, without empty lines.

        The file is read again when a record may stand behind empty lines or cells of several lines.
        """
        if records and self._body is not None:
            return self._body.rows_of(records)
        return [r + 1 for r in records]

    def place(self, record: int, column: str | None = None) -> str:
        """``file:row`` of a record; in a workbook the cell of the column."""
        if isinstance(self._body, Sheet):
            return self._body.place(record, column)
        return f"{self.name}:{self.rows_of([record])[0]}"

    def _stored(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with reading(self.name):
            if isinstance(self._body, Sheet):
                yield from self._body.batches(columns)
                return
            assert self._rows is not None
            yield from self._rows.batches(columns)


class OpenTable:
    """The files of one table, each opened once: the first on entering, the others when their turn comes.

    Parameters
    ----------
    files
        The parts in order, at least one.
    fingerprinted
        Whether `fingerprint` will be asked for.
    headerless
        Names the columns of a table without a header.

    Raises
    ------
    DataError
        On entering, as `OpenPart`.
    """

    def __init__(
        self, files: Sequence[TableFile], *, fingerprinted: bool = False, headerless: Headerless | None = None
    ) -> None:
        self.files = tuple(files)
        can_hash = fingerprinted and not any(file.is_parquet or file.is_workbook for file in files)
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

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed of how the first file is written."""
        return self._first.notes

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
