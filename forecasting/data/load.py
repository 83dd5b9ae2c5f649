"""From a path to a panel, whatever the kind of source.

The readers, and Arrow with them, are imported on first use: a configuration needs `DataSpec` alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from forecasting.calendar import Calendar
from forecasting.data.loaded import Loaded
from forecasting.data.spec import DataSpec
from forecasting.panel import Panel
from forecasting.schema import as_dates

if TYPE_CHECKING:
    from forecasting.data.formats.files import Folder, TableFile

__all__ = ["load", "read"]


def read(spec: DataSpec, path: str | Path, calendar: str | None, cache_dir: Path | None = None) -> Loaded:
    """Read the data at `path`.

    Parameters
    ----------
    spec
        What the data are.
    path
        A file or folder, or a pyarrow.fs URI such as s3://bucket/folder.
    calendar
        ISO code of the country whose holidays count, None for weekends only.
    cache_dir
        Where daily totals of user rows are kept under the fingerprint of the file's bytes; None: nowhere.

    Raises
    ------
    DataError
        One sentence: what is wrong, in which file, row and column, on which day, and what to do.
    ConfigError
        For a calendar that is not known.
    """
    from forecasting.data.formats.files import open_location, table_at

    if spec.kind == "yuebao":
        from forecasting.data.sources.yuebao import read_yuebao

        data = open_location(path)
        return Loaded(read_yuebao(spec, data, _calendar(spec, data, calendar), cache_dir))
    files = table_at(path)
    days = _calendar(spec, files, calendar)
    if spec.kind == "table":
        from forecasting.data.sources.daily import read_daily

        return Loaded(read_daily(spec, files, days))
    from forecasting.data.sources.panels import read_panel

    return read_panel(spec, files, days)


def load(spec: DataSpec, path: str | Path, calendar: str | None, cache_dir: Path | None = None) -> Panel:
    """The panel of `read`, without the series that cannot be used.

    Raises
    ------
    DataError
        As `read`.
    """
    return read(spec, path, calendar, cache_dir).panel


def _calendar(spec: DataSpec, data: Folder | tuple[TableFile, ...], country: str | None) -> Calendar:
    known = Calendar(country)
    known.days(as_dates(["2014-01-01"]))  # an unknown country is said now, not in the middle of a run
    if spec.events is None:
        return known
    from forecasting.data.sources.events import find_events, read_events

    return Calendar(country, read_events(find_events(spec.events, data)))
