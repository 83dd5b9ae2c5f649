"""What reading gives: a panel, and the series that had to be left out."""

from __future__ import annotations

from dataclasses import dataclass

from forecasting.errors import DataError
from forecasting.panel import Panel, Series

__all__ = ["Loaded", "SeriesProblem"]


@dataclass(frozen=True)
class SeriesProblem:
    """A series of a panel that cannot be used, and why in one sentence."""

    series: Series
    error: DataError

    @property
    def reason(self) -> str:
        """The error's sentence."""
        return str(self.error)


@dataclass(frozen=True)
class Loaded:
    """The usable series, and those left out."""

    panel: Panel
    problems: tuple[SeriesProblem, ...] = ()
