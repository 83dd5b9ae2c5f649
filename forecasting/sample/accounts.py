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
_NOISE = 0.05, 0.8
"""Standard deviation of a usual day in logs: each account has its own, from steady to erratic."""
_QUIET_START = 60
"""No anomaly in the first days, from which a model learns what is usual."""
_DAYS_BETWEEN = 150
"""Mean number of days from one anomaly of an account to the next."""


def write_accounts(folder: Path, ds: DateArray, accounts: int, seed: int, *, rests: bool = False) -> int:
    """Write accounts.csv (account_id, ds, inflow and outflow in fen, anomaly); the number of its rows.

    `anomaly` is the kind of the anomaly planted on that day, empty on usual days. With `rests` nothing flows on days
    off: anomalies begin and end on work days, and the days off among them belong to them.
    """
    workday = Calendar("CN").days(ds).workday
    flowing = np.flatnonzero(workday) if rests else np.arange(len(ds))
    lines = []
    for account in range(1, accounts + 1):
        rng = stream(seed, f"account {account}")
        noise = float(np.exp(rng.uniform(*np.log(_NOISE))))
        flows = _usual(workday[flowing], noise, rng)
        labels = [""] * len(ds)
        for kind, days in _planted(len(flowing), rng):
            _plant(kind, days, flows, noise, rng)
            first, last = flowing[days][[0, -1]]
            labels[first : last + 1] = [kind] * (last + 1 - first)
        fen = np.zeros((2, len(ds)), dtype=np.int64)
        fen[:, flowing] = np.rint(flows)
        rows = zip(ds, *fen, labels, strict=True)
        lines += [f"A{account:05d},{compact(d)},{i},{o},{label}" for d, i, o, label in rows]
    write_lines(folder / "accounts.csv", ("account_id", "ds", "inflow", "outflow", "anomaly"), lines)
    return len(lines)


def _usual(workday: BoolArray, noise: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    n = len(workday)
    size = rng.standard_normal()
    off = np.where(workday, 0.0, rng.uniform(-0.8, 0.1))
    level = size + level_path(n, rng, jumps=1, jump_sd=0.15, wander_sd=0.03) + off
    inflow = _FEN * np.exp(level + noise * rng.standard_normal(n))
    outflow = _FEN * np.exp(level - 0.1 + noise * rng.standard_normal(n))
    return inflow, outflow


def _planted(n: int, rng: np.random.Generator) -> Iterator[tuple[str, slice]]:
    """Kind and days of each anomaly of one account, in order and apart."""
    start = _QUIET_START + int(rng.exponential(_DAYS_BETWEEN))
    while start < n:
        kind = ANOMALIES[int(rng.integers(len(ANOMALIES)))]
        length = 1 if kind == "spike" else int(rng.integers(3, 8))
        yield kind, slice(start, min(start + length, n))
        start += length + 14 + int(rng.exponential(_DAYS_BETWEEN))


def _plant(
    kind: str, days: slice, flows: tuple[FloatArray, FloatArray], noise: float, rng: np.random.Generator
) -> None:
    """An anomaly is as far from the usual as the noise of its account takes, and no nearer than people would notice."""
    inflow, outflow = flows
    if kind == "silence":
        inflow[days] = 0
        outflow[days] = 0
    else:
        least, noises = (rng.uniform(6, 15), 5.0) if kind == "spike" else (rng.uniform(2.5, 4), 2.5)
        outflow[days] *= max(least, np.exp(noises * noise))
