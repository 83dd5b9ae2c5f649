"""Checks of the profile table against the users of the user table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from forecasting.data.formats.files import Folder
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import SmallTable
from forecasting.data.formats.whole import read_table
from forecasting.data.quality.finding import Finding, finding_of
from forecasting.data.quality.table_checks import records_finding
from forecasting.errors import DataError

__all__ = ["check_profiles"]

_TABLE, _USER = "user_profile_table", "user_id"


def check_profiles(folder: Folder, users: Mapping[str, int] | None) -> list[Finding]:
    """Findings about the profile table; `users` are those of the user table (None: there is none)."""
    files = folder.find(_TABLE)
    if not files:
        absent = Finding("profile table", "info", 1, _TABLE, "absent", "nothing to do: no forecast reads it")
        return [] if users is None else [absent]
    try:
        with OpenTable(files) as opened:
            if _USER not in opened.columns:
                value, remedy = f"no column {_USER}", "name the users' column so"
                return [Finding("profile table", "warning", 1, opened.name, value, remedy)]
            table = read_table(opened, [_USER])
    except DataError as error:
        return [finding_of(error, severity="warning")]
    return _about_ids(table, users)


def _about_ids(table: SmallTable, users: Mapping[str, int] | None) -> list[Finding]:
    ids = [str(u or "").strip() for u in table.columns[_USER].cast(pa.string()).to_pylist()]
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
