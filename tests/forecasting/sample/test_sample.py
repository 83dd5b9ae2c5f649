"""The generator keeps the identities of the real tables, meets totals to the fen, and depends on its seed alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.calendar import Calendar
from forecasting.data.spec import DataSpec
from forecasting.errors import ConfigError, DataError, StorageError
from forecasting.sample.allocate import share_out, share_out_below, split_rows
from forecasting.sample.income import daily_income
from forecasting.sample.write import write_sample
from tests.forecasting.data.opened import check, load, read


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample")
    write_sample(path, users=150, days=200)
    return path


@pytest.fixture(scope="module")
def rows(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "user_balance_table.csv")


def test_schema_is_the_competitions(folder: Path, rows: pd.DataFrame) -> None:
    assert " ".join(rows.columns) == (
        "user_id report_date tBalance yBalance total_purchase_amt direct_purchase_amt purchase_bal_amt "
        "purchase_bank_amt total_redeem_amt consume_amt transfer_amt tftobal_amt tftocard_amt share_amt "
        "category1 category2 category3 category4"
    )
    assert sorted(p.name for p in folder.iterdir()) == [
        "mfd_bank_shibor.csv",
        "mfd_day_share_interest.csv",
        "user_balance_table.csv",
        "user_profile_table.csv",
    ]
    assert rows.report_date.nunique() == 200
    assert rows.report_date.max() == 20140831


def test_identities_hold_in_every_row(rows: pd.DataFrame) -> None:
    r = rows
    assert (r.tBalance == r.yBalance + r.total_purchase_amt - r.total_redeem_amt).all()
    assert (r.total_purchase_amt == r.direct_purchase_amt + r.share_amt).all()
    assert (r.direct_purchase_amt == r.purchase_bal_amt + r.purchase_bank_amt).all()
    assert (r.total_redeem_amt == r.consume_amt + r.transfer_amt).all()
    assert (r.transfer_amt == r.tftobal_amt + r.tftocard_amt).all()
    assert (r.drop(columns=["user_id", "report_date"]).min() >= 0).all()
    categories = r[["category1", "category2", "category3", "category4"]]
    consumes = r.consume_amt > 0
    assert (categories.notna().all(axis=1) == consumes).all()
    assert (categories.isna().all(axis=1) == ~consumes).all()
    assert (categories[consumes].sum(axis=1) == r.consume_amt[consumes]).all()
    assert 0.02 < consumes.mean() < 0.15


def test_users_stay_once_they_appear_and_carry_their_balance(rows: pd.DataFrame) -> None:
    first = rows.groupby("user_id").report_date.min()
    assert first.nunique() > 30
    by_user = rows.sort_values(["user_id", "report_date"])
    carried = by_user.groupby("user_id").tBalance.shift()
    known = carried.notna()
    assert (by_user.yBalance[known] == carried[known]).all()
    starts = by_user[~known & (by_user.report_date > rows.report_date.min())]
    assert (starts.yBalance == 0).all()


def test_share_follows_the_income_rule(folder: Path, rows: pd.DataFrame) -> None:
    yields = pd.read_csv(folder / "mfd_day_share_interest.csv")
    ds = np.array([np.datetime64(pd.Timestamp(str(d)), "D") for d in yields.mfd_date])
    for user in rows.user_id.unique()[:20]:
        own = rows[rows.user_id == user]
        skip = len(ds) - len(own)
        shares = daily_income(
            ds[skip:],
            own.direct_purchase_amt.to_numpy(),
            own.total_redeem_amt.to_numpy(),
            yields.mfd_daily_yield.to_numpy()[skip:],
            opening=int(own.yBalance.iloc[0]),
        )
        assert (shares == own.share_amt).all()


def test_rates_and_profiles_fit_the_rows(folder: Path, rows: pd.DataFrame) -> None:
    profiles = pd.read_csv(folder / "user_profile_table.csv")
    assert set(rows.user_id) <= set(profiles.user_id)
    shibor = pd.read_csv(folder / "mfd_bank_shibor.csv")
    assert 20140504 in set(shibor.mfd_date), "a shifted working Sunday is a bank day"
    assert 20140501 not in set(shibor.mfd_date)
    assert (shibor.drop(columns="mfd_date") > 0).all().all()


KINDS = {
    "funds": DataSpec(kind="panel", entity="fund_code", unit="CNY", past=("uv_key_page_1", "uv_key_page_3")),
    "ohlcv": DataSpec(kind="table", targets={"Close": 1.0}, past=("Volume", "Sentiment")),
    "accounts": DataSpec(kind="panel", entity="account_id", targets={"inflow": 0.5, "outflow": 0.5}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_kinds_load_whole_and_follow_the_seed(kind: str, tmp_path: Path) -> None:
    users = None if kind == "ohlcv" else 3
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        sample = write_sample(tmp_path / name, kind=kind, users=users, days=100, seed=seed)
    a, b, c = (read(KINDS[kind], tmp_path / name, "CN") for name in "abc")
    assert a.problems == ()
    assert a.panel.y.shape == ((1, 68) if kind == "ohlcv" else (6, 100))
    assert sample.rows == (68 if kind == "ohlcv" else 300)
    assert a.panel.fingerprint() == b.panel.fingerprint() != c.panel.fingerprint()
    assert not [f for f in check(KINDS[kind], tmp_path / "a", "CN") if f.severity == "error"]


def test_prices_stand_on_the_trading_days_of_an_exchange(tmp_path: Path) -> None:
    write_sample(tmp_path, kind="ohlcv", days=400)
    rows = pd.read_csv(tmp_path / "prices.csv", parse_dates=["Date"])
    days = set(rows.Date.dt.strftime("%Y-%m-%d"))
    assert rows.Date.dt.day_of_week.max() == 4
    assert not {"2013-11-28", "2013-12-25", "2014-01-01", "2014-04-18", "2014-07-04"} & days
    assert {"2013-11-29", "2014-04-21", "2014-08-29"} < days
    assert (rows.High >= rows[["Open", "Close", "Low"]].max(axis=1)).all()
    with pytest.raises(ConfigError, match="closed on all of these days"):
        write_sample(tmp_path / "b", kind="ohlcv", days=2)


def test_adding_funds_or_accounts_does_not_change_an_account(tmp_path: Path) -> None:
    for users in (2, 4):
        write_sample(tmp_path / str(users), kind="accounts", users=users, days=80)
    few, many = (pd.read_csv(tmp_path / str(users) / "accounts.csv") for users in (2, 4))
    pd.testing.assert_frame_equal(few, many[many.account_id <= "A00002"])


def test_planted_anomalies_are_labelled_where_they_are(tmp_path: Path) -> None:
    write_sample(tmp_path, kind="accounts", users=40, days=400)
    rows = pd.read_csv(tmp_path / "accounts.csv")
    usual = rows[rows.anomaly.isna()].groupby("account_id")[["inflow", "outflow"]].median()
    rows["ratio"] = rows.outflow / rows.account_id.map(usual.outflow)
    assert set(rows.anomaly.dropna()) == {"spike", "drain", "silence"}
    assert (rows[rows.anomaly == "silence"][["inflow", "outflow"]] == 0).all().all()
    assert rows[rows.anomaly == "spike"].ratio.median() > 4
    assert rows[rows.anomaly == "drain"].ratio.median() > 1.5
    plain = rows[rows.anomaly.isna() & (rows.outflow > 0)]
    noise = np.log(plain.outflow).groupby(plain.account_id).diff().groupby(plain.account_id).std() / np.sqrt(2)
    assert noise.min() < 0.25
    assert noise.max() > 0.6
    assert (np.log(plain.ratio) / plain.account_id.map(noise)).max() < 6
    assert 0.005 < rows.anomaly.notna().mean() < 0.06


def test_business_accounts_rest_on_days_off_and_their_anomalies_last_over_them(tmp_path: Path) -> None:
    write_sample(tmp_path, kind="business-accounts", users=40, days=400)
    rows = pd.read_csv(tmp_path / "accounts.csv", parse_dates=["ds"])
    off = ~Calendar("CN").days(rows.ds.to_numpy().astype("datetime64[D]")).workday
    flow = rows.inflow + rows.outflow
    assert 0.28 < off.mean() < 0.36
    assert (flow[off] == 0).all()
    assert (flow[~off & (rows.anomaly != "silence")] > 0).all()
    assert not off[rows.anomaly == "spike"].any()
    begins = rows.anomaly.notna() & (rows.anomaly != rows.anomaly.shift())
    assert not off[begins].any(), "an anomaly begins on a work day"
    assert (off & (rows.anomaly == "drain")).any(), "and goes on over a weekend"


def test_equal_seeds_give_equal_bytes_and_others_do_not(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_sample(tmp_path / name, users=20, days=40, seed=seed)
    a, b, c = ((tmp_path / n / "user_balance_table.csv").read_bytes() for n in "abc")
    assert a == b
    assert a != c


def test_given_totals_are_met_to_the_fen(tmp_path: Path) -> None:
    totals = tmp_path / "daily.csv"
    totals.write_text(
        "report_date,purchase,redeem\n20140101,1000001,7\n20140102,0,900000\n20140103,5,100000\n20140104,123456789,0\n"
        "20140105,3,9000000000000\n"
    )
    sample = write_sample(tmp_path / "s", users=13, totals=totals)
    panel = load(DataSpec(), tmp_path / "s", "CN")
    assert panel.y.tolist() == [[1000001, 0, 5, 123456789, 3], [7, 900000, 100000, 0, 9000000000000]]
    frame = pd.read_csv(sample.files[2])
    assert (frame.tBalance >= 0).all()


@pytest.mark.skipif(
    not (Path(__file__).parents[4] / "shared/data/yuebao").is_dir(),
    reason="needs the competition's data beside the checkout",
)
def test_the_real_totals_are_met_to_the_fen(tmp_path: Path) -> None:
    real = Path(__file__).parents[4] / "shared/data/yuebao"
    write_sample(tmp_path, users=300, totals=real / "daily_totals.csv")
    made, given = load(DataSpec(), tmp_path, "CN"), load(DataSpec(), real, "CN")
    assert (made.ds == given.ds).all()
    assert (made.y == given.y).all()


def test_sample_is_neither_overwritten_nor_half_written(tmp_path: Path) -> None:
    write_sample(tmp_path, users=5, days=10)
    before = (tmp_path / "user_balance_table.csv").read_bytes()
    with pytest.raises(StorageError, match=r"mfd_bank_shibor\.csv: it is there already"):
        write_sample(tmp_path, users=6, days=10)
    assert (tmp_path / "user_balance_table.csv").read_bytes() == before
    assert not list(tmp_path.glob(".sample*"))
    write_sample(tmp_path, users=6, days=10, overwrite=True)
    assert (tmp_path / "user_balance_table.csv").read_bytes() != before


def test_impossible_samples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no kind of sample called 'stocks'"):
        write_sample(tmp_path / "a", kind="stocks")
    with pytest.raises(ConfigError, match="0 users"):
        write_sample(tmp_path / "a", users=0)
    with pytest.raises(ConfigError, match="one price series"):
        write_sample(tmp_path / "a", kind="ohlcv", users=2)
    with pytest.raises(ConfigError, match="leave out days"):
        write_sample(tmp_path / "a", days=3, totals="x.csv")
    with pytest.raises(DataError, match=r"x\.csv: there is no such file"):
        write_sample(tmp_path / "a", totals=tmp_path / "x.csv")
    assert list((tmp_path / "a").glob("*")) == []


def test_shares_sum_exactly_and_respect_caps() -> None:
    rng = np.random.default_rng(0)
    for total in (0, 1, 7, 2**53 - 1):
        assert share_out(total, rng.random(11)).sum() == total
    caps = rng.integers(0, 1000, 50)
    shares = share_out_below(int(caps.sum()) - 3, rng.random(50), caps)
    assert shares.sum() == caps.sum() - 3
    assert ((shares >= 0) & (shares <= caps)).all()
    parts = split_rows(np.array([0, 5, 10**12]), rng.random((3, 4)))
    assert parts.sum(axis=1).tolist() == [0, 5, 10**12]


def test_the_days_after_the_demo_are_known_and_change_no_day_before():
    from forecasting.sample.competition import made_up_totals, truth_after
    from forecasting.sample.daily import After, flows
    from forecasting.sample.text import stream

    ds = np.arange("2013-07-01", "2014-09-01", dtype="datetime64[D]")
    known = made_up_totals(ds, 50, 1)
    later, purchase, redeem = truth_after(ds, 50, 1, 30)
    assert (str(later[0]), str(later[-1]), len(purchase), len(redeem)) == ("2014-09-01", "2014-09-30", 30, 30)
    both = flows(np.concatenate([ds, later]), 50, stream(1, "flows"), After(30, stream(1, "after")))
    assert (both[0][:-30] == known.purchase).all()
    assert (both[1][:-30] == known.redeem).all()
    assert 0.5 < purchase.mean() / known.purchase[-30:].mean() < 2
