"""Files of a few kilobytes that stand for gigabytes are refused in a sentence, in little memory and time."""

from __future__ import annotations

import gzip
import io
import resource
import subprocess
import sys
import textwrap
import threading
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecasting.data.formats.encoding import TextBytes
from forecasting.data.formats.files import table_at
from forecasting.data.formats.options import FEW_BYTES, MOST_BYTES, TableOptions
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.whole import read_table
from forecasting.errors import DataError
from tests.forecasting.data.workbooks import xlsx

RAISE = r"or raise data\.max_bytes$"


def read(path: Path, max_bytes: int | None = None) -> int:
    with OpenTable(table_at(path, TableOptions(max_bytes=max_bytes))) as table:
        return read_table(table, ["name"], ["y"]).n_rows


def test_the_limit_grows_with_the_file() -> None:
    options = TableOptions()
    assert [options.most_bytes(size) for size in (0, 1000, 10**7, 10**9, None)] == [
        FEW_BYTES, FEW_BYTES, 5 * 10**8, MOST_BYTES, MOST_BYTES
    ]  # fmt: skip
    assert TableOptions(max_bytes=5).most_bytes(10**9) == 5


def test_a_gz_of_very_many_equal_rows(tmp_path: Path) -> None:
    rows = gzip.compress(b"a,1\n" * 250_000)
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(b"name,y\n") + rows * 300)  # members of one file, 300 MB
    with pytest.raises(DataError, match=rf"^d\.csv\.gz: it holds more than 250,000,000 bytes .*{RAISE}"):
        read(tmp_path / "d.csv.gz")


def test_a_zip_that_lies_about_its_size(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("d.csv", b"name,y\n" + b"a,1\n" * 100_000)
    content = bytearray(packed.getvalue())
    at = content.rfind(b"PK\x01\x02") + 24
    content[at : at + 4] = (70).to_bytes(4, "little")
    (tmp_path / "d.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"d\.zip/d\.csv: it cannot be read \(Bad CRC-32"):
        read(tmp_path / "d.zip")


def test_a_parquet_file_of_very_many_equal_rows(tmp_path: Path) -> None:
    table = pa.table({"name": pa.array(["a"] * 1000), "y": np.zeros(1000)})
    pq.write_table(table, tmp_path / "d.parquet")
    assert read(tmp_path / "d.parquet") == 1000
    with pytest.raises(DataError, match=rf"^d\.parquet: its 1,000 rows take more than 10,000 bytes: .*{RAISE}"):
        read(tmp_path / "d.parquet", 10_000)


@pytest.mark.parametrize("text", [pa.string(), pa.large_string(), pa.binary()])
def test_a_parquet_file_that_repeats_a_long_text(tmp_path: Path, text: pa.DataType) -> None:
    long = pa.array(["x" * 1_000_000]).cast(text)
    names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, dtype=np.int32)), long)
    pq.write_table(pa.table({"name": names, "y": np.zeros(100_000)}), tmp_path / "d.parquet", store_schema=False)
    assert (tmp_path / "d.parquet").stat().st_size < 2_000_000
    with pytest.raises(DataError, match=rf"^d\.parquet: it holds more than 250,000,000 bytes .*{RAISE}"):
        read(tmp_path / "d.parquet")


def with_sheet(sheet: str, texts: str = "") -> bytes:
    """A workbook with another sheet in place of its own."""
    packed, found = io.BytesIO(), zipfile.ZipFile(io.BytesIO(xlsx({"a": [["name", "y"]]})))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in found.namelist():
            whole = f"<worksheet><sheetData>{sheet}</sheetData></worksheet>".encode()
            archive.writestr(name, whole if name.endswith("sheet1.xml") else found.read(name))
        if texts:
            archive.writestr("xl/sharedStrings.xml", f"<sst>{texts}</sst>")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("sheet", "texts", "cells"),
    [
        ('<row><c r="A1"><v>1</v></c></row><row><c r="XFD1048576"><v>1</v></c></row>', "", "17,179,869,184"),
        ("<row><c><v>1</v></c></row>" * 110_000, "", "110,000"),
        ('<row><c t="s"><v>0</v></c></row>' * 20_000, f"<si><t>{'y' * 1_000_000}</t></si>", "20,000"),
    ],
    ids=["far apart", "many", "one long text"],
)
def test_a_workbook_that_would_fill_the_memory(tmp_path: Path, sheet: str, texts: str, cells: str) -> None:
    (tmp_path / "d.xlsx").write_bytes(with_sheet(sheet, texts))
    with pytest.raises(DataError, match=rf"^d\.xlsx: the {cells} cells from its first to its last .*{RAISE}"):
        read(tmp_path / "d.xlsx", 5_000_000)


def test_an_ods_of_repeated_rows(tmp_path: Path) -> None:
    cell = '<table:table-cell table:number-columns-repeated="16384" office:value-type="float" office:value="1"/>'
    row = f'<table:table-row table:number-rows-repeated="1048576">{cell}</table:table-row>'
    with zipfile.ZipFile(tmp_path / "d.ods", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("content.xml", f"<x><table:table>{row}</table:table></x>")
    with pytest.raises(DataError, match=rf"^d\.ods: the 17,179,869,184 cells .*{RAISE}"):
        read(tmp_path / "d.ods")


def test_only_the_reading_thread_calls_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of Arrow that did, to read ahead, crashed the program where it ended on an error."""
    threads = set[int]()
    next_bytes = TextBytes.read

    def read_here(self: TextBytes, n: int) -> bytes:
        threads.add(threading.get_ident())
        return next_bytes(self, n)

    monkeypatch.setattr(TextBytes, "read", read_here)
    (tmp_path / "d.csv").write_bytes(b"name,y\n" + b"1" * (9 << 20))
    with pytest.raises(DataError, match=r"^d\.csv: a line, or a cell in quotes, is longer than 4,194,304 bytes: "):
        read(tmp_path / "d.csv")
    assert threads == {threading.get_ident()}


@pytest.mark.slow
def test_a_bomb_costs_little_memory_and_does_not_crash_the_program(tmp_path: Path) -> None:
    """2.6 MB that stand for 2.6 GB in one line, and in lines; a process of its own each, so that its memory is told."""
    program = """
        import re, sys
        from pathlib import Path
        from forecasting.errors import DataError
        from tests.forecasting.data.formats.test_bounds import read
        try:
            read(Path(sys.argv[1]))
        except DataError as error:
            print(error)
        print(int(re.search("VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) // 1024)
    """
    for name, block in (("line", b"1" * (1 << 20)), ("empty", b"\n" * (1 << 20)), ("rows", b"a,1\n" * (1 << 18))):
        path = tmp_path / f"{name}.csv.gz"
        path.write_bytes(gzip.compress(b"name,y\n") + gzip.compress(block) * 2600)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program), str(path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        said, megabytes = done.stdout.splitlines()
        assert "a line, or a cell" in said or "holds more than" in said
        assert int(megabytes) < 1500
        assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 60
