"""The data of a run or of a forecast: read up to a day, judged as a run judges them, and known again."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np

from cluster.config import RunConfig
from cluster.keys import AsOf, asked_day
from forecasting.calendar import Calendar
from forecasting.data.dataset import DataSet, open_data
from forecasting.data.loaded import Loaded
from forecasting.data.quality.finding import Finding
from forecasting.data.spec import DataSpec
from forecasting.errors import ConfigError, DataError
from forecasting.panel import Panel
from forecasting.schema import iso
from forecasting.score.names import score_named
from forecasting.windows import LONGEST_MONTH

__all__ = ["identity", "judge", "load_checked", "load_data", "open_input", "until_asked"]


def load_data(config: RunConfig, path: str, as_of: AsOf) -> Loaded:
    """The usable series up to `as_of` (None: all days), and those left out.

    Raises
    ------
    DataError, ConfigError
        When the data cannot be read, and for an `as_of` that is no day or lies after the data.
    """
    return until_asked(open_input(config, path, as_of, checked=False).loaded, as_of)


def load_checked(config: RunConfig, path: str, as_of: AsOf) -> tuple[Loaded, list[Finding]]:
    """What `load_data` gives and what is worth saying about the data, from one reading.

    Raises
    ------
    DataError, ConfigError
        As `load_data`, and when a finding is an error, such as a user's day that stands twice and would count twice.
    """
    return judge(open_input(config, path, as_of, checked=True), as_of)


def judge(data: DataSet, as_of: AsOf) -> tuple[Loaded, list[Finding]]:
    """As `load_checked`, of opened data."""
    loaded = until_asked(data.loaded, as_of)
    for finding in data.findings:
        if finding.severity == "error":
            raise DataError(where=finding.where, what=f"{finding.check} ({finding.value})", remedy=finding.remedy)
    return loaded, data.findings


def identity(panel: Panel) -> str:
    """Fingerprint of the data, whatever calendar and plan go with them."""
    return replace(panel, calendar=Calendar(), planned=None).fingerprint()


def open_input(config: RunConfig, path: str, as_of: AsOf, *, checked: bool, users: bool = False) -> DataSet:
    """The data of a run at `path`, up to a day: nothing is read yet. `checked` and `users` as in `open_data`.

    Raises
    ------
    ConfigError
        For an `as_of` that is no day, or another one than the configuration's.
    """
    windows = config.windows
    horizon = windows.horizon if windows.unit == "day" else LONGEST_MONTH
    lag = horizon if config.data.max_lag is None else config.data.max_lag
    spec = config.data.model_copy(update={"as_of": _last_day(config.data, as_of), "max_lag": lag})
    cache = None if spec.cache is None else Path(spec.cache)
    signed = score_named(config.score.surrogate).signed
    return open_data(spec, path, config.calendar, cache, checked=checked, signed=signed, users=users)


def _last_day(spec: DataSpec, as_of: AsOf) -> dt.date | None:
    if as_of is None:
        return spec.as_of
    day = asked_day(as_of)
    if spec.as_of not in (None, day):
        raise ConfigError(where=f"--as-of {as_of}", what=f"data.as_of is {spec.as_of}", remedy="give one of them")
    return day


def until_asked(loaded: Loaded, as_of: AsOf) -> Loaded:
    """The data, known to reach to the last period before `as_of`.

    Raises
    ------
    ConfigError
        When they end earlier.
    """
    panel = loaded.panel
    if as_of is not None and panel.axis.after(panel.end, 1)[0] <= np.datetime64(asked_day(as_of), "D"):
        what = f"the data end on {iso(panel.end)}; choose that day or an earlier one"
        raise ConfigError(where=f"--as-of {as_of}", what=what)
    return loaded
