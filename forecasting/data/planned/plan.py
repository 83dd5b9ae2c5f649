"""A plan as it stands in its file, before anything is known of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.planned.amounts import Kind

__all__ = ["PlanFile", "PlanRow"]


@dataclass(frozen=True)
class PlanRow:
    """One row: days are NaT where nothing stands; texts are empty. `place` is ``file:row``."""

    place: str
    day: np.datetime64
    until: np.datetime64
    known: np.datetime64
    amount: float
    kind: Kind
    series: str
    entity: str
    target: str
    note: str
    author: str
    unit: str


@dataclass(frozen=True)
class PlanFile:
    """A plan as it was read: `name` of the file; whether it has a column `known`; `decimals` of its amounts; `notes`
    on what was guessed.
    """

    name: str
    rows: tuple[PlanRow, ...]
    has_known: bool
    decimals: int
    notes: tuple[str, ...]
