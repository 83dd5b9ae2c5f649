"""Tables of amounts beside the data are read as the data are."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecasting.data.amounts_table import read_amounts_table
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Series

MAPPED = DataSpec(kind="table", columns={"ds": "tag", "purchase": "ein", "redeem": "aus"})
WIDE = DataSpec(kind="panel", entity="shop", columns={"ds": "day", "sales": "units"}, targets={"sales": 1.0})
LONG = DataSpec(kind="panel", targets={"sales": 1.0})
TWO_LONG = DataSpec(kind="panel", targets={"in": 0.5, "out": 0.5})


def amounts(spec: DataSpec, path: Path, content: bytes | str, **options: bool) -> dict[tuple[str, str], float]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    rows = read_amounts_table(spec, path, **options)
    return {(series.unique_id, str(day)): y for (series, day), y in rows.by_day().items()}


TABLE = {("purchase", "2024-01-01"): 1234.5, ("redeem", "2024-01-01"): 2.0}


@pytest.mark.parametrize(
    "content",
    [
        'tag,ein,aus\n2024-01-01,"1,234.5",2\n',
        'report_date,purchase,redeem\n20240101,"1,234.5",2\n',
        "note,note,tag,aus,ein,,\nx,y,2024/1/1 0:00,2,1234.5,,\n",
        "20240101,1234.5,2\n",
        "0,20240101,1234.5,2\n",
        "\ufeff20240101,1234.5,2\r\n",
    ],
)
def test_a_table_may_have_the_captions_of_the_data_or_ours_or_none(tmp_path: Path, content: str) -> None:
    assert amounts(MAPPED, tmp_path / "t.csv", content) == TABLE


def test_every_format_of_the_data_is_read(tmp_path: Path) -> None:
    text = "tag,ein,aus\n2024-01-01,1234.5,2\n"
    assert amounts(MAPPED, tmp_path / "t.csv.gz", gzip.compress(text.encode())) == TABLE
    chinese = DataSpec(kind="table")
    assert amounts(chinese, tmp_path / "t.csv", "日期,申购,赎回\n2024年1月1日,1234.5,2\n".encode("gb18030")) == TABLE
    pq.write_table(pa.table({"tag": ["2024-01-01"], "ein": [1234.5], "aus": [2]}), tmp_path / "t.parquet")
    rows = read_amounts_table(MAPPED, tmp_path / "t.parquet")
    assert (rows.series, rows.y.tolist()) == ((Series("purchase"), Series("redeem")), [1234.5, 2.0])


@pytest.mark.parametrize(
    ("spec", "content", "ids"),
    [
        (WIDE, "shop,day,units\n007,2024-01-01,5\n", ["007/sales"]),
        (WIDE, "entity,date,sales\n007,2024-01-01,5\n", ["007/sales"]),
        (WIDE, "007,2024-01-01,5\n", ["007/sales"]),
        (LONG, "unique_id,ds,y\nshop1,2024-01-01,5\nshop1/sales,2024-01-01,6\n", ["shop1", "shop1/sales"]),
        (LONG, "entity,date,sales\nshop1/sales,2024-01-01,6\n", ["shop1/sales"]),
        (LONG, "shop1,2024-01-01,5\n", ["shop1"]),
        (TWO_LONG, "unique_id,ds,y\na/in,2024-01-01,5\nb/out,2024-01-01,6\n", ["a/in", "b/out"]),
        (TWO_LONG, "a,2024-01-01,5,6\n", ["a/in", "a/out"]),
    ],
)
def test_series_have_the_ids_of_the_data(tmp_path: Path, spec: DataSpec, content: str, ids: list[str]) -> None:
    assert [uid for uid, _ in amounts(spec, tmp_path / "t.csv", content)] == ids


def test_empty_and_negative_amounts(tmp_path: Path) -> None:
    content = "tag,ein,aus\n2024-01-01,,-2\n"
    with pytest.raises(DataError, match=r"t\.csv:2: aus on 2024-01-01 is '-2', a negative amount"):
        amounts(MAPPED, tmp_path / "t.csv", content)
    assert amounts(MAPPED, tmp_path / "t.csv", content, signed=True) == {("redeem", "2024-01-01"): -2.0}
    assert np.isnan(read_amounts_table(MAPPED, tmp_path / "t.csv", signed=True).y[0])


@pytest.mark.parametrize(
    ("spec", "content", "part"),
    [
        (
            MAPPED,
            "tag,ein,aus\n2024-01-01,1,2\n20240101,3,4\n",
            "csv:3: 2024-01-01 stands twice, first at t.csv:2",
        ),
        (
            MAPPED,
            "20240101,1,2,3\n",
            "csv:1: it has no header, and 4 columns with the date in column 1: write",
        ),
        (MAPPED, "tag,ein,aus\nsoon,1,2\n", r"t\.csv:2: tag is 'soon', not a day"),
        (MAPPED, "tag,ein\n2024-01-01,1\n", "there is no column for redeem among tag, ein"),
        (WIDE, "day,units\n2024-01-01,1\n", "nothing tells the series apart among day, units: add the column shop"),
        (WIDE, "shop,day,units\n,2024-01-01,1\n", r"t\.csv:2: shop is empty: say which series"),
        (TWO_LONG, "unique_id,ds,y\na/fees,2024-01-01,5\n", r"t\.csv:2: unique_id is 'a/fees': say which series"),
    ],
)
def test_what_is_no_such_table_gets_a_sentence(tmp_path: Path, spec: DataSpec, content: str, part: str) -> None:
    with pytest.raises(DataError, match=part):
        amounts(spec, tmp_path / "t.csv", content)
