"""`kind: jsonlines`. One JSON object a line for each day, such as {"ds": "2024-01-31", "purchase": 12, "redeem": 9}."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

import numpy as np

from forecasting.calendar import Calendar
from forecasting.data.formats.files import TableFile, reading, table_at
from forecasting.data.loaded import Loaded
from forecasting.data.quality.finding import Finding
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Panel, Series
from forecasting.schema import DateArray, FloatArray, as_dates

__all__ = ["JsonLines"]


class JsonLines:
    """The data source of daily objects, in the order of their days."""

    kind = "jsonlines"

    def __init__(
        self, spec: DataSpec, path: str | Path, cache_dir: Path | None, *, checked: bool, signed: bool
    ) -> None:
        del cache_dir, checked, signed  # a few bytes a day: read whole, never kept, and never negative
        self._targets, self._path = tuple(spec.targets), path

    @cached_property
    def location(self) -> tuple[TableFile, ...]:
        """The file."""
        return table_at(self._path)

    @property
    def _name(self) -> str:
        return self.location[0].name

    @cached_property
    def _days(self) -> tuple[DateArray, FloatArray]:
        """Days ``[n]`` and amounts ``[n_targets, n]``."""
        with reading(self._name), self.location[0].open() as file:
            records = [json.loads(line) for line in file.read().splitlines()]
        try:
            ds = as_dates([record["ds"] for record in records])
            y = np.array([[record[target] for record in records] for target in self._targets], dtype=np.float64)
        except (KeyError, TypeError, ValueError) as error:
            what = f"a line lacks a day or an amount ({error})"
            raise DataError(where=self._name, what=what, remedy="fill it in") from None
        return ds, y

    def load(self, calendar: Calendar) -> Loaded:
        """The panel.

        Raises
        ------
        DataError
            When a line cannot be read, or days do not follow each other.
        """
        ds, y = self._days
        if (np.diff(ds) != np.timedelta64(1, "D")).any():
            raise DataError(where=self._name, what="days do not follow each other", remedy="give one line a day")
        series = tuple(Series(target) for target in self._targets)
        return Loaded(Panel(ds, series, y, np.empty((*y.shape, 0)), (), calendar))

    def check(self, bank_days: Calendar) -> list[Finding]:
        """Nothing beyond what reading says."""
        del bank_days
        return []

    def place(self, series: Series, day: np.datetime64) -> str:
        """``file:line`` of a day."""
        del series
        return f"{self._name}:{int(np.searchsorted(self._days[0], day)) + 1}"
