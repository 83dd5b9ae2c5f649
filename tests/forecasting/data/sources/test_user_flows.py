"""Users are counted along with the checks: once, whichever way the table is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.data.dataset import open_data
from forecasting.data.sources.user_flows import Users
from forecasting.data.spec import DataSpec
from tests.forecasting.data.openings import Openings
from tests.forecasting.data.user_csv import UserCsv


def users_of(path: Path, **spec: object) -> Users:
    data = open_data(DataSpec(**spec), path, "CN", checked=True, users=True)
    assert data.panel.y.shape[0] == 2
    found = data.users
    assert found is not None
    return found


def rows_of(path: Path) -> pd.DataFrame:
    rows = pd.read_csv(path / "user_balance_table.csv")
    return rows.assign(day=pd.to_datetime(rows["report_date"].astype(str)))


def test_sums_acts_and_first_days_are_those_of_the_rows(clean: Path) -> None:
    found, rows = users_of(clean), rows_of(clean)
    ids = rows["user_id"].drop_duplicates()  # numbered as they appear
    by_user = rows.groupby("user_id")[["total_purchase_amt", "total_redeem_amt"]].sum().loc[ids]
    assert (found.sums == by_user.to_numpy()).all()
    first = rows.groupby("user_id")["day"].min().loc[ids].to_numpy()
    assert (found.first_day == first.astype("datetime64[D]")).all()
    acts = rows[(rows["direct_purchase_amt"] > 0) | (rows["total_redeem_amt"] > 0)]
    pairs = set(zip(ids.to_numpy()[found.act_user].tolist(), found.act_day.astype(str).tolist(), strict=True))
    assert pairs == set(zip(acts["user_id"].tolist(), acts["day"].astype(str).tolist(), strict=True))
    by_day = rows.groupby("day")[list(found.columns)].sum()
    assert (found.by_day == by_day.to_numpy()).all()
    assert {"consume_amt", "share_amt", "category4"} <= set(found.columns)
    profiles = pd.read_csv(clean / "user_profile_table.csv").set_index("user_id").loc[ids]
    assert found.groups["city"] == tuple(profiles["city"].astype(str))


def test_text_is_counted_as_integers_are(folder: Path, clean: Path) -> None:
    rows = UserCsv(folder)
    rows.set(5, yBalance=f"{rows.get(5, 'yBalance')}.0")  # no integer: the table is read again as text
    rows.save()
    plain, text = users_of(clean), users_of(folder)
    assert (plain.sums == text.sums).all()
    assert (plain.by_day == text.by_day).all()
    assert len(plain.act_user) == len(text.act_user)


def test_rows_after_the_last_day_looked_at_do_not_count(clean: Path) -> None:
    found = users_of(clean, as_of="2014-07-31")
    rows = rows_of(clean).query("day <= '2014-07-31'")
    assert len(found.first_day) == rows["user_id"].nunique()
    assert found.sums[:, 0].sum() == rows["total_purchase_amt"].sum()
    assert str(found.ds[-1]) == "2014-07-31"


def test_one_reading_serves_totals_checks_and_users(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openings = Openings(monkeypatch)
    data = open_data(DataSpec(), clean, "CN", checked=True, users=True)
    assert data.users is not None
    assert data.findings
    assert data.panel.y.shape == (2, 120)
    assert set(openings.n.values()) == {1}


def test_there_are_no_users_unless_asked_and_in_no_other_data(clean: Path, tmp_path: Path) -> None:
    assert open_data(DataSpec(), clean, "CN", checked=True).users is None
    totals = rows_of(clean).groupby("report_date")[["total_purchase_amt", "total_redeem_amt"]].sum()
    totals.columns = pd.Index(["purchase", "redeem"])
    totals.to_csv(tmp_path / "daily_totals.csv")
    assert open_data(DataSpec(), tmp_path, "CN", checked=True, users=True).users is None
    table = open_data(DataSpec(kind="table"), tmp_path / "daily_totals.csv", None, checked=True, users=True)
    assert table.users is None
    assert np.isfinite(table.panel.y).all()


def test_a_table_without_profiles_has_no_groups(folder: Path) -> None:
    (folder / "user_profile_table.csv").unlink()
    assert users_of(folder).groups == {}
