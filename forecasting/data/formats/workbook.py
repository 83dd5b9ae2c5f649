"""The rows of one sheet of a workbook (.xlsx, .ods), with types as the cells have them."""

from __future__ import annotations

import datetime as dt
import io
import math
import re
import zipfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import IO, Any
from xml.etree import ElementTree

import pyarrow as pa

from forecasting.data.formats.files import TableFile, reading
from forecasting.data.formats.layout import Headerless
from forecasting.errors import DataError

__all__ = ["Sheet"]

_Cell = tuple[int, int]
"""Row and column of a cell, from 0."""
_ERROR = re.compile(rb"<(?:\w+:)?c\b[^>]*\bt=[\"']e[\"'][^>]*>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)<", re.DOTALL)
_PLACE = re.compile(rb"\br=[\"']([A-Z]+)(\d+)[\"']")
_ODS_ERROR = b'value-type="error"'
_LETTERS = 26
_CELL_BYTES = 50
"""Memory of a cell in the reader of workbooks."""
_CELL = (b"<c ", b"<c>", b"<c/", b":c ")
_SHARED = (b' t="s"', b" t='s'")
"""How a cell shows that its text stands elsewhere."""
_ODS_ROW = re.compile(rb"<table:table-row\b([^>]*)>(.*?)</table:table-row>", re.DOTALL)
_ODS_CELL = re.compile(rb"<table:(?:covered-)?table-cell\b([^>]*)>")
_REPEATED = re.compile(rb"number-(?:rows|columns)-repeated=[\"'](\d+)")
_DIGITS = 9
"""Of a row or a count that are read; no sheet has as many rows."""
MOST_ROWS = 10**_DIGITS


class Sheet:
    """The one sheet of a workbook that is read; all of its rows are held.

    The first row with a cell is the header, unless `headerless` names its columns.

    Raises
    ------
    DataError
        When the workbook cannot be read, or does not tell which sheet is meant.
    """

    separator = None

    def __init__(self, file: TableFile, raw: IO[bytes], headerless: Headerless | None) -> None:
        self._file = file
        content = _read(file, raw)
        self._name, self._rows, (self._row, self._column), self.notes = _open_sheet(file, content)
        for (row, column), text in _errors(content, self._name).items():
            if 0 <= row - self._row < len(self._rows) and 0 <= column - self._column < len(self._rows[0]):
                self._rows[row - self._row][column - self._column] = f"{text} (a formula error)"
        cells = tuple(_text(cell).strip() for cell in self._rows[0])
        given = None if headerless is None else headerless(cells)
        self._header = 1 if given is None else 0
        self.columns = cells if given is None else given

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The named columns in one batch; none where there are no rows."""
        rows = self._rows[self._header :]
        if rows:
            places = {name: self.columns.index(name) for name in columns}
            yield pa.record_batch({name: _column([row[k] for row in rows]) for name, k in places.items()})

    def rows_of(self, records: Sequence[int]) -> list[int]:
        """The sheet's row of each record."""
        return [self._row + self._header + record + 1 for record in records]

    def place(self, record: int, column: str | None) -> str:
        """A cell, as Sheet1!B7; of a column that the sheet lacks, its row alone."""
        (row,) = self.rows_of([record])
        letters = _letters(self._column + self.columns.index(column)) if column in self.columns else ""
        return f"{self._file.name}:{self._name}!{letters}{row}"


def _read(file: TableFile, raw: IO[bytes]) -> bytes:
    """The workbook's bytes, of which it is known that they decompress to no more than may be held."""
    content = raw.read()
    with reading(file.name), zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(info.file_size for info in archive.infolist()) > file.most_bytes:
            raise file.too_large()
        torn = archive.testzip()  # also tells of members that hold more than they say
        if torn is None:
            _check_size(file, archive)
    if torn is not None:
        raise DataError(where=file.name, what=f"its part {torn} is damaged", remedy="check that the file is complete")
    return content


