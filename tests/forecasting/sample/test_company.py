"""Each account of the sample company has the trait that it is there for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.calendar import Calendar
from forecasting.errors import ConfigError
from forecasting.sample.company import ACCOUNTS, CLOSED_WEEKS, PAY_DAY, STOPPED_WEEKS, write_company
from forecasting.schema import DateArray

DAYS: DateArray = np.arange("2024-01-01", "2025-01-01", dtype="datetime64[D]")


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("company")
    n_rows = write_company(folder, DAYS, 1)
    table = pd.read_csv(folder / "accounts.csv", parse_dates=["date"])
    assert len(table) == n_rows
    return {str(account): rows.reset_index(drop=True) for account, rows in table.groupby("account", sort=False)}


def test_rows_are_work_days_of_germany(accounts: dict[str, pd.DataFrame]) -> None:
    assert tuple(accounts) == ACCOUNTS
    work = DAYS[Calendar("DE").days(DAYS).workday]
    np.testing.assert_array_equal(accounts["operations"]["date"].to_numpy().astype("datetime64[D]"), work)


def test_some_accounts_end_early(accounts: dict[str, pd.DataFrame]) -> None:
    last = accounts["operations"]["date"].iloc[-1]
    assert len(accounts["branch"]) == len(accounts["operations"]) - 2
    assert last - accounts["old-bank"]["date"].iloc[-1] > pd.Timedelta(weeks=CLOSED_WEEKS)


def test_wages_are_paid_on_the_25th_or_the_work_day_before(accounts: dict[str, pd.DataFrame]) -> None:
    paid = accounts["payroll"].query("outflow > 0")["date"]
    assert list(paid.dt.month) == list(range(1, 13))
    late = pd.to_datetime({"year": paid.dt.year, "month": paid.dt.month, "day": PAY_DAY})
    work = set(accounts["operations"]["date"])
    for day, due in zip(paid, late, strict=True):
        assert day <= due
        assert not work & set(pd.date_range(day + pd.Timedelta(days=1), due))


def test_refunds_are_negative_and_a_stopped_account_is_zero(accounts: dict[str, pd.DataFrame]) -> None:
    assert 0 < (accounts["webshop"]["inflow"] < 0).mean() < 0.1
    project = accounts["project"]
    stopped = project["date"] >= project["date"].iloc[-1] - pd.Timedelta(weeks=STOPPED_WEEKS)
    assert (project.loc[stopped, ["inflow", "outflow"]] == 0).all(axis=None)
    assert (project.loc[~stopped, ["inflow", "outflow"]] > 0).all(axis=None)


def test_too_few_days_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs 126 days at least"):
        write_company(tmp_path, DAYS[:125], 1)
    assert not list(tmp_path.iterdir())
