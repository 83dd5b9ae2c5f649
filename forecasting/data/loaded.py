"""What reading gives: a panel, the series that had to be left out, and what to tell the user of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from forecasting.errors import DataError

if TYPE_CHECKING:
    from forecasting.data.hierarchy.hierarchy import Hierarchy
    from forecasting.panel import Panel, Series

__all__ = ["Loaded", "SeriesProblem"]


@dataclass(frozen=True)
class SeriesProblem:
    """A series of a panel that cannot be used, and why in one sentence; `closed`: its last day, if it ended before
    the others.
    """

    series: Series
    error: DataError
    closed: np.datetime64 | None = None

    @property
    def reason(self) -> str:
        """The error's sentence."""
        return str(self.error)


@dataclass(frozen=True)
class Loaded:
    """The usable series, and those left out.

    `decimals` that the source's amounts have; `notes`: sentences about what was decided for the user; `reading`: what
    was understood, in one line; `hierarchy` of a panel's entities where groups or units are given; `balances` at the
    end of the data by entity, `ALL` (see `balance`) of all together; of those of a column, `balance_days` are the days.
    """

    panel: Panel
    problems: tuple[SeriesProblem, ...] = ()
    decimals: int = 0
    notes: tuple[str, ...] = ()
    reading: str = ""
    hierarchy: Hierarchy | None = None
    balances: Mapping[str, float] = field(default_factory=dict)
    balance_days: Mapping[str, np.datetime64] = field(default_factory=dict)

    @property
    def said(self) -> tuple[str, ...]:
        """All that the user is told before anything is computed."""
        return (*((self.reading,) if self.reading else ()), *self.notes)
