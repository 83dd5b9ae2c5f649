"""The same numbers come out whatever the encoding and the way of writing; what is no table gets a sentence."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.data.dataset import open_data
from forecasting.data.formats import delimited
from forecasting.data.formats.files import table_at
from forecasting.data.formats.options import TableOptions
from forecasting.data.formats.reading import OpenTable
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from tests.forecasting.data.opened import load


def test_odd_but_clear_user_rows_are_understood(tmp_path: Path) -> None:
    header = "user_id,report_date,total_purchase_amt,total_redeem_amt\r\n"
    rows = '1,2014-01-01,"1,234,567",0\r\n\r\n2,20140101, 3.00 ,7\r\n3,2014/1/2,1,2\r\n4,20140103.0,0,0\r\n'
    rows += "5,2014年1月4日,5,6\r\n"
    (tmp_path / "user_balance_table.csv").write_bytes(b"\xef\xbb\xbf" + (header + rows).encode())
    panel = load(DataSpec(), tmp_path, None)
    assert panel.y.tolist() == [[1234570, 1, 0, 5], [7, 2, 0, 6]]
    broken = (header + rows).replace("2014/1/2,1,2", "2014/1/2,1,1.234.5")
    (tmp_path / "user_balance_table.csv").write_text(broken, newline="")
    with pytest.raises(DataError, match=r"user_balance_table\.csv:5: total_redeem_amt on 2014-01-02 is '1\.234\.5'"):
        load(DataSpec(), tmp_path, None)


def test_chinese_captions_in_gb18030_are_known_mapped_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "日报.csv"
    path.write_bytes('日期,申购金额,赎回金额\n2014年1月1日,"1,000",2\n2014年1月2日,3,4\n'.encode("gb18030"))
    spec = DataSpec(kind="table")
    assert load(spec, path, "CN").y.tolist() == [[1000, 3], [2, 4]]
    path.write_bytes("日期,流入,流出\n2014-01-01,1,2\n2014-01-02,3,4\n".encode("gb18030"))
    with pytest.raises(
        DataError, match=r"日报\.csv: there is no column for purchase among 日期, 流入, 流出: name it in"
    ):
        load(spec, path, "CN")
    mapped = DataSpec(kind="table", columns={"purchase": "流入", "redeem": "流出"})
    assert load(mapped, path, "CN").y.tolist() == [[1, 3], [2, 4]]
    path.write_bytes("日期,申购,申购金额,赎回\n2014-01-01,1,1,2\n".encode("gb18030"))
    with pytest.raises(DataError, match="the columns 申购, 申购金额 could each be purchase"):
        load(spec, path, "CN")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"\xff\xfed\x00s\x00", "there is no column for purchase among ds"),
        (b"ds,purchase,redeem\n\xff\xff\xff,1,2\n", r"d\.csv:2: ds is 'ÿÿÿ', not a day"),
        (b"\x1f\x8b\x08\x00broken", "it is compressed: give it the suffix .gz"),
        (b"PK\x03\x04broken", "it is an archive or a workbook: give it its suffix"),
        ("ds,purchase,redeem\n".encode("utf-16-le"), "it holds NUL characters, as UTF-16 without its mark does"),
        (b"ds,purchase,redeem\n\x01\xff,1,2\n", "it is no text: save it as CSV in UTF-8"),
        (
            "ds,purchase,redeem,Größe\n20140101,1,2,Öl\n20140102,1,2,".encode() + b"\xd6l\n",
            r"d\.csv:3: the row is not in",
        ),
        (b"\n\n \n", "it is empty"),
        (b'ds,purchase,redeem\n20140101,"1,2\n', "check"),
        (b"ds:purchase:redeem\n20140101:1:2\n", "no column for ds among ds:purchase:redeem"),
        (b'"ds"",purchase\n', "check|no column"),
    ],
)
def test_what_is_no_table_gets_a_sentence(tmp_path: Path, content: bytes, part: str) -> None:
    (tmp_path / "d.csv").write_bytes(content)
    with pytest.raises(DataError, match=part):
        load(DataSpec(kind="table"), tmp_path / "d.csv", None)


@pytest.mark.parametrize(
    "content",
    [
        "ds,purchase,redeem,note,note\n20140101,1,2,x,y\n",
        "note,ds,note,purchase,redeem\nx,20140101,y,1,2\n",
        "ds,purchase,redeem,,\n20140101,1,2,,\n",
        ",ds,purchase,redeem\n0,20140101,1,2\n",
        "ds,purchase,redeem\n2014/1/1 0:00,1,2\n",
        "ds,purchase,redeem\n2014-01-01T00:00:00Z,1,2\n",
        "ds,purchase,redeem\n2014-01-01 00:00:00+00:00,1,2\n",
    ],
)
@pytest.mark.parametrize("kind", ["table", "yuebao"])
def test_columns_that_nobody_asked_for_and_midnights_do_no_harm(tmp_path: Path, content: str, kind: str) -> None:
    path = tmp_path / "daily_totals.csv"
    path.write_text(content)
    assert load(DataSpec.model_validate({"kind": kind}), path, None).y.tolist() == [[1], [2]]
    header, row, _ = content.split("\n")
    path.write_text(f"user_id,{header}\nu,{row}\n")
    panel = open_data(DataSpec(), path, None, checked=True)
    assert panel.panel.y.tolist() == [[1], [2]]


@pytest.mark.parametrize("day", ["2014-01-01T12:00:00Z", "2014-01-01 0:30", "2014-01-01T00:00:00+08:00"])
def test_other_times_of_day_are_refused_by_row(tmp_path: Path, day: str) -> None:
    (tmp_path / "d.csv").write_text(f"ds,purchase,redeem\n2014-01-01,1,2\n{day},1,2\n")
    with pytest.raises(DataError, match=r"d\.csv:3: ds is '2014-01-01.*, not a day"):
        load(DataSpec(kind="table"), tmp_path / "d.csv", None)


_CELLS = st.sampled_from(["", "a", '5" pipe', 'say "x"', "two\nlines", "a, b", '"', 'x\n"y"\n', "end\r\n"])


@given(
    rows=st.lists(st.tuples(_CELLS, _CELLS), min_size=1, max_size=12), quoting=st.booleans(), block=st.integers(40, 90)
)
def test_records_are_whole_wherever_a_block_ends(rows: list[tuple[str, str]], quoting: bool, block: int) -> None:
    """Cells of several lines, doubled quotes and quotes amid a cell, which are letters."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL if quoting else csv.QUOTE_MINIMAL)
    writer.writerows([("name", "note"), *rows])
    text = written.getvalue().replace('"5"" pipe"', '5" pipe')
    with pytest.MonkeyPatch.context() as patched, tempfile.TemporaryDirectory() as folder:
        patched.setattr(delimited, "_BLOCK", block)
        path = Path(folder) / "d.csv"
        path.write_bytes(text.encode())
        with OpenTable(table_at(path, TableOptions())) as table:
            part = next(iter(table.parts()))
            found = [tuple(row.values()) for batch in part.text(["name", "note"]) for row in batch.to_pylist()]
        with OpenTable(table_at(path, TableOptions())) as table:
            part = next(iter(table.parts()))
            types = dict.fromkeys(["name", "note"], pa.string())
            typed = [
                tuple(row.values()) for rows in part.typed(list(types), types, pa.RecordBatch.to_pylist) for row in rows
            ]
    assert found == typed == [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))][1:]
