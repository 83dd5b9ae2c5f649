"""Writing a sample: the kinds there are, and files that appear only when they are whole."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forecasting.data.dataset import open_data
from forecasting.data.spec import DataSpec
from forecasting.errors import ConfigError, DataError, StorageError
from forecasting.sample.accounts import write_accounts
from forecasting.sample.company import write_company
from forecasting.sample.competition import made_up_totals, truth_after, with_yields, write_competition
from forecasting.sample.funds import write_funds
from forecasting.sample.prices import write_prices
from forecasting.schema import DateArray, IntArray

__all__ = ["KINDS", "Sample", "truth_of_demo", "write_sample"]

_END = np.datetime64("2014-08-31", "D")
"""Last day of every sample: the end of a month, as monthly windows want it."""

KINDS = {
    "yuebao": (2000, 427),
    "funds": (20, 427),
    "ohlcv": (1, 1461),
    "accounts": (50, 427),
    "business-accounts": (50, 427),
    "company": (6, 731),
}
"""Kind -> how many users (funds, accounts) and days it has unless told."""

FIXED = {"ohlcv": "one price series", "company": "six accounts"}


@dataclass(frozen=True)
class Sample:
    """What was written: `rows` counts those of the main table."""

    directory: Path
    kind: str
    rows: int
    files: tuple[Path, ...]


def write_sample(
    directory: str | Path,
    *,
    kind: str = "yuebao",
    users: int | None = None,
    days: int | None = None,
    seed: int = 1,
    totals: str | Path | None = None,
    overwrite: bool = False,
) -> Sample:
    """Write a synthetic data set.

    Parameters
    ----------
    directory
        Folder to write into; made when absent.
    kind
        One of `KINDS`.
    users, days
        How many users (funds, accounts) and days; None: the kind's default. The last day is 2014-08-31.
    seed
        Equal seeds give equal bytes.
    totals
        yuebao only: a daily table (report_date, purchase, redeem, fen) whose days and sums the user rows meet exactly.
    overwrite
        Replace files of the same names; otherwise they are an error.

    Raises
    ------
    ConfigError
        For an unknown kind, too few users or days, or totals for another kind.
    DataError
        When the totals cannot be read.
    StorageError
        When the files cannot be written, or are there already.
    """
    if kind not in KINDS:
        raise ConfigError(f"there is no kind of sample called {kind!r}: use one of {', '.join(KINDS)}")
    n_users = KINDS[kind][0] if users is None else users
    n_days = KINDS[kind][1] if days is None else days
    if n_users < 1 or not 1 <= n_days <= 36_500:
        raise ConfigError(f"a sample of {n_users} users and {n_days} days cannot be made: give at least one of each")
    if totals is not None and (kind != "yuebao" or days is not None):
        raise ConfigError("totals give the days of a yuebao sample: leave out days and other kinds")
    if kind in FIXED and users is not None and users != KINDS[kind][0]:
        raise ConfigError(f"a sample of kind {kind} is {FIXED[kind]}: leave out users")
    folder = Path(directory)
    staging = folder / f".sample-{uuid.uuid4().hex}"
    try:
        staging.mkdir(parents=True)
        try:
            rows = _write(staging, kind, n_users, _END - np.arange(n_days)[::-1], seed, totals)
            files = _publish(staging, folder, overwrite)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        reason = error.strerror or error
        raise StorageError(f"{folder}: the sample cannot be written ({reason}): choose another folder") from None
    return Sample(folder, kind, rows, files)


def truth_of_demo(n_days: int) -> tuple[DateArray, dict[str, IntArray]]:
    """What comes in the days after the default sample: days, and totals by target in fen, ``[n_days]`` each."""
    users, known = KINDS["yuebao"]
    ds, purchase, redeem = truth_after(_END - np.arange(known)[::-1], users, 1, n_days)
    return ds, {"purchase": purchase, "redeem": redeem}


def _write(staging: Path, kind: str, users: int, ds: DateArray, seed: int, totals: str | Path | None) -> int:
    if kind == "funds":
        return write_funds(staging, ds, users, seed)
    if kind == "ohlcv":
        return write_prices(staging, ds, seed)
    if kind in ("accounts", "business-accounts"):
        return write_accounts(staging, ds, users, seed, rests=kind != "accounts")
    if kind == "company":
        return write_company(staging, ds, seed)
    if totals is None:
        return write_competition(staging, made_up_totals(ds, users, seed), users, seed)
    panel = open_data(DataSpec(kind="table"), totals, None).panel
    fen = panel.y.astype(np.int64)
    broken = np.flatnonzero((fen != panel.y).any(axis=0))
    if len(broken):
        what = f"the totals on {panel.ds[broken[0]]} are no whole fen"
        raise DataError(where=str(totals), what=what, remedy="round them")
    return write_competition(staging, with_yields(panel.ds, fen[0], fen[1], seed), users, seed)


def _publish(staging: Path, folder: Path, overwrite: bool) -> tuple[Path, ...]:
    names = sorted(path.name for path in staging.iterdir())
    for name in names:
        if (folder / name).exists() and not overwrite:
            raise StorageError(f"{folder / name}: it is there already: choose an empty folder")
    for name in names:
        (staging / name).replace(folder / name)
    return tuple(folder / name for name in names)