def _check_size(file: TableFile, archive: zipfile.ZipFile) -> None:
    """Refuse what would take too much memory: the reader of workbooks makes room for every cell between the first and
    the last one, and for each cell's own text.
    """
    names = archive.namelist()
    texts = archive.read("xl/sharedStrings.xml") if "xl/sharedStrings.xml" in names else b""
    longest = max(map(len, texts.split(b"<si>")))
    for name in names:
        if name == "content.xml":
            n_cells, n_texts = _ods_extent(archive.read(name)), 0
        elif name.startswith("xl/worksheets/") and name.endswith(".xml"):
            sheet = archive.read(name)
            n_cells, n_texts = max(_extent(sheet), sum(map(sheet.count, _CELL))), sum(map(sheet.count, _SHARED))
        else:
            continue
        if n_cells * _CELL_BYTES + n_texts * longest > file.most_bytes:
            what = f"the {n_cells:,} cells from its first to its last one take more than {file.most_bytes:,} bytes"
            raise DataError(
                where=file.name, what=what, remedy="remove stray cells and long texts, or raise data.max_bytes"
            )


def _extent(sheet: bytes) -> int:
    """Cells between the first and the last of an .xlsx's sheet that say where they are."""
    rows, letters = [MOST_ROWS, 0], set()
    for match in _PLACE.finditer(sheet):
        row = int(match[2][:_DIGITS])
        rows = [min(rows[0], row), max(rows[1], row)]
        letters.add(match[1])
    columns = [_number(name.decode()) for name in letters]
    return (max(columns) - min(columns) + 1) * (rows[1] - rows[0] + 1) if columns else 0


def _ods_extent(content: bytes) -> int:
    """Cells of all sheets of an .ods with a value, as often as they are repeated, and those between them."""
    n_rows, n_cells = 0, 0
    for row in _ODS_ROW.finditer(content):
        if b"value-type=" not in row[2]:
            continue
        times = _repeats(row[1])
        cells = sum(_repeats(cell) for cell in _ODS_CELL.findall(row[2]))
        n_rows += times
        n_cells = max(n_cells, cells)
    return n_rows * n_cells


def _repeats(tag: bytes) -> int:
    found = _REPEATED.search(tag)
    return int(found[1][:_DIGITS]) if found else 1


def _open_sheet(file: TableFile, content: bytes) -> tuple[str, list[list[Any]], _Cell, tuple[str, ...]]:
    """Name, rows and first cell of the sheet that is meant, and what was decided."""
    try:
        import python_calamine
    except ImportError:
        what = "a workbook is read by python-calamine, which is not installed"
        raise DataError(where=file.name, what=what, remedy="pip install 'tidecast[excel]'") from None
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        kind = python_calamine.SheetTypeEnum.WorkSheet
        names = [sheet.name for sheet in book.sheets_metadata if sheet.typ == kind]
        sheets = {name: book.get_sheet_by_name(name) for name in names}
        filled = {name: (sheet, sheet.start) for name, sheet in sheets.items() if sheet.start is not None}
        name = _chosen(file, names, list(filled))
        notes = (f"{file.name}: read from sheet {name}",) if len(names) > 1 else ()
        if name not in filled:
            raise DataError(where=f"{file.name}:{name}", what="the sheet is empty", remedy="name another in data.sheet")
        sheet, start = filled[name]
        return name, [list(row) for row in sheet.to_python()], start, notes
    except (python_calamine.CalamineError, python_calamine.WorksheetNotFound) as error:
        what = f"it cannot be read ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        raise DataError(where=file.name, what=what, remedy="save it again as .xlsx, without a password") from None


def _chosen(file: TableFile, names: Sequence[str], filled: Sequence[str]) -> str:
    wanted = file.options.sheet
    if wanted in names:
        return str(wanted)
    if wanted is not None and not (file.options.beside and len(filled) == 1):
        what = f"there is no sheet {wanted!r}; its sheets are {', '.join(names)}"
        raise DataError(where=file.name, what=what, remedy="correct data.sheet")
    if len(filled) == 1:
        return filled[0]
    if not filled:
        raise DataError(where=file.name, what="it is empty", remedy="give a file with a header and rows")
    what = f"it holds {len(filled)} sheets with cells ({', '.join(filled)})"
    raise DataError(where=file.name, what=what, remedy="name the one meant in data.sheet")


