"""The data of a run or of a forecast: read, cut at a day, and known again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cluster.config import RunConfig
from forecasting.calendar import Calendar
from forecasting.data.load import read
from forecasting.data.loaded import Loaded
from forecasting.errors import ConfigError
from forecasting.panel import Panel
from forecasting.schema import as_date, iso

__all__ = ["identity", "load_data"]


def load_data(config: RunConfig, path: str, as_of: str | None) -> Loaded:
    """The usable series up to `as_of` (None: all days), and those left out.

    Raises
    ------
    DataError, ConfigError
        As `read`, and for a day that is none or lies after the data.
    """
    cache = None if config.data.cache is None else Path(config.data.cache)
    loaded = read(config.data, path, config.calendar, cache)
    if as_of is None:
        return loaded
    try:
        day = as_date(as_of)
    except ValueError:
        raise ConfigError(f"--as-of {as_of}: not a date; write it as YYYY-MM-DD") from None
    if day > loaded.panel.end:
        raise ConfigError(
            f"--as-of {as_of}: the data end on {iso(loaded.panel.end)}; choose that day or an earlier one"
        )
    return Loaded(loaded.panel.until(day), loaded.problems)


def identity(panel: Panel) -> str:
    """Fingerprint of the data, whatever calendar goes with them."""
    return replace(panel, calendar=Calendar()).fingerprint()
