"""What a bank, a spreadsheet or a script wrote: read exactly, or refused in one sentence that names the cause.

The product of separators, decimals, dates and encodings is read to one panel; then junk, one kind at a time.
"""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecasting.data.dataset import open_data
from forecasting.data.loaded import Loaded
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from tests.forecasting.data.workbooks import Error, ods, xlsx

DAYS = [dt.date(2024, 1, 10) + dt.timedelta(days=k) for k in range(6)]
IN = [1234.5, 0.0, 1234567.25, 12.0, 999.99, 1000.0]
OUT = [-5.5, 7.0, -1234.0, 0.5, 2000000.0, 3.0]
SPEC = DataSpec(kind="table", targets={"inflow": 0.5, "outflow": 0.5}, columns={"ds": "Größe/Tag"}, unit="EUR")


def read(path: Path, **settings: object) -> Loaded:
    return open_data(SPEC.model_copy(update=settings), path, None, signed=True).loaded


def same(loaded: Loaded) -> bool:
    days = [str(day) for day in loaded.panel.ds] == [str(day) for day in DAYS]
    return days and loaded.panel.y.tolist() == [IN, OUT]


def amount(value: float, style: str) -> str:
    """An amount as a style writes it: decimal mark, mark between thousands, and where the minus stands."""
    mark, between, minus = style[0], style[1].replace("0", ""), style[2]
    text = f"{abs(value):,.2f}".replace(",", "\0").replace(".", mark).replace("\0", between)
    return {"-": f"-{text}", "(": f"({text})", ">": f"{text}-", "−": f"\u2212{text}", "€": f"-€ {text}"}[minus] \
        if value < 0 else (f"€ {text}" if minus == "€" else text)  # fmt: skip


