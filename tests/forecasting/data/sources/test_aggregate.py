"""Daily totals are exact, by the quick way and by the careful one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.data.formats.files import table_at
from forecasting.data.sources import aggregate as aggregation
from forecasting.data.sources.aggregate import TotalsQuery, sum_by_day
from forecasting.data.spec import DataSpec
from tests.forecasting.data.opened import load

QUERY = TotalsQuery("report_date", ("total_purchase_amt", "total_redeem_amt"), ("share_amt", "category1"))


@pytest.fixture(scope="module")
def csv(clean: Path) -> Path:
    return clean / "user_balance_table.csv"


def test_totals_agree_with_pandas_and_the_careful_pass(csv: Path) -> None:
    files = table_at(csv)
    totals = sum_by_day(files, QUERY)
    frame = pd.read_csv(csv).groupby("report_date")[list(QUERY.columns)].sum()
    assert [int(str(d).replace("-", "")) for d in totals.ds] == frame.index.tolist()
    assert (totals.sums == frame.to_numpy()).all()
    careful = aggregation._careful(files[0], files, QUERY)
    assert np.array([careful.by_day[d] for d in totals.ds]).tolist() == totals.sums.tolist()


def test_quick_pass_serves_the_plain_table(csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object) -> None:
        raise AssertionError("the careful pass was used")

    monkeypatch.setattr(aggregation, "_careful", never)
    sum_by_day(table_at(csv), QUERY)


def test_user_rows_in_cny_are_summed_to_the_fen(tmp_path: Path) -> None:
    rows = "".join(f"{u},20140101,{a},0\n" for u, a in enumerate(["0.10"] * 3 + ["1,000.07", "5"]) for a in [f'"{a}"'])
    (tmp_path / "user_balance_table.csv").write_text("user_id,report_date,total_purchase_amt,total_redeem_amt\n" + rows)
    assert load(DataSpec(unit="CNY"), tmp_path, None).y[0, 0] == 1005.37
