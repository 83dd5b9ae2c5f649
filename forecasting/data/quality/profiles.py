"""The profile table, and checks of it against the users of the user table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forecasting.data.formats.files import Folder
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import SmallTable
from forecasting.data.formats.whole import read_table
from forecasting.data.quality.finding import Finding, finding_of
from forecasting.data.quality.table_checks import records_finding
from forecasting.errors import DataError

__all__ = ["Profiles", "check_profiles", "read_profiles"]

_TABLE, _USER = "user_profile_table", "user_id"
_GROUPS = ("sex", "city")


@dataclass(frozen=True)
class Profiles:
    """The table as it was read: the user of each row, and by `sex` and `city`, where it has them, each row's text."""

    table: SmallTable
    ids: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]


def read_profiles(folder: Folder) -> Profiles | Finding | None:
    """The profile table; None where there is none, a finding where it cannot be used."""
    files = folder.find(_TABLE)
    if not files:
        return None
    try:
        with OpenTable(files) as opened:
            if _USER not in opened.columns:
                value, remedy = f"no column {_USER}", "name the users' column so"
                return Finding("profile table", "warning", 1, opened.name, value, remedy)
            groups = [column for column in _GROUPS if opened.columns.count(column) == 1]
            table = read_table(opened, [_USER, *groups])
        texts = {column: tuple(text.strip() for text in table.texts(column)) for column in (_USER, *groups)}
    except DataError as error:
        return finding_of(error, severity="warning")
    return Profiles(table, texts.pop(_USER), texts)


def check_profiles(found: Profiles | Finding | None, users: Mapping[str, int] | None) -> list[Finding]:
    """Findings about the profile table; `users` are those of the user table (None: there is none)."""
    if found is None:
        absent = Finding("profile table", "info", 1, _TABLE, "absent", "nothing to do: no forecast reads it")
        return [] if users is None else [absent]
    return [found] if isinstance(found, Finding) else _about_ids(found, users)


def _about_ids(profiles: Profiles, users: Mapping[str, int] | None) -> list[Finding]:
    ids, table = profiles.ids, profiles.table
    _, once = np.unique(np.array(ids, dtype=object), return_index=True)
    twice = np.setdiff1d(np.arange(len(ids)), once)
    found: list[Finding] = []
    if len(twice):
        value = f"user {ids[int(twice[0])]!r}"
        found += records_finding(table, ("duplicate profile", "warning"), twice, value, "keep one row a user")
    without = sorted(set(users or ()) - set(ids))
    if without:
        value = f"user {without[0]!r}"
        found.append(Finding("user without profile", "warning", len(without), table.name, value, "add the profile"))
    return found
