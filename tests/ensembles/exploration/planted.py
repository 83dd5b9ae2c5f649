"""Data with planted facts, of three kinds: a competition's folder, a table, a panel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ensembles.exploration.exploration import Exploration
from ensembles.exploration.material import Material
from forecasting.calendar import Calendar, weekday_of
from forecasting.data.loaded import Loaded
from forecasting.data.quality.series_checks import series_cases
from forecasting.panel import Panel, Series

WEEK = np.array([1.4, 1.1, 1.0, 1.0, 1.0, 0.7, 0.5])
"""Monday is the highest day, Sunday the lowest."""


def material_of(y: Any, start: str = "2024-01-01", country: str | None = None, **options: Any) -> Material:
    """Material of series ``[n_series, n]`` of days; options: `freq`, `series`, `past` ``[n, n_past]``, `kind`."""
    y = np.atleast_2d(np.asarray(y, dtype=float))
    step = 7 if options.get("freq") == "W" else 1
    ds = np.datetime64(start, "D") + step * np.arange(y.shape[1])
    series = options.get("series") or tuple(Series(f"t{k}") for k in range(len(y)))
    past = np.asarray(options.get("past", np.empty((y.shape[1], 0))), dtype=float)
    names = tuple(f"rate{k}" for k in range(past.shape[1]))
    panel = Panel(
        ds, series, y, np.repeat(past[None], len(y), axis=0), names, Calendar(country), options.get("freq", "D")
    )
    return Material("planted", options.get("kind", "table"), "EUR", Loaded(panel), series_cases(panel), ())


def sentence(found: Exploration, subject: str) -> str:
    return found.facts[subject].sentence


def table(n: int = 560, seed: int = 1) -> pd.DataFrame:
    """Inflow and outflow of a German company: weekdays, weak holidays, an inflow that shifts up by 60% on day 300, an
    outflow that is 2.5 times as much on day 25 of the month, and one spike without a reason on day 100.
    """
    rng = np.random.default_rng(seed)
    ds = np.datetime64("2024-01-01", "D") + np.arange(n)
    days = Calendar("DE").days(ds)
    usual = WEEK[weekday_of(ds)] * np.where([bool(name) for name in days.holiday], 0.3, 1.0)
    inflow, outflow = (1000 * usual * np.exp(0.1 * rng.standard_normal(n)) for _ in range(2))
    inflow[300:] *= 1.6
    outflow[days.day == 25] *= 2.5
    inflow[100] *= 6
    return pd.DataFrame({"date": pd.DatetimeIndex(ds), "inflow": inflow.round(2), "outflow": outflow.round(2)})


def panel(n: int = 400, entities: int = 30, seed: int = 2) -> pd.DataFrame:
    """A long panel e00, e01, …: e00 moves most of all money, e01 and e02 move together, e03 doubles on day 200, e04
    lacks 12 rows, e05 is zero at weekends, and e06 is zero for its last 60 days.
    """
    rng = np.random.default_rng(seed)
    ds = np.datetime64("2024-01-01", "D") + np.arange(n)
    weekday = weekday_of(ds)
    noise = 0.2 * rng.standard_normal((entities, n))
    noise[2] = 0.95 * noise[1] + 0.05 * noise[2]
    y = 100 * WEEK[weekday] * np.exp(noise)
    y[0] *= 60
    y[3, 200:] *= 2
    y[5, weekday >= 5] = 0
    y[6, -60:] = 0
    ids = [f"e{k:02d}" for k in range(entities)]
    frame = pd.DataFrame(
        {"unique_id": np.repeat(ids, n), "ds": np.tile(pd.DatetimeIndex(ds), entities), "y": y.ravel()}
    )
    gaps = (frame["unique_id"] == "e04") & frame["ds"].isin(pd.DatetimeIndex(ds[[*range(50, 60), 120, 300]]))
    return frame[~gaps].reset_index(drop=True)


@dataclass(frozen=True)
class Folder:
    """A competition's folder, and its user rows as they were written."""

    path: Path
    rows: pd.DataFrame
    city: dict[int, str]


def folder(path: Path, users: int = 400, n: int = 168, seed: int = 3, profiles: bool = True) -> Folder:
    """Users come one after the other and act on a third of the days. Every second user stops in the last four weeks,
    three move ten times as much as the others, those of city 2 three times as much; 70% of what goes out is consumed,
    and the yield of three days before moves purchases.
    """
    rng = np.random.default_rng(seed)
    ds = np.datetime64("2014-01-01", "D") + np.arange(n)
    arrival = np.where(np.arange(users) < users // 4, 0, rng.integers(0, n - 40, users))
    city = np.where(np.arange(users) % 5 == 2, "2", "1")
    size = np.exp(0.3 * rng.standard_normal(users)) * np.where(city == "2", 3.0, 1.0)
    size[[0, 1, 3]] *= 30
    rate = rng.standard_normal(n)
    pull = np.exp(0.25 * np.roll(rate, 3))
    there = arrival[:, None] <= np.arange(n)
    gone = (np.arange(users)[:, None] % 2 == 0) & (np.arange(n) >= n - 28)
    acts = there & ~gone & (rng.random((users, n)) < 1 / 3)
    week = WEEK[weekday_of(ds)]
    bought = np.rint(acts * size[:, None] * (1000 * week * pull) * np.exp(0.2 * rng.standard_normal((users, n))))
    sold = np.rint(acts * size[:, None] * (500 * week) * np.exp(0.2 * rng.standard_normal((users, n))))
    user, day = np.nonzero(there)
    rows = _rows(user, ds[day], bought[user, day].astype(np.int64), sold[user, day].astype(np.int64), size)
    path.mkdir(parents=True, exist_ok=True)
    rows.to_csv(path / "user_balance_table.csv", index=False)
    _write_rates(path, ds, 4 + 0.1 * rate)
    if profiles:
        lines = [f"{u + 1},{u // 2 % 2},{city[u]},x" for u in range(users)]
        (path / "user_profile_table.csv").write_text("\n".join(["user_id,sex,city,constellation", *lines]) + "\n")
    return Folder(path, rows, {u + 1: str(city[u]) for u in range(users)})


def _rows(user: Any, ds: Any, bought: Any, sold: Any, size: Any) -> pd.DataFrame:
    """Rows that keep every sum; each user earns a little each day, which is no act."""
    share = np.rint(10 * size[user]).astype(np.int64)
    change = pd.Series(bought + share - sold).groupby(user).cumsum().to_numpy() + 10**9
    consumed = np.floor(0.7 * sold).astype(np.int64)
    half = bought // 2
    columns = {
        "user_id": user + 1,
        "report_date": pd.DatetimeIndex(ds).strftime("%Y%m%d"),
        "tBalance": change,
        "yBalance": change - (bought + share - sold),
        "total_purchase_amt": bought + share,
        "direct_purchase_amt": bought,
        "purchase_bal_amt": half,
        "purchase_bank_amt": bought - half,
        "total_redeem_amt": sold,
        "consume_amt": consumed,
        "transfer_amt": sold - consumed,
        "tftobal_amt": 0,
        "tftocard_amt": sold - consumed,
        "share_amt": share,
    }
    return pd.DataFrame(columns)


def _write_rates(path: Path, ds: Any, rate: Any) -> None:
    lines = [f"{str(d).replace('-', '')},{r:.4f},3.5" for d, r in zip(ds, rate, strict=True)]
    header = "mfd_date,mfd_daily_yield,mfd_7daily_yield"
    (path / "mfd_day_share_interest.csv").write_text("\n".join([header, *lines]) + "\n")
