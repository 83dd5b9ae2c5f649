"""Accounts with planted anomalies: daily money in and out per account, each row labelled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from forecasting.calendar import Calendar
from forecasting.sample.daily import level_path
from forecasting.sample.text import compact, stream, write_lines
from forecasting.schema import BoolArray, DateArray, FloatArray

__all__ = ["ANOMALIES", "write_accounts"]

ANOMALIES = ("spike", "drain", "silence")
"""One day of many times the usual outflow; several days of raised outflow; several days without any flow."""

_FEN = 100_000.0
_QUIET_START = 60
"""No anomaly in the first days, from which a model learns what is usual."""
_DAYS_BETWEEN = 150
"""Mean number of days from one anomaly of an account to the next."""


def write_accounts(folder: Path, ds: DateArray, accounts: int, seed: int) -> int:
    """Write accounts.csv (account_id, ds, inflow and outflow in fen, anomaly); the number of its rows.

    `anomaly` is the kind of the anomaly planted on that day, empty on usual days.
    """
    workday = Calendar("CN").days(ds).workday
    lines = []
    for account in range(1, accounts + 1):
        rng = stream(seed, f"account {account}")
        inflow, outflow = _usual(workday, rng)
        labels = [""] * len(ds)
        for kind, days in _planted(len(ds), rng):
            _plant(kind, days, inflow, outflow, rng)
            labels[days] = [kind] * (days.stop - days.start)
        fen_in, fen_out = (np.rint(flow).astype(np.int64) for flow in (inflow, outflow))
        rows = zip(ds, fen_in, fen_out, labels, strict=True)
        lines += [f"A{account:05d},{compact(d)},{i},{o},{label}" for d, i, o, label in rows]
    write_lines(folder / "accounts.csv", ("account_id", "ds", "inflow", "outflow", "anomaly"), lines)
    return len(lines)


def _usual(workday: BoolArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    n = len(workday)
    size = rng.standard_normal()
    off = np.where(workday, 0.0, rng.uniform(-0.8, 0.1))
    level = size + level_path(n, rng, jumps=1, jump_sd=0.15, wander_sd=0.03) + off
    inflow = _FEN * np.exp(level + 0.2 * rng.standard_normal(n))
    outflow = _FEN * np.exp(level - 0.1 + 0.2 * rng.standard_normal(n))
    return inflow, outflow


def _planted(n: int, rng: np.random.Generator) -> Iterator[tuple[str, slice]]:
    """Kind and days of each anomaly of one account, in order and apart."""
    start = _QUIET_START + int(rng.exponential(_DAYS_BETWEEN))
    while start < n:
        kind = ANOMALIES[int(rng.integers(len(ANOMALIES)))]
        length = 1 if kind == "spike" else int(rng.integers(3, 8))
        yield kind, slice(start, min(start + length, n))
        start += length + 14 + int(rng.exponential(_DAYS_BETWEEN))


def _plant(kind: str, days: slice, inflow: FloatArray, outflow: FloatArray, rng: np.random.Generator) -> None:
    if kind == "silence":
        inflow[days] = 0
        outflow[days] = 0
    else:
        outflow[days] *= rng.uniform(6, 15) if kind == "spike" else rng.uniform(2.5, 4)
