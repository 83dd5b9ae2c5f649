"""What the rows of users tell beyond their daily sums: who moves how much, who acts when, and what flows consist of.

It is counted along with the checks, batch by batch: of rows in which a user acts, user and day are kept, of all others
only sums.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from forecasting.data.quality.identities import CATEGORIES, IDENTITIES
from forecasting.schema import DateArray, FloatArray, IntArray

if TYPE_CHECKING:
    from forecasting.data.quality.profiles import Profiles
    from forecasting.data.quality.user_checks import UserChecks
    from forecasting.data.quality.user_rows import UserRows

__all__ = ["INCOME", "UserFlows", "Users"]

INCOME = "share_amt"
"""Income, which is added to purchases though nobody decided on it."""
_STATES = ("tBalance", "yBalance")
"""Columns that hold no flow."""


@dataclass(frozen=True)
class Users:
    """The users of a table of user rows.

    Each of `n_users` users has the day of its first row, `first_day` ``[n_users]``, and the sums of its targets in
    their order, `sums` ``[n_users, n_targets]``, in the unit of the table. A user acts on a day on which it buys or
    redeems; income alone is no act. `act_user` and `act_day` ``[n_acts]`` are the users and days of all acts.
    `by_day` ``[n_days, n_columns]`` holds the sums of the amount columns `columns` on the days `ds`. `groups` gives
    the group of every user by each column of the profile table, "" where it is not known.
    """

    targets: tuple[str, ...]
    first_day: DateArray
    sums: FloatArray
    act_user: IntArray
    act_day: DateArray
    ds: DateArray
    columns: tuple[str, ...]
    by_day: FloatArray
    groups: Mapping[str, tuple[str, ...]]


@dataclass
class UserFlows:
    """Sums and acts as they grow; `targets` are the columns that a run sums."""

    targets: tuple[str, ...]
    sums: FloatArray = field(init=False)
    by_day: dict[np.datetime64, FloatArray] = field(default_factory=dict)
    acts: list[tuple[IntArray, DateArray]] = field(default_factory=list)
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.sums = np.zeros((0, len(self.targets)))

    def add(self, rows: UserRows) -> None:
        """Count rows; those without a user or a day are left out."""
        if rows.users is None:
            return
        if not self.columns:
            self.columns = tuple(c for c in _amount_columns(self.targets) if c in rows.cells)
        good = ~np.isnat(rows.days) & (rows.users >= 0)
        users, days = rows.users[good], rows.days[good]
        amounts = {c: rows.cells[c].values[good].astype(np.float64) for c in self.columns if c in rows.cells}
        self._add_to_users(users, amounts)
        self._add_to_days(days, amounts)
        flows = sum((amounts[c] for c in self.targets), start=np.zeros(len(users))) - amounts.get(INCOME, 0.0)
        self.acts.append((users[flows > 0].astype(np.int32), days[flows > 0]))

    def _add_to_users(self, users: IntArray, amounts: Mapping[str, FloatArray]) -> None:
        n = max(len(self.sums), int(users.max(initial=-1)) + 1)
        grown = np.zeros((n, len(self.targets)))
        grown[: len(self.sums)] = self.sums
        for k, column in enumerate(self.targets):
            grown[:, k] += np.bincount(users, amounts[column], n)
        self.sums = grown

    def _add_to_days(self, days: DateArray, amounts: Mapping[str, FloatArray]) -> None:
        distinct, index = np.unique(days, return_inverse=True)
        nothing = np.zeros(len(distinct))
        columns = [np.bincount(index, amounts[c], len(distinct)) if c in amounts else nothing for c in self.columns]
        for day, row in zip(distinct, np.stack(columns, axis=1), strict=True):
            self.by_day[day] = row + self.by_day.get(day, 0.0)

    def users(self, checks: UserChecks, profiles: Profiles | None) -> Users | None:
        """What was counted; None where no row names its user."""
        if not len(checks.first_day) or not self.by_day:
            return None
        users, days = (np.concatenate(parts) for parts in zip(*self.acts, strict=True))
        ds = np.array(sorted(self.by_day), dtype="datetime64[D]")
        by_day = np.stack([self.by_day[day] for day in ds])
        groups = {} if profiles is None else _groups(checks.users, profiles)
        return Users(self.targets, checks.first_day, self.sums, users, days, ds, self.columns, by_day, groups)


def _amount_columns(targets: tuple[str, ...]) -> tuple[str, ...]:
    """The targets, and the columns of the table that hold flows."""
    ruled = (c for total, (plus, minus) in IDENTITIES.items() for c in (total, *plus, *minus))
    return tuple(c for c in dict.fromkeys((*targets, *ruled, *CATEGORIES)) if c not in _STATES)


def _groups(users: Mapping[str, int], profiles: Profiles) -> dict[str, tuple[str, ...]]:
    """The group of each user, in the order of their numbers."""
    found = {}
    for column, texts in profiles.groups.items():
        known = dict(zip(profiles.ids, texts, strict=True))
        found[column] = tuple(known.get(user, "") for user in users)
    return found
