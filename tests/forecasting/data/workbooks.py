"""Small workbooks written by hand: no writer is needed, and a cell can be what a writer would not write."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

__all__ = ["Error", "ods", "xlsx"]

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
_EPOCH = dt.datetime(1899, 12, 30)


@dataclass(frozen=True)
class Error:
    """A formula's error."""

    text: str = "#DIV/0!"


Rows = Sequence[Sequence[object]]


def xlsx(sheets: Mapping[str, Rows], at: tuple[int, int] = (0, 0)) -> bytes:
    """The sheets' rows, their first cell `at` row and column."""
    names = [f"sheet{k + 1}" for k in range(len(sheets))]
    rels = "".join(
        f'<Relationship Id="r{k}" Type="{_REL}/worksheet" Target="worksheets/{n}.xml"/>' for k, n in enumerate(names)
    )
    rels += f'<Relationship Id="s" Type="{_REL}/styles" Target="styles.xml"/>'
    listed = "".join(f'<sheet name={quoteattr(n)} sheetId="{k + 1}" r:id="r{k}"/>' for k, n in enumerate(sheets))
    book = f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><sheets>{listed}</sheets></workbook>'
    types = '<Default Extension="xml" ContentType="application/xml"/>'
    start = f'<Relationship Id="r" Type="{_REL}/officeDocument" Target="xl/workbook.xml"/>'
    formats = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>'
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{start}</Relationships>',
        "xl/workbook.xml": book,
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{rels}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}">{formats}</styleSheet>',
    }
    files |= {f"xl/worksheets/{n}.xml": _sheet(rows, at) for n, rows in zip(names, sheets.values(), strict=True)}
    return _packed(files)


def _packed(files: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text, zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _sheet(rows: Rows, at: tuple[int, int]) -> str:
    lines = []
    for r, row in enumerate(rows, start=at[0] + 1):
        cells = "".join(_cell(f"{chr(ord('A') + c)}{r}", cell) for c, cell in enumerate(row, start=at[1]))
        lines.append(f'<row r="{r}">{cells}</row>')
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _cell(place: str, cell: object) -> str:
    match cell:
        case None:
            return ""
        case Error():
            return f'<c r="{place}" t="e"><f>1/0</f><v>{cell.text}</v></c>'
        case bool():
            return f'<c r="{place}" t="b"><v>{int(cell)}</v></c>'
        case dt.date():
            moment = cell if isinstance(cell, dt.datetime) else dt.datetime.combine(cell, dt.time())
            return f'<c r="{place}" s="1"><v>{(moment - _EPOCH) / dt.timedelta(days=1)!r}</v></c>'
        case int() | float():
            return f'<c r="{place}"><v>{cell!r}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(str(cell))}</t></is></c>'


def ods(sheets: Mapping[str, Rows]) -> bytes:
    """The sheets' rows."""
    spaces = " ".join(f'xmlns:{name}="{_OASIS}:{name}:1.0"' for name in ("office", "table", "text"))
    tables = "".join(
        f"<table:table table:name={quoteattr(name)}>"
        + "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
        + "</table:table>"
        for name, rows in sheets.items()
    )
    body = f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
    calc = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    manifest = f'<manifest:manifest xmlns:manifest="{_OASIS}:manifest:1.0"/>'
    return _packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": manifest,
            "content.xml": f"<office:document-content {spaces} {calc}>{body}</office:document-content>",
        }
    )


def _ods_cell(cell: object) -> str:
    def written(kind: str, text: object) -> str:
        return f"<table:table-cell {kind}><text:p>{escape(str(text))}</text:p></table:table-cell>"

    match cell:
        case None:
            return "<table:table-cell/>"
        case Error():
            kind = 'office:value-type="string" office:string-value="" calcext:value-type="error"'
            return written(kind, cell.text)
        case dt.date():
            return written(f'office:value-type="date" office:date-value="{cell.isoformat()}"', cell)
        case int() | float():
            return written(f'office:value-type="float" office:value="{cell!r}"', cell)
    return written('office:value-type="string"', cell)
