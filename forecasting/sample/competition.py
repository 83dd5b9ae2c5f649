"""The competition's folder: user rows, profiles, and the two rate tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from forecasting.sample.daily import After, flows
from forecasting.sample.rates import SHIBOR, annualised, daily_yields, shibor
from forecasting.sample.text import compact, stream, write_lines
from forecasting.sample.users import CATEGORIES, COLUMNS, Day, Totals, user_days
from forecasting.schema import DateArray, IntArray

__all__ = ["made_up_totals", "truth_after", "with_yields", "write_competition"]

_ROWS_A_WRITE = 100_000
_SIGNS = (
    "白羊座",
    "金牛座",
    "双子座",
    "巨蟹座",
    "狮子座",
    "处女座",
    "天秤座",
    "天蝎座",
    "射手座",
    "摩羯座",
    "水瓶座",
    "双鱼座",
)
_CITIES = (6411949, 6412149, 6301949, 6281949, 6081949, 6581949, 6481949)


def made_up_totals(ds: DateArray, users: int, seed: int) -> Totals:
    """Totals to meet when none are given."""
    purchase, redeem = flows(ds, users, stream(seed, "flows"))
    return with_yields(ds, purchase, redeem, seed)


def truth_after(ds: DateArray, users: int, seed: int, n_days: int) -> tuple[DateArray, IntArray, IntArray]:
    """Days, purchases and redemptions that follow the totals of `made_up_totals`, ``[n_days]`` each."""
    later = ds[-1] + 1 + np.arange(n_days)
    both = flows(np.concatenate([ds, later]), users, stream(seed, "flows"), After(n_days, stream(seed, "after")))
    return later, both[0][-n_days:], both[1][-n_days:]


def with_yields(ds: DateArray, purchase: IntArray, redeem: IntArray, seed: int) -> Totals:
    """Given totals with made-up yields."""
    return Totals(ds, purchase, redeem, daily_yields(len(ds), stream(seed, "yields")))


def write_competition(folder: Path, totals: Totals, users: int, seed: int) -> int:
    """Write the four tables into an existing folder; the number of user rows."""
    yields: list[float] = []
    n_rows = 0
    with (folder / "user_balance_table.csv").open("wb") as file:
        file.write((",".join((*COLUMNS, *CATEGORIES)) + "\n").encode())
        for days in _in_chunks(user_days(totals, users, stream(seed, "users"))):
            yields += [day.daily_yield for day in days]
            table = _table(days)
            n_rows += table.num_rows
            pacsv.write_csv(table, file, pacsv.WriteOptions(include_header=False, quoting_style="none"))
    _write_yields(folder / "mfd_day_share_interest.csv", totals.ds, np.array(yields))
    bank_days, rates = shibor(totals.ds, stream(seed, "shibor"))
    lines = [f"{compact(d)}," + ",".join(f"{r:.4f}" for r in row) for d, row in zip(bank_days, rates, strict=True)]
    write_lines(folder / "mfd_bank_shibor.csv", ("mfd_date", *SHIBOR), lines)
    write_lines(folder / "user_profile_table.csv", ("user_id", "sex", "city", "constellation"), _profiles(users, seed))
    return n_rows


def _in_chunks(days: Iterable[Day]) -> Iterator[list[Day]]:
    chunk: list[Day] = []
    for day in days:
        chunk.append(day)
        if sum(len(d.user_ids) for d in chunk) >= _ROWS_A_WRITE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _table(days: list[Day]) -> pa.Table:
    amounts = np.concatenate([d.amounts for d in days])
    categories = np.concatenate([d.categories for d in days])
    empty = ~np.concatenate([d.consumes for d in days])
    columns = [
        pa.array(np.concatenate([d.user_ids for d in days])),
        pa.array(np.concatenate([np.full(len(d.user_ids), int(compact(d.ds))) for d in days])),
        *(pa.array(np.ascontiguousarray(column)) for column in amounts.T),
        *(pa.array(np.ascontiguousarray(column), mask=empty) for column in categories.T),
    ]
    return pa.Table.from_arrays(columns, names=[*COLUMNS, *CATEGORIES])


def _write_yields(path: Path, ds: DateArray, yields: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    lines = [
        f"{compact(d)},{daily:.4f},{annual:.3f}"
        for d, daily, annual in zip(ds, yields, annualised(yields), strict=True)
    ]
    write_lines(path, ("mfd_date", "mfd_daily_yield", "mfd_7daily_yield"), lines)


def _profiles(users: int, seed: int) -> list[str]:
    rng = stream(seed, "profiles")
    sex, city, sign = rng.integers(2, size=users), rng.choice(_CITIES, size=users), rng.integers(12, size=users)
    return [f"{user + 1},{sex[user]},{city[user]},{_SIGNS[sign[user]]}" for user in range(users)]
