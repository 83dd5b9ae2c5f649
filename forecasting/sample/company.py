"""A company's bank accounts on work days: amounts in euros with cents, as a treasurer's table holds them.

Six accounts, each with a trait that forecasting has to meet:

    operations   the ordinary one: weekday pattern, month ends, holidays of Germany
    webshop      refunds: single days on which more goes back than comes in, so inflow is negative
    payroll      zero but on pay days: the 25th, or the last work day before it
    old-bank     closed: its rows end ten weeks before the others
    project      stopped: zero for the last eight weeks
    branch       lags: its last two days are not there yet

Operations pays a tax on the 10th of every third month, or the next work day. Its amounts are planned: they stand in
planned.csv a month before. Accounts belong to two groups (groups.csv) and hold one of two currencies (units.csv).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from forecasting.axis import Axis
from forecasting.calendar import Calendar, CalendarDays
from forecasting.errors import ConfigError
from forecasting.sample.daily import level_path
from forecasting.sample.text import stream, write_lines
from forecasting.schema import BoolArray, DateArray, FloatArray, iso

__all__ = ["ACCOUNTS", "PAY_DAY", "write_company"]

ACCOUNTS = ("operations", "webshop", "payroll", "old-bank", "project", "branch")
PAY_DAY = 25
CLOSED_WEEKS, STOPPED_WEEKS, LAG_DAYS = 10, 8, 2
WEEK = np.array([1.15, 1.0, 0.95, 1.0, 1.1, 1.0, 1.0])
SIZE = {"operations": 80_000.0, "webshop": 12_000.0, "old-bank": 20_000.0, "project": 15_000.0, "branch": 9_000.0}
WAGES = 240_000.0
REFUND_SHARE = 0.03
"""Share of the web shop's days on which refunds exceed sales."""
TAX, TAX_DAY, TAX_MONTHS = 400_000.0, 10, (3, 6, 9, 12)
TAX_KNOWN = 30
"""Days before a tax is due on which its amount is known."""
GROUPS = {"trade": ("operations", "webshop", "branch"), "staff and projects": ("payroll", "old-bank", "project")}
DOLLARS = ("branch", "project")
"""Accounts in USD; the others are in EUR."""


def write_company(folder: Path, ds: DateArray, seed: int) -> int:
    """Write accounts.csv (account, date, inflow and outflow) for the work days among `ds`, and beside it groups.csv,
    units.csv and planned.csv, with the tax of the past and the next one; the number of rows of accounts.csv.

    Raises
    ------
    ConfigError
        For fewer days than the closed account's absence takes.
    """
    if len(ds) < 7 * (CLOSED_WEEKS + STOPPED_WEEKS):
        raise ConfigError(f"a company needs {7 * (CLOSED_WEEKS + STOPPED_WEEKS)} days at least: give more days")
    calendar = Calendar("DE")
    work = ds[calendar.days(ds).workday]
    facts = calendar.days(work)
    taxes = _taxes(work, stream(seed, "company tax"))
    lines = []
    for account in ACCOUNTS:
        inflow, outflow = _flows(account, facts, stream(seed, f"company {account}"))
        if account == "operations":
            outflow = outflow + [taxes.get(iso(day), 0.0) for day in work]
        rows = [f"{account},{iso(d)},{i:.2f},{o:.2f}" for d, i, o in zip(work, inflow, outflow, strict=True)]
        lines += rows[: _rows_there(account, work)]
    write_lines(folder / "accounts.csv", ("account", "date", "inflow", "outflow"), lines)
    _write_beside(folder, taxes)
    return len(lines)


def _taxes(work: DateArray, rng: np.random.Generator) -> dict[str, float]:
    """Amount of the tax by its day: on those among the work days, and on the first after them."""
    axis = Axis("B", Calendar("DE"))
    months = np.arange(work[0].astype("datetime64[M]"), work[-1].astype("datetime64[M]") + 4)
    found: dict[str, float] = {}
    for month in months:
        if int(month.astype(np.int64)) % 12 + 1 not in TAX_MONTHS:
            continue
        amount = float(np.rint(TAX * np.exp(0.2 * rng.standard_normal()) / 1000.0) * 1000.0)
        day = axis.after(month.astype("datetime64[D]") + TAX_DAY - 2, 1)[0]
        if day >= work[0]:
            found[iso(day)] = amount
        if day > work[-1]:
            break
    return found


def _write_beside(folder: Path, taxes: dict[str, float]) -> None:
    groups = [f"{account},{group}" for group, accounts in GROUPS.items() for account in accounts]
    write_lines(folder / "groups.csv", ("account", "group"), groups)
    units = [f"{account},{'USD' if account in DOLLARS else 'EUR'}" for account in ACCOUNTS]
    write_lines(folder / "units.csv", ("account", "unit"), units)
    rows = [
        f"{day},operations,outflow,{amount:.2f},{iso(np.datetime64(day) - TAX_KNOWN)},quarterly tax"
        for day, amount in taxes.items()
    ]
    write_lines(folder / "planned.csv", ("date", "entity", "target", "amount", "known", "note"), rows)


def _rows_there(account: str, work: DateArray) -> int:
    if account == "old-bank":
        return int(np.searchsorted(work, work[-1] - 7 * CLOSED_WEEKS))
    return len(work) - (LAG_DAYS if account == "branch" else 0)


def _flows(account: str, facts: CalendarDays, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Inflow and outflow of each work day, ``[n]``, in EUR."""
    n = len(facts.ds)
    if account == "payroll":
        wages = WAGES * np.exp(0.03 * rng.standard_normal(n)) * pay_days(facts)
        return wages, wages
    level = np.exp(level_path(n, rng, jumps=1, jump_sd=0.1, wander_sd=0.01)) * WEEK[facts.weekday]
    month_end = np.where(facts.days_left < 3, 1.5, 1.0)
    inflow = SIZE[account] * level * np.exp(0.15 * rng.standard_normal(n))
    outflow = 0.9 * SIZE[account] * level * month_end * np.exp(0.15 * rng.standard_normal(n))
    if account == "webshop":
        refunds = rng.random(n) < REFUND_SHARE
        inflow = np.where(refunds, -0.3 * inflow, inflow)
    if account == "project":
        running = facts.ds < facts.ds[-1] - 7 * STOPPED_WEEKS
        inflow, outflow = inflow * running, outflow * running
    return inflow, outflow


def pay_days(facts: CalendarDays) -> BoolArray:
    """Whether wages are paid on each of consecutive work days ``[n]``."""
    following = Axis("B", Calendar("DE")).after(facts.ds[-1], 1)
    until = np.append(facts.ds[1:], following) - 1
    due = facts.ds.astype("datetime64[M]").astype("datetime64[D]") + PAY_DAY - 1
    return np.asarray((facts.ds <= due) & (due <= until))
