from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ensembles.files.history_parquet import HistoryFile
from forecasting.calendar import Calendar
from forecasting.errors import StorageError
from forecasting.panel import Panel, Series
from forecasting.schema import as_dates

DAYS = as_dates(["2014-08-30", "2014-08-31"])
PANEL = Panel(
    ds=DAYS,
    series=(Series("redeem", "a/b"), Series("redeem", "redeem")),
    y=np.array([[np.nan, 2.0], [3.0, 4.5]]),
    past=np.empty((2, 2, 0)),
    past_names=(),
    calendar=Calendar(None),
)


def stored(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def test_known_values_are_rows() -> None:
    table = pa.table(
        {
            "unique_id": pa.array(["a/b/redeem", "redeem/redeem", "redeem/redeem"], pa.string()),
            "entity": pa.array(["a/b", "redeem", "redeem"], pa.string()),
            "target": pa.array(["redeem"] * 3, pa.string()),
            "ds": pa.array(DAYS[[1, 0, 1]], pa.date32()),
            "y": pa.array([2.0, 3.0, 4.5]),
        }
    )
    made = HistoryFile.of(PANEL)
    assert made.to_bytes() == stored(table)
    back = HistoryFile.from_bytes(made.to_bytes(), "run")
    assert len(back) == 3
    assert list(back.unique_id) == ["a/b/redeem", "redeem/redeem", "redeem/redeem"]
    np.testing.assert_array_equal(back.ds, DAYS[[1, 0, 1]])
    np.testing.assert_array_equal(back.y, [2.0, 3.0, 4.5])


def test_a_series_is_the_pair_that_the_file_says() -> None:
    names = np.array(["shop1", "shop1/sales", "shop1"], dtype=object)
    series = {"shop1": Series("sales", "shop1"), "shop1/sales": Series("sales", "shop1/sales")}
    made = HistoryFile(names, DAYS[[0, 0, 1]], np.array([1.0, 2.0, 3.0])).identified(series)
    back = HistoryFile.from_bytes(made.to_bytes(), "run")
    assert back.identities() == series
    assert len(back.of_target("sales")) == 3
    assert len(back.where(back.y > 1.5).of_target("sales")) == 2
    assert len(back.of_target("shop1")) == 0


def test_files_of_before_are_read_by_their_ids() -> None:
    table = pa.table({"unique_id": ["a/b/redeem", "redeem"], "ds": pa.array(DAYS, pa.date32()), "y": [1.0, 2.0]})
    back = HistoryFile.from_bytes(stored(table), "run")
    assert back.identities() == {"a/b/redeem": Series("redeem", "a/b"), "redeem": Series("redeem")}


@pytest.mark.parametrize("content", [b"", b"PAR1 no", stored(pa.table({"unique_id": ["a"], "y": [1.0]}))])
def test_a_damaged_file_gets_a_sentence(content: bytes) -> None:
    with pytest.raises(StorageError, match=r"runs/a/history\.parquet is damaged \(.+\): run the same command again"):
        HistoryFile.from_bytes(content, "runs/a")
