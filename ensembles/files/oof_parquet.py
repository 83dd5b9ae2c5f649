"""Cubes read back from the files of a run: what was forecast needs no training to be judged again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ensembles.oof import MemberInfo, OofCube
from forecasting.errors import StorageError
from forecasting.schema import BLEND, CUTOFF, DS, MEMBER, UNIQUE_ID, Y_HAT, BoolArray, Y, as_dates

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["cubes_of_run"]


def cubes_of_run(oof: pa.Table, board: Mapping[str, Any]) -> dict[str, OofCube]:
    """One cube per target.

    Parameters
    ----------
    oof
        Content of oof.parquet.
    board
        Content of leaderboard.json: it knows each member's family, setting and seed.

    Raises
    ------
    StorageError
        When the two files do not belong together.
    """
    infos = {
        row["member"]: MemberInfo(row["member_id"], row["member"], row["family"], row["setting"], row["seed"])
        for row in board["rows"]
        if row["member_id"] and row["status"] == "ok"
    }
    columns = {name: oof[name].to_numpy() for name in (UNIQUE_ID, DS, CUTOFF, MEMBER, Y_HAT, Y)}
    strangers = set(columns[MEMBER]) - set(infos) - {BLEND}
    if strangers:
        raise StorageError(
            f"oof.parquet holds {min(strangers)}, which leaderboard.json does not know: run again to write both"
        )
    member = columns[MEMBER] != BLEND
    return {
        target: _cube(target, columns, member & _of_target(columns[UNIQUE_ID], target), infos)
        for target in board["weights"]
    }


def _of_target(unique_ids: Any, target: str) -> BoolArray:
    return np.array([uid == target or uid.endswith(f"/{target}") for uid in unique_ids], dtype=bool)


def _cube(target: str, columns: Mapping[str, Any], rows: BoolArray, infos: Mapping[str, MemberInfo]) -> OofCube:
    if not rows.any():
        raise StorageError(f"oof.parquet holds no forecast of {target}: run again to write it")
    series, at_series = _places(columns[UNIQUE_ID][rows])
    names, at_member = _places(columns[MEMBER][rows])
    days, cutoffs = as_dates(columns[DS][rows]), as_dates(columns[CUTOFF][rows])
    windows, at_window = np.unique(cutoffs, return_inverse=True)
    step = (days - cutoffs).astype(np.int64) - 1
    shape = (len(series), len(windows), int(step.max()) + 1)
    y_hat, y = np.full((*shape, len(names)), np.nan), np.full(shape, np.nan)
    y_hat[at_series, at_window, step, at_member] = columns[Y_HAT][rows]
    y[at_series, at_window, step] = columns[Y][rows]
    members = tuple(infos[name] for name in names)
    return OofCube(target, tuple(series), tuple(windows), members, y_hat, y)


def _places(labels: Any) -> tuple[list[str], Any]:
    """Distinct labels in order of first appearance, and each one's place among them."""
    order = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    return list(order), np.array([order[label] for label in labels])