SEPARATORS = (",", ";", "\t", "|")
STYLES = (".0-", ".,(", ".'>", ",0-", ",.(", ", −", ",\u202f>", ",’€", ".,€")
DATES = (
    "%Y-%m-%d",
    "%Y%m%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%Y/%m/%d 0:00",
    "%Y-%m-%dT00:00:00Z",
    "%Y年%m月%d日",
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252")
PRODUCT = [
    (separator, style, date, ENCODINGS[(k + j) % len(ENCODINGS)])
    for k, (separator, style) in enumerate(itertools.product(SEPARATORS, STYLES))
    for j, date in enumerate(DATES)
    if (k + j) % 3 == 0
]


def lines(separator: str, style: str, date: str) -> list[str]:
    def cell(text: str) -> str:
        return f'"{text}"' if separator in text else text

    rows = [["Größe/Tag", "inflow", "outflow"]]
    for day, plus, minus in zip(DAYS, IN, OUT, strict=True):
        rows.append([day.strftime(date), amount(plus, style), amount(minus, style)])
    return [separator.join(map(cell, row)) for row in rows]


@pytest.mark.parametrize(("separator", "style", "date", "encoding"), PRODUCT)
def test_the_product_of_separators_amounts_days_and_encodings(
    tmp_path: Path, separator: str, style: str, date: str, encoding: str
) -> None:
    text = "\r\n".join(lines(separator, style, date)) + "\r\n"
    if encoding == "cp1252" and {"年", "\u202f", "\u2212"} & set(text):
        encoding = "utf-8"
    (tmp_path / "d.csv").write_bytes(text.encode(encoding))
    loaded = read(tmp_path / "d.csv")
    assert same(loaded)
    said = " ".join(loaded.notes)
    assert ("columns are separated by" in said) == (separator != ",")
    assert ("decimal commas" in said) == (style[0] == ",")
    assert ("is written as" in said) == (date[:2] in ("%d", "%m"))
    assert ("read as cp1252 text, guessed" in said) == (encoding == "cp1252")


GERMAN = lines(";", ",.-", "%d.%m.%Y")
PLAIN = lines(",", ".0-", "%Y-%m-%d")


@pytest.mark.parametrize(
    "rows",
    [
        ["sep=;", *GERMAN],
        [GERMAN[0] + ";;", *(row + ";;" for row in GERMAN[1:])],
        [GERMAN[0], *(row + ";;" for row in GERMAN[1:])],
        [GERMAN[0] + ";;", *GERMAN[1:]],
        [*GERMAN, ";;", ";;;;", ";"],
        [GERMAN[0], ";;", *GERMAN[1:], "", ""],
        [PLAIN[0] + ",note,note,", *(row + ",a;b,1.2,x" for row in PLAIN[1:])],
        [PLAIN[0].replace("inflow", " inflow "), *PLAIN[1:]],
        [GERMAN[0] + ";a, b", *(row + ";1,5" for row in GERMAN[1:])],
        [*PLAIN[:1], *reversed(PLAIN[1:])],
    ],
)
def test_junk_that_does_no_harm(tmp_path: Path, rows: list[str]) -> None:
    (tmp_path / "d.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert same(read(tmp_path / "d.csv"))


def table(*rows: str, header: str = "Größe/Tag;inflow;outflow") -> str:
    return "\n".join([header, *rows, ""])


REFUSED = [
    ([*GERMAN, "Summe;1.237.713,74;1.998.771,00"], "d.csv:8: Größe/Tag is 'Summe', and the row looks like a total"),
    ([*GERMAN, ";1.237.813,74;1.998.771,00"], "d.csv:8: Größe/Tag is empty, and the row looks like a total"),
    ([*PLAIN, "Grand total: 12"], "d.csv:8: the row has 1 fields and the header 3; it looks like a total"),
    ([*PLAIN, "checked by us"], "d.csv:8: the row has 1 fields and the header 3: remove it"),
    ([*PLAIN, "2024-01-16,1,2,3"], "d.csv:8: the row has 4 fields and the header 3: check"),
    ([*PLAIN, "2024-01-16,1 \u20ac,2", "2024-01-17,$5,2"], "d.csv:9: inflow is '\\$5', and '1 €' before"),
    ([*PLAIN, "2024-01-16,12%,2"], "d.csv:8: inflow on 2024-01-16 is '12%', not a number"),
    ([*PLAIN, "2024-01-16 14:30,1,2"], "d.csv:8: Größe/Tag is '2024-01-16 14:30', not a day"),
    ([*PLAIN, "2024-01-16T00:00:00+01:00,1,2"], "d.csv:8: Größe/Tag is '2024-01-16.+', not a day of the same zone as"),
    (["Größe/Tag,inflow,outflow", "2024-01-15T00:00:00+01:00,1,2", "2024-01-16T00:00:00+08:00,1,2"],
     "d.csv:3: Größe/Tag is '2024-01-16.+', not a day of the same zone as"),
    ([*PLAIN, "2024-01-16,1,2,3,2"], "d.csv:8: the row has 5 fields and the header 3: check"),
    ([*PLAIN, '2024-01-16,"1,2,345",2'], "d.csv:8: inflow on 2024-01-16 is '1,2,345', not a number"),
    ([*PLAIN, "16/01/2024,1,2"], "d.csv:8: Größe/Tag is '16/01/2024', not .+ data.date_format"),
    ([*PLAIN, '2024-01-16,"1,5",2'], "d.csv:8: inflow is '1,5', with a decimal comma, and inflow"),
    ([table("2024-01-01;1.234;5", "2024-01-02;2.345;5")], "d.csv:2: inflow is '1.234', .+ set data.decimal"),
    ([table("2024-01-01;1,234;5", "2024-01-02;2,345;5")], "d.csv:2: inflow is '1,234', .+ set data.decimal"),
    ([table("01.02.2024;1;5", "02.02.2024;2;5")], "d.csv:2: .+ may be 2024-01-02 or 2024-02-01, .+ data.date_format"),
    ([table("31.12.24;1;5")], "d.csv:2: Größe/Tag is '31.12.24', not .+ data.date_format"),
    ([table("2024-01-01;1;5", header="Größe/Tag;inflow;inflow;outflow")], "column 'inflow' stands twice in the header"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "sentence"), REFUSED)
def test_what_could_be_read_in_two_ways_or_is_no_row_is_refused(tmp_path: Path, rows: list[str], sentence: str) -> None:
    (tmp_path / "d.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=sentence) as caught:
        read(tmp_path / "d.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "settings", "days", "amounts"),
    [
        (table("2024-01-01;1.234;5", "2024-01-02;2;5"), {"decimal": "comma"}, "2024-01-01", [1234.0, 2.0]),
        (table("2024-01-01;1.234;5", "2024-01-02;2;5"), {"decimal": "point"}, "2024-01-01", [1.234, 2.0]),
        (table("2024-01-01;1.234;5,5", "2024-01-02;2;5"), {}, "2024-01-01", [1234.0, 2.0]),
        (table("2024-01-01;1,234;5.5", "2024-01-02;2;5"), {}, "2024-01-01", [1234.0, 2.0]),
        (table("2024-01-01;0.123;5", "2024-01-02;1.500;5"), {}, "2024-01-01", [0.123, 1.5]),
        (table("01.02.2024;1;5", "02.02.2024;2;5"), {"date_format": "dmy"}, "2024-02-01", [1.0, 2.0]),
        (table("01/02/24;1;5", "01/03/24;2;5"), {"date_format": "mdy"}, "2024-01-02", [1.0, 2.0]),
        (table("24-02-01;1;5", "24-02-02;2;5"), {"date_format": "ymd"}, "2024-02-01", [1.0, 2.0]),
        (table("1-Feb-2024;1;5", "2-Feb-2024;2;5"), {"date_format": "%d-%b-%Y"}, "2024-02-01", [1.0, 2.0]),
        (table("2024-01-01;1,23,456;5", "2024-01-02;(12,34,567.25);5"), {}, "2024-01-01", [123456.0, -1234567.25]),
        (table("2024-01-01;₹ 1,00,00,000.50;5", "2024-01-02;2;5"), {}, "2024-01-01", [10000000.5, 2.0]),
        (table("2024-03-31T00:00+01:00;1;5", "2024-04-01T00:00+02:00;2;5"), {}, "2024-03-31", [1.0, 2.0]),
        (table("2024-03-31T00:00:00Z;1;5", "2024-04-01T00:00:00+01:00;2;5"), {}, "2024-03-31", [1.0, 2.0]),
        (table("2024-01-01T00:00+08:00;1;5", "2024-01-02T00:00+08:00;2;5"), {}, "2024-01-01", [1.0, 2.0]),
        (table("1/1/2024 12:00 AM;1;5", "1/2/2024 12:00 AM;2;5"), {"date_format": "mdy"}, "2024-01-01", [1.0, 2.0]),
    ],
)  # fmt: skip
def test_what_another_column_or_the_configuration_decides(
    tmp_path: Path, text: str, settings: dict[str, str], days: str, amounts: list[float]
) -> None:
    (tmp_path / "d.csv").write_text(text, encoding="utf-8")
    panel = read(tmp_path / "d.csv", **settings).panel
    assert (str(panel.ds[0]), panel.y[0].tolist()) == (days, amounts)


def test_gb18030_and_latin_1_are_told_apart_over_the_whole_file(tmp_path: Path) -> None:
    spec = DataSpec(kind="table", columns={"purchase": "流入", "redeem": "流出"})
    (tmp_path / "d.csv").write_bytes("日期;流入;流出\n2024-01-01;1,5;2\n".encode("gb18030"))
    loaded = open_data(spec, tmp_path / "d.csv", None).loaded
    assert "d.csv: read as gb18030 text, guessed from its bytes" in loaded.notes
    assert loaded.panel.y[:, 0].tolist() == [1.5, 2.0]
    rows = "".join(f"{np.datetime64('1950-01-01') + k},{k}.5,2,plain text that is long\n" for k in range(26_000))
    late = f"ds,purchase,redeem,note\n{rows}".encode() + b"2021-03-09,7.5,2,na\xefve\n"
    (tmp_path / "d.csv").write_bytes(late)
    assert len(late) > 1 << 20
    long = DataSpec(kind="table", past=())
    assert open_data(long, tmp_path / "d.csv", None).panel.y[0, -1] == 7.5
    asked = DataSpec(kind="panel", entity="note", freq="D")
    (tmp_path / "d.csv").write_bytes(
        late.replace(b"plain text that is long", b"x" * 20) + b"2021-03-10,8.5,2,na\xefve\n"
    )
    assert {s.entity for s in open_data(asked, tmp_path / "d.csv", None).panel.series} >= {"naïve"}


# -- workbooks and other twins

CELLS = [["Größe/Tag", "inflow", "outflow"], *map(list, zip(DAYS, IN, OUT, strict=True))]


def test_the_twins_of_a_german_csv_give_the_same_panel(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes("\r\n".join(GERMAN).encode("cp1252"))
    (tmp_path / "d.xlsx").write_bytes(xlsx({"Tabelle1": CELLS, "Tabelle2": []}, at=(3, 2)))
    (tmp_path / "d.ods").write_bytes(ods({"Tabelle1": CELLS}))
    texts = [[cell if isinstance(cell, str) else str(cell).replace(".", ",") for cell in row] for row in CELLS]
    (tmp_path / "text.xlsx").write_bytes(xlsx({"a": texts}))
    names, *rows = CELLS
    pq.write_table(pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))), tmp_path / "d.parquet")
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.write(tmp_path / "d.xlsx", "in/d.xlsx")
    (tmp_path / "parts").mkdir()
    for k, part in enumerate((CELLS[:3], [CELLS[0], *CELLS[3:]])):
        (tmp_path / f"parts/{k}.xlsx").write_bytes(xlsx({"a": part}))
    (tmp_path / "parts/~$0.xlsx").write_bytes(b"open elsewhere")
    want = read(tmp_path / "d.csv").panel.fingerprint()
    for name in ("d.xlsx", "d.ods", "text.xlsx", "d.parquet", "d.zip", "parts"):
        loaded = read(tmp_path / name)
        assert same(loaded), name
        assert loaded.panel.fingerprint() == want, name
    assert "d.xlsx: read from sheet Tabelle1" in read(tmp_path / "d.xlsx").notes


@pytest.mark.parametrize("write", [xlsx, ods])
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({(3, 1): Error("#DIV/0!")}, "Sheet 1!B4: inflow on 2024-01-12 is '#DIV/0! .a formula error.', not a number"),
        ({(3, 1): Error("#N/A")}, "Sheet 1!B4: inflow on 2024-01-12 is '#N/A .a formula error.', not a number"),
        ({(2, 0): Error("#REF!")}, "Sheet 1!A3: Größe/Tag is '#REF! .a formula error.', not a day"),
        ({(2, 0): dt.datetime(2024, 1, 11, 14, 30)}, "Sheet 1!A3: Größe/Tag is 2024-01-11 14:30:00, not a day"),
        ({(4, 2): "n.a."}, "Sheet 1!C5: outflow on 2024-01-13 is 'n.a.', not a number"),
        ({(4, 2): None}, "Sheet 1!C5: outflow on 2024-01-13 is empty, a missing amount"),
        ({(6, 0): "Gesamt"}, "Sheet 1!A7: Größe/Tag is 'Gesamt', and the row looks like a total"),
        ({(6, 0): None, (6, 1): sum(IN[:5]), (6, 2): sum(OUT[:5])}, "Sheet 1!A7: .+ looks like a total"),
    ],
)
def test_a_fault_of_a_workbook_is_named_by_its_cell(tmp_path: Path, write, changes, sentence: str) -> None:
    cells = [list(row) for row in CELLS]
    for (row, column), value in changes.items():
        cells[row][column] = value
    (tmp_path / "d.xlsx").write_bytes(xlsx({"Sheet 1": cells}) if write is xlsx else b"")
    path = tmp_path / f"d.{write.__name__}"
    path.write_bytes(write({"Sheet 1": cells}))
    with pytest.raises(DataError, match=rf"^{path.name}:{sentence}"):
        read(path)


