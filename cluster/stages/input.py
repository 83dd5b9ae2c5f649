"""The data of a run or of a forecast: read, cut at a day, and known again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cluster.config import RunConfig
from forecasting.calendar import Calendar
from forecasting.data.dataset import DataSet, open_data
from forecasting.data.loaded import Loaded
from forecasting.data.quality.finding import Finding
from forecasting.errors import ConfigError, DataError
from forecasting.panel import Panel
from forecasting.schema import as_date, iso

__all__ = ["identity", "load_checked", "load_data"]


def load_data(config: RunConfig, path: str, as_of: str | None) -> Loaded:
    """The usable series up to `as_of` (None: all days), and those left out.

    Raises
    ------
    DataError, ConfigError
        When the data cannot be read, and for an `as_of` that is no day or lies after the data.
    """
    return _until(_opened(config, path, checked=False).loaded, as_of)


def load_checked(config: RunConfig, path: str, as_of: str | None) -> tuple[Loaded, list[Finding]]:
    """What `load_data` gives and what is worth saying about the data, from one reading.

    Raises
    ------
    DataError, ConfigError
        As `load_data`, and when a finding is an error, such as a user's day that stands twice and would count twice.
    """
    data = _opened(config, path, checked=True)
    loaded = _until(data.loaded, as_of)
    for finding in data.findings:
        if finding.severity == "error":
            raise DataError(where=finding.where, what=f"{finding.check} ({finding.value})", remedy=finding.remedy)
    return loaded, data.findings


def identity(panel: Panel) -> str:
    """Fingerprint of the data, whatever calendar goes with them."""
    return replace(panel, calendar=Calendar()).fingerprint()


def _opened(config: RunConfig, path: str, *, checked: bool) -> DataSet:
    cache = None if config.data.cache is None else Path(config.data.cache)
    return open_data(config.data, path, config.calendar, cache, checked=checked)


def _until(loaded: Loaded, as_of: str | None) -> Loaded:
    if as_of is None:
        return loaded
    try:
        day = as_date(as_of)
    except ValueError:
        where = f"--as-of {as_of}"
        raise ConfigError(where=where, what="not a date; write it as YYYY-MM-DD") from None
    if day > loaded.panel.end:
        what = f"the data end on {iso(loaded.panel.end)}; choose that day or an earlier one"
        raise ConfigError(where=f"--as-of {as_of}", what=what)
    return Loaded(loaded.panel.until(day), loaded.problems)
