"""A daily table: what is read, and the sentence for everything that cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.data.formats.writing.habits import DAY_REMEDY
from forecasting.data.rows import FILL_REMEDY
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from tests.forecasting.data.daily_csv import HEADER, Damage, replace, table, write
from tests.forecasting.data.opened import load

TABLE = DataSpec(kind="table")


def test_daily_table_in_any_order(tmp_path: Path) -> None:
    lines = table(5).splitlines(keepends=True)
    panel = load(TABLE, write(tmp_path / "d.csv", lines[0] + "".join(reversed(lines[1:]))), "CN")
    assert panel.unique_ids == ("purchase", "redeem")
    assert [str(d) for d in panel.ds] == ["2014-01-30", "2014-01-31", "2014-02-01", "2014-02-02", "2014-02-03"]
    assert panel.y.tolist() == [[100, 101, 102, 103, 104], [200, 201, 202, 203, 204]]
    assert panel.past.shape == (2, 5, 0)
    assert panel.calendar.country == "CN"


def test_parquet_daily_table_with_mapped_columns_and_a_past_covariate(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "when": pd.date_range("2014-01-30", periods=3),
            "in": [1.5, 2.0, 3.25],
            "out": [4, 5, 6],
            "views": [7.0, np.nan, 9.0],
        }
    )
    frame.to_parquet(tmp_path / "d.parquet")
    spec = DataSpec(kind="table", columns={"ds": "when", "purchase": "in", "redeem": "out"}, past=("views",))
    panel = load(spec, tmp_path / "d.parquet", None)
    assert panel.y.tolist() == [[1.5, 2.0, 3.25], [4, 5, 6]]
    assert panel.past_names == ("views",)
    np.testing.assert_array_equal(panel.past[0, :, 0], [7.0, np.nan, 9.0])


FAULTS: list[tuple[Damage, str]] = [
    (lambda p: p.unlink(), "d.csv: there is no such file or folder: check the path given as data"),
    (lambda p: p.write_text(""), "d.csv: it is empty: give a file with a header and rows"),
    (lambda p: p.write_text(HEADER), "d.csv: it holds a header and no rows: give at least one row"),
    (replace("redeem", "out"), "d.csv: there is no column for redeem among report_date, purchase, out: name it in "
     "data.columns (redeem: COLUMN)"),
    (replace("redeem", "purchase"), "d.csv: column 'purchase' stands twice in the header: rename or remove one"),
    (replace("20140201", "2014021"), f"d.csv:4: report_date is '2014021', not a day: {DAY_REMEDY}"),
    (replace("20140201", "20140230"), f"d.csv:4: report_date is '20140230', not a day: {DAY_REMEDY}"),
    (replace("20140201", ""), f"d.csv:4: report_date is empty, not a day: {DAY_REMEDY}"),
    (replace("20140201", "20140131"), "d.csv:4: 2014-01-31 stands twice, first at d.csv:3: keep one row a day"),
    (replace("20140201,102,202\n", ""), "d.csv:4: no row for 2014-02-01, the day after 2014-01-31: add the 1 missing "
     f"day(s) before 2014-02-02, or {FILL_REMEDY}"),
    (replace("202", ""), "d.csv:4: redeem on 2014-02-01 is empty, a missing amount: fill it in, or " + FILL_REMEDY),
    (replace(",202", ",-202"), "d.csv:4: redeem on 2014-02-01 is '-202', a negative amount: correct it, or set "
     "score.surrogate to wape"),
    (replace(",202", ",2o2"), "d.csv:4: redeem on 2014-02-01 is '2o2', not a number: correct it"),
    (replace(",202", ",1e300"), "d.csv:4: redeem on 2014-02-01 is '1e300', too large to be held exactly (2^53): use a "
     "larger unit"),
    (replace(",202", ""), "d.csv:4: the row has 2 fields and the header 3: check separators and quotes"),
    (replace(",202", ",202,1"), "d.csv:4: the row has 4 fields and the header 3: check separators and quotes"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "sentence"), FAULTS)
def test_bad_daily_table_gets_its_sentence(tmp_path: Path, damage: Damage, sentence: str) -> None:
    path = write(tmp_path / "d.csv", table(5))
    damage(path)
    with pytest.raises(DataError) as caught:
        load(TABLE, path, "CN")
    assert str(caught.value).removeprefix(f"{tmp_path}/") == sentence