def test_which_sheet_is_meant_is_said_or_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "d.xlsx"
    path.write_bytes(xlsx({"a": CELLS, "b": [["x"]], "c": []}))
    with pytest.raises(DataError, match=r"it holds 2 sheets with cells \(a, b\): name the one meant in data.sheet"):
        read(path)
    assert same(read(path, sheet="a"))
    with pytest.raises(DataError, match=r"there is no sheet 'z'; its sheets are a, b, c: correct data.sheet"):
        read(path, sheet="z")
    with pytest.raises(DataError, match=r"d\.xlsx:c: the sheet is empty: name another in data\.sheet"):
        read(path, sheet="c")
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(DataError, match=r"python-calamine, which is not installed: pip install 'tidecast\[excel\]'"):
        read(path, sheet="a")


def test_numbers_and_texts_in_one_column_are_both_exact(tmp_path: Path) -> None:
    cells = [list(row) for row in CELLS]
    cells[2][1], cells[3][2] = "0,00", "-1.234,00"
    (tmp_path / "d.xlsx").write_bytes(xlsx({"a": cells}))
    assert same(read(tmp_path / "d.xlsx"))


@pytest.mark.parametrize("name", ["d.xlsx", "d.ods", "d.xls"])
def test_broken_workbooks_get_a_sentence(tmp_path: Path, name: str) -> None:
    whole = xlsx({"a": CELLS})
    contents = (
        b"",
        b"no workbook" * 9,
        whole[: len(whole) // 2],
        b"PK\x05\x06" + bytes(18),
        whole[:60] + b"\xff" + whole[61:],
    )
    for content in (*contents, b"\xd0\xcf\x11\xe0" + bytes(90)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}") as caught:
            read(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_what_is_compressed_has_a_limit(tmp_path: Path) -> None:
    text = "\n".join(PLAIN).encode()
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(text))
    with zipfile.ZipFile(tmp_path / "d.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("d.csv", text)
    (tmp_path / "d.xlsx").write_bytes(xlsx({"a": CELLS}))
    for name in ("d.csv.gz", "d.zip", "d.xlsx"):
        assert same(read(tmp_path / name))
        with pytest.raises(DataError, match=r"holds more than 100 bytes once decompressed: .+ raise data\.max_bytes"):
            read(tmp_path / name, max_bytes=100)
    bomb = gzip.compress(PLAIN[0].encode() + b"\n" + b"2024-01-01,1,2\n" * 2_000_000)
    (tmp_path / "d.csv.gz").write_bytes(bomb)
    with pytest.raises(DataError, match=r"more than 20,000,000 bytes once decompressed"):
        read(tmp_path / "d.csv.gz", max_bytes=20_000_000)


def test_a_user_table_may_be_german_too(tmp_path: Path) -> None:
    rows = "".join(f"{u};{d:02}.01.2014;{u}.{d:03},25;0\n" for d in range(1, 21) for u in (1, 2))
    (tmp_path / "user_balance_table.csv").write_text("user_id;report_date;total_purchase_amt;total_redeem_amt\n" + rows)
    data = open_data(DataSpec(unit="CNY"), tmp_path, None, checked=True)
    assert data.panel.y[0].tolist() == [3000 + 2 * d + 0.5 for d in range(1, 21)]
    said = "user_balance_table.csv: "
    assert data.loaded.notes[0] == said + "columns are separated by ;"
    assert data.loaded.notes[1].startswith(said + "report_date is written as day, month, year")
    assert data.loaded.notes[2].startswith(said + "amounts have decimal commas")
    assert not [f for f in data.findings if f.severity == "error"]