def _column(cells: Sequence[Any]) -> pa.Array:
    """A column of numbers, of days or, where cells differ in type, of text."""
    held = [None if cell == "" else cell for cell in cells]
    kinds = {bool if isinstance(cell, bool) else type(cell) for cell in held if cell is not None}
    if kinds and kinds <= {int, float}:
        if all(cell is None or (math.isfinite(cell) and cell == int(cell) and abs(cell) < 2**63) for cell in held):
            return pa.array([None if cell is None else int(cell) for cell in held], pa.int64())
        return pa.array([None if cell is None else float(cell) for cell in held], pa.float64())
    if kinds and kinds <= {dt.date, dt.datetime}:
        return pa.array([None if cell is None else _stamp(cell) for cell in held], pa.timestamp("us"))
    return pa.array(["" if cell is None else _text(cell) for cell in held], pa.string())


def _stamp(cell: dt.date) -> dt.datetime:
    return cell if isinstance(cell, dt.datetime) else dt.datetime(cell.year, cell.month, cell.day)


def _text(cell: Any) -> str:
    """A cell beside cells of other types: numbers without a decimal mark, so that none is taken for another."""
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    if isinstance(cell, float) and math.isfinite(cell):
        sign, digits, exponent = Decimal(repr(cell)).normalize().as_tuple()
        number = ("-" if sign else "") + "".join(map(str, digits))
        return str(int(cell)) if cell == int(cell) else f"{number}e{exponent}"
    return str(cell)


def _letters(column: int) -> str:
    text, left = "", column + 1
    while left:
        left, letter = divmod(left - 1, _LETTERS)
        text = chr(ord("A") + letter) + text
    return text


# -- formula errors, of which the reader of workbooks makes empty cells


def _errors(content: bytes, sheet: str) -> dict[_Cell, str]:
    """The cells of a sheet that hold an error, such as #DIV/0!."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        try:
            if "content.xml" in archive.namelist():
                return _ods_errors(archive.read("content.xml"), sheet)
            found = {}
            for match in _ERROR.finditer(archive.read(_sheet_path(archive, sheet))):
                place = _PLACE.search(match[0])
                if place is not None:
                    found[int(place[2]) - 1, _number(place[1].decode())] = match[1].decode()
            return found
        except (KeyError, ElementTree.ParseError):
            return {}  # written in an unusual way; such a cell is then a missing amount


def _sheet_path(archive: zipfile.ZipFile, sheet: str) -> str:
    """Where in an .xlsx a sheet stands."""
    book, links = (ElementTree.fromstring(archive.read(f"xl/{n}")) for n in ("workbook.xml", "_rels/workbook.xml.rels"))
    targets = {link.get("Id"): str(link.get("Target")) for link in links}
    for element in book.iter():
        if element.tag.endswith("}sheet") and element.get("name") == sheet:
            link = next(value for key, value in element.attrib.items() if key.endswith("}id"))
            target = targets[link]
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError(sheet)


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * _LETTERS + ord(letter) - ord("A") + 1
    return number - 1


def _ods_errors(content: bytes, sheet: str) -> dict[_Cell, str]:
    if _ODS_ERROR not in content:
        return {}
    table = next(
        element
        for element in ElementTree.fromstring(content).iter()
        if element.tag.endswith("}table") and _get(element, "name") == sheet
    )
    found: dict[_Cell, str] = {}
    row = 0
    for line in (element for element in table.iter() if element.tag.endswith("}table-row")):
        column, n_rows = 0, int(_get(line, "number-rows-repeated") or 1)
        for cell in line:
            n_columns = int(_get(cell, "number-columns-repeated") or 1)
            if any(key.endswith("}value-type") and value == "error" for key, value in cell.attrib.items()):
                cells = ((r, c) for r in range(row, row + n_rows) for c in range(column, column + n_columns))
                found |= dict.fromkeys(cells, "".join(cell.itertext()))
            column += n_columns
        row += n_rows
    return found


def _get(element: ElementTree.Element, name: str) -> str | None:
    return next((value for key, value in element.attrib.items() if key.endswith(f"}}{name}")), None)
