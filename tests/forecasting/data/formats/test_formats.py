"""The same numbers come out whatever the file's container, encoding and way of writing days and amounts."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv as pacsv
from pyarrow import parquet

from forecasting.data.formats.decode import decode_dates, decode_numbers
from forecasting.data.formats.files import table_at
from forecasting.data.load import load
from forecasting.data.sources import aggregate as aggregation
from forecasting.data.sources.aggregate import TotalsQuery, sum_by_day
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.sample import write_sample

SPEC = DataSpec(past=("share_amt", "consume_amt", "category1"))
QUERY = TotalsQuery("report_date", ("total_purchase_amt", "total_redeem_amt"), ("share_amt", "category1"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample")
    write_sample(path, users=120, days=90)
    return path


@pytest.fixture(scope="module")
def csv(folder: Path) -> Path:
    return folder / "user_balance_table.csv"


def as_gzip(csv: Path, target: Path) -> None:
    (target / "user_balance_table.csv.gz").write_bytes(gzip.compress(csv.read_bytes()))


def as_zip(csv: Path, target: Path) -> None:
    with zipfile.ZipFile(target / "user_balance_table.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(csv, "inner/user_balance_table.csv")
        archive.writestr("__MACOSX/inner/user_balance_table.csv", "junk")


def as_parquet(csv: Path, target: Path) -> None:
    parquet.write_table(pacsv.read_csv(csv), target / "user_balance_table.parquet", row_group_size=1000)


def as_parts(csv: Path, target: Path) -> None:
    lines = csv.read_bytes().splitlines(keepends=True)
    parts = target / "user_balance_table"
    (parts / "month=2").mkdir(parents=True)
    (parts / "_SUCCESS").touch()
    half = len(lines) // 2
    (parts / "part-0.csv").write_bytes(b"".join(lines[:half]))
    (parts / "month=2/part-1.csv.gz").write_bytes(gzip.compress(b"".join([lines[0], *lines[half:]])))


@pytest.mark.parametrize("write", [as_gzip, as_zip, as_parquet, as_parts])
def test_container_does_not_matter(csv: Path, tmp_path: Path, write: Callable[[Path, Path], None]) -> None:
    write(csv, tmp_path)
    want, got = load(SPEC, csv, "CN"), load(SPEC, tmp_path, "CN")
    assert (want.ds == got.ds).all()
    assert (want.y == got.y).all()
    assert (want.past == got.past).all()


def test_whole_folder_in_a_zip_and_by_uri(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"data/{file.name}")
    want = load(DataSpec(), folder, "CN")
    assert want.past.shape[2] == 10
    for path in (tmp_path / "all.zip", folder.as_uri()):
        got = load(DataSpec(), path, "CN")
        assert got.fingerprint() == want.fingerprint()


def test_totals_agree_with_pandas_and_the_careful_pass(csv: Path) -> None:
    files = table_at(csv)
    totals = sum_by_day(files, QUERY)
    frame = pd.read_csv(csv).groupby("report_date")[list(QUERY.columns)].sum()
    assert [int(str(d).replace("-", "")) for d in totals.ds] == frame.index.tolist()
    assert (totals.sums == frame.to_numpy()).all()
    careful = aggregation._careful(files[0], QUERY)
    assert np.array([careful[d] for d in totals.ds]).tolist() == totals.sums.tolist()


def test_quick_pass_serves_the_plain_table(csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object) -> None:
        raise AssertionError("the careful pass was used")

    monkeypatch.setattr(aggregation, "_careful", never)
    sum_by_day(table_at(csv), QUERY)


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


def test_user_rows_in_cny_are_summed_to_the_fen(tmp_path: Path) -> None:
    rows = "".join(f"{u},20140101,{a},0\n" for u, a in enumerate(["0.10"] * 3 + ["1,000.07", "5"]) for a in [f'"{a}"'])
    (tmp_path / "user_balance_table.csv").write_text("user_id,report_date,total_purchase_amt,total_redeem_amt\n" + rows)
    assert load(DataSpec(unit="CNY"), tmp_path, None).y[0, 0] == 1005.37


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
        (b"\xff\xfed\x00s\x00", "written in UTF-16: save it as UTF-8"),
        (b"ds,purchase,redeem\n\xff\xff\xff,1,2\n", "neither UTF-8 nor GB18030"),
        (b"\x1f\x8b\x08\x00broken", "neither UTF-8 nor GB18030|cannot be read"),
        (b"\n\n \n", "it is empty"),
        (b'ds,purchase,redeem\n20140101,"1,2\n', "check"),
        (b"ds;purchase;redeem\n20140101;1;2\n", "no column for ds among ds;purchase;redeem"),
        (b'"ds"",purchase\n', "check|no column"),
    ],
)
def test_what_is_no_table_gets_a_sentence(tmp_path: Path, content: bytes, part: str) -> None:
    (tmp_path / "d.csv").write_bytes(content)
    with pytest.raises(DataError, match=part):
        load(DataSpec(kind="table"), tmp_path / "d.csv", None)


@pytest.mark.parametrize("name", ["d.csv.gz", "d.zip", "d.parquet", "d.csv.zip"])
def test_broken_containers_get_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"this is not what the name says" * 10)
    with pytest.raises(DataError, match=rf"{name}: it cannot be read \(.+\): check that the file is complete"):
        load(DataSpec(kind="table"), tmp_path / name, None)


def test_truncated_gzip_gets_a_sentence(csv: Path, tmp_path: Path) -> None:
    whole = gzip.compress(csv.read_bytes())
    (tmp_path / "user_balance_table.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"user_balance_table\.csv\.gz.*: check"):
        load(DataSpec(), tmp_path, None)


def test_cache_is_used_until_the_bytes_change(csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, cache = tmp_path / "data", tmp_path / "cache"
    data.mkdir()
    copy = data / "user_balance_table.csv"
    copy.write_bytes(csv.read_bytes())
    first = load(SPEC, data, "CN", cache_dir=cache)
    assert len(list(cache.iterdir())) == 1
    with monkeypatch.context() as patch:
        patch.setattr("forecasting.data.sources.cache.sum_by_day", None)
        assert load(SPEC, data, "CN", cache_dir=cache).fingerprint() == first.fingerprint()
    lines = copy.read_text().splitlines()
    copy.write_text("\n".join(lines[:-1]) + "\n")
    assert load(SPEC, data, "CN", cache_dir=cache).fingerprint() != first.fingerprint()
    for stored in cache.iterdir():
        stored.write_text('{"ds": ["2014-01-01"]')
    assert load(SPEC, data, "CN", cache_dir=cache).end == first.end


@pytest.mark.parametrize(
    ("column", "want"),
    [
        (
            pa.array(["20140301", "2014-03-01", "2014/3/1", "2014.03.01", "2014-03-01T00:00:00", " 20140301 "]),
            "2014-03-01",
        ),
        (pa.array([20140301], pa.int32()), "2014-03-01"),
        (pa.array([20140301.0]), "2014-03-01"),
        (pa.array([16130], pa.int32()).cast(pa.date32()), "2014-03-01"),
        (pa.array([1393632000], pa.int64()).cast(pa.timestamp("s")), "2014-03-01"),
        (pa.array(["20140301"]).dictionary_encode(), "2014-03-01"),
        (pa.array(["2014-03-01 12:00", "20141301", "1", "", None, "18990101", "2014-03/01", "nan"]), "NaT"),
        (pa.array([1393632001], pa.int64()).cast(pa.timestamp("s")), "NaT"),
        (pa.array([True]), "NaT"),
        (pa.nulls(2), "NaT"),
        (pa.array([20140301.5]), "NaT"),
    ],
)
def test_days(column: pa.Array, want: str) -> None:
    assert {str(d) for d in decode_dates(column)} == {want}


def test_numbers() -> None:
    text = [
        "1",
        " -2.5 ",
        "1,234,567.5",
        "+3",
        "1e3",
        "",
        None,
        "NULL",
        "1,23",
        "0x1F",
        "inf",
        "1e999",
        "١",
        "1_000",
        "--1",
    ]
    numbers = decode_numbers(pa.array(text))
    assert list(numbers.values)[:5] == [1, -2.5, 1234567.5, 3, 1000]
    assert numbers.missing.tolist() == [False] * 5 + [True] * 3 + [False] * 7
    assert numbers.bad.tolist() == [False] * 8 + [True] * 7
    floats = decode_numbers(pa.array([1.5, float("nan"), float("inf"), None]))
    assert floats.missing.tolist() == [False, True, False, True]
    assert floats.bad.tolist() == [False, False, True, False]
    assert decode_numbers(pa.array([True, None])).bad.tolist() == [True, False]
