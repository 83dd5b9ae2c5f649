"""Checks of the profile table against the users of the user table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from forecasting.data.formats.files import Folder
from forecasting.data.formats.reading import columns_of
from forecasting.data.formats.table import read_frame
from forecasting.data.quality.finding import Finding
from forecasting.data.quality.table_checks import finding_of, records_finding
from forecasting.errors import DataError

__all__ = ["check_profiles"]

_TABLE, _USER = "user_profile_table", "user_id"


def check_profiles(folder: Folder, users: Mapping[str, int] | None) -> list[Finding]:
    """Findings about the profile table; `users` are those of the user table (None: there is none)."""
    files = folder.find(_TABLE)
    if not files:
        return (
            []
            if users is None
            else [Finding("profile table", "info", 1, _TABLE, "absent", "nothing to do: no forecast reads it")]
        )
    try:
        if _USER not in columns_of(files[0]):
            return [
                Finding("profile table", "warning", 1, files[0].name, f"no column {_USER}", "name the users' column so")
            ]
        frame = read_frame(files, [_USER])
    except DataError as error:
        return [finding_of(error).__class__(**(vars(finding_of(error)) | {"severity": "warning"}))]
    ids = [str(u or "").strip() for u in frame.columns[_USER].cast(pa.string()).to_pylist()]
    _, once = np.unique(np.array(ids, dtype=object), return_index=True)
    twice = np.setdiff1d(np.arange(len(ids)), once)
    found: list[Finding] = []
    if len(twice):
        value = f"user {ids[int(twice[0])]!r}"
        found += records_finding(frame, "duplicate profile", "warning", twice, value, "keep one row a user")
    if users is not None:
        without = sorted(set(users) - set(ids))
        if without:
            value = f"user {without[0]!r}"
            name = frame.files[0].name
            found.append(Finding("user without profile", "warning", len(without), name, value, "add the profile"))
    return found
