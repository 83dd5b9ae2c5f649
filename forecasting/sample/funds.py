"""A panel of funds: one table of daily purchases, redemptions and page views per fund."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from forecasting.calendar import Calendar
from forecasting.sample.daily import level_path
from forecasting.sample.text import compact, stream, write_lines
from forecasting.schema import DateArray, FloatArray

__all__ = ["write_funds"]

_HEADER = (
    "fund_code",
    "transaction_date",
    "apply_amt",
    "redeem_amt",
    "uv_key_page_1",
    "uv_key_page_2",
    "uv_key_page_3",
)


def write_funds(folder: Path, ds: DateArray, funds: int, seed: int) -> int:
    """Write fund_apply_redeem_series.csv; the number of its rows.

    Funds share a market's level and the calendar of days off, differ in size and in how much they follow, and have
    heavy tails. Page views lead purchases by a day.
    """
    workday = Calendar("CN").days(ds).workday
    market = level_path(len(ds), stream(seed, "market"), jumps=3, jump_sd=0.15, wander_sd=0.04)
    codes = np.sort(stream(seed, "codes").choice(max(20_000, 2 * funds), size=funds, replace=False) + 80)
    lines = []
    for code in codes.tolist():
        columns = _fund(market, workday, stream(seed, f"fund {code}"))
        for day, row in zip(ds, columns.T, strict=True):
            lines.append(f"{code:06d},{compact(day)}," + ",".join(f"{value:.6f}" for value in row))
    write_lines(folder / "fund_apply_redeem_series.csv", _HEADER, lines)
    return len(lines)


def _fund(
    market: FloatArray, workday: np.ndarray[tuple[int], np.dtype[np.bool_]], rng: np.random.Generator
) -> FloatArray:
    """Purchases, redemptions and three kinds of page views, ``[5, n_days]``."""
    n = len(market)
    size, follows = 8.5 + 1.2 * rng.standard_normal(), rng.uniform(0.3, 1.2)
    interest = follows * market + level_path(n, rng, jumps=3, jump_sd=0.25, wander_sd=0.08)
    off = np.where(workday, 0.0, rng.uniform(-1.2, -0.3))
    purchase = size + interest + off + 0.25 * rng.standard_t(3, n)
    redeem = size - 0.2 + 0.5 * interest + 1.1 * off + 0.25 * rng.standard_t(3, n)
    led = np.append(interest[1:], interest[-1])
    views = [7.0 + k + 0.5 * led + 0.5 * off + 0.15 * rng.standard_normal(n) for k in range(3)]
    return np.asarray(np.exp(np.clip(np.stack([purchase, redeem, *views]), -20, 30)))
