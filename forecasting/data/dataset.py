"""From a path to a panel and what is worth saying about the data, whatever the kind of source.

The sources, and Arrow with them, are imported on first use: a configuration needs `DataSpec` alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from forecasting.calendar import Calendar
from forecasting.data.balance import behind, left_aside, openings
from forecasting.data.loaded import Loaded, SeriesProblem
from forecasting.data.quality.finding import Finding, finding_of
from forecasting.data.quality.series_checks import SeriesCases, check_periods, check_series, series_cases
from forecasting.data.spec import DataSpec
from forecasting.data.understood import reading_of
from forecasting.errors import DataError
from forecasting.panel import Panel, Series
from forecasting.registry import found_in
from forecasting.schema import as_dates

if TYPE_CHECKING:
    from forecasting.data.formats.files import Folder, TableFile
    from forecasting.data.sources.user_flows import Users

__all__ = ["DataSet", "Source", "open_data"]

_ORDER = {"error": 0, "warning": 1, "info": 2}


class Source(Protocol):
    """One kind of data at one path, made as ``SomeSource(spec, path, cache_dir, checked=..., signed=...)``.

    It opens each of its files once and keeps what it read for all that is asked of it. The class that says a `kind`
    is found in the modules of `forecasting.data.sources`. A source with rows of users may have `with_users`, which
    gives the source that counts them on the way, and `users`, which are what it counted.
    """

    kind: ClassVar[str]

    @property
    def location(self) -> Folder | tuple[TableFile, ...]:
        """The folder or the files of the data."""

    def load(self, calendar: Calendar) -> Loaded:
        """The series; DataError with one sentence when they cannot be used."""

    def check(self, bank_days: Calendar) -> list[Finding]:
        """What is wrong with the tables; DataError when they cannot be judged at all."""

    def place(self, series: Series, day: np.datetime64) -> str:
        """``file:row`` of a day of a series."""


class DataSet:
    """The data at one path, read when first asked for and once for everything that is asked."""

    def __init__(self, source: Source, spec: DataSpec, country: str | None) -> None:
        self._source, self._spec, self._country = source, spec, country

    @cached_property
    def loaded(self) -> Loaded:
        """The usable series, and those left out.

        Raises
        ------
        DataError
            One sentence: what is wrong, in which file, row and column, on which day, and what to do.
        ConfigError
            For a calendar that is not known.
        """
        location = self._source.location
        calendar = Calendar(self._country)
        calendar.days(as_dates(["2014-01-01"]))  # an unknown country is said now, not in the middle of a run
        said: tuple[str, ...] = ()
        if self._spec.events is None:
            loaded = self._source.load(calendar)
        else:
            from forecasting.data.beside import find_beside
            from forecasting.data.sources.events import about_events, read_events

            files = find_beside(self._spec.events, location, key="data.events", holds="ds, name")
            found, said = read_events(files, self._spec.columns)
            loaded = self._source.load(Calendar(self._country, found))
            said += about_events(found, loaded.panel.ds)
        panel = replace(loaded.panel, signed=self._spec.scale == "signed")
        loaded = replace(loaded, panel=panel, notes=loaded.notes + said)
        loaded = replace(loaded, reading=reading_of(panel, self._spec))
        if any(given is not None for given in (self._spec.planned, self._spec.groups, self._spec.units)):
            from forecasting.data.surroundings import with_surroundings

            loaded = with_surroundings(loaded, self._spec, location, getattr(self._source, "labels", None))
        balances = openings(self._spec.balance, self._spec.limits, loaded)
        said = (*behind(loaded), *left_aside(balances, self._spec.limits, list(self._spec.targets), loaded))
        return replace(loaded, balances=balances, notes=(*loaded.notes, *said))

    @property
    def panel(self) -> Panel:
        """The usable series; raises as `loaded`."""
        return self.loaded.panel

    @property
    def problems(self) -> tuple[SeriesProblem, ...]:
        """The series left out; raises as `loaded`."""
        return self.loaded.problems

    @cached_property
    def cases(self) -> SeriesCases:
        """What is odd in the usable series; raises as `loaded`."""
        return series_cases(self.panel)

    @cached_property
    def users(self) -> Users | None:
        """What the rows of users tell; None for data without them. Asked of data opened with ``users=True``.

        Raises
        ------
        DataError
            When the table of users cannot be read.
        """
        found: Users | None = getattr(self._source, "users", None)
        return found

    @cached_property
    def findings(self) -> list[Finding]:
        """Everything worth saying about the data, errors first; asked of data opened with ``checked=True``.

        There is an error among the findings whenever `loaded` raises DataError. Duplicate rows of a user and day are
        errors too, since their amounts would count twice. Series of a panel that are left out are warnings.

        Raises
        ------
        ConfigError
            For a calendar that is not known.
        """
        try:
            found = self._source.check(Calendar(self._country))
        except DataError as error:
            return [finding_of(error)]
        if not any(f.severity == "error" for f in found):
            found = found + self._about_series()
        return sorted(found, key=lambda f: _ORDER[f.severity])

    def _about_series(self) -> list[Finding]:
        """What reading itself says, and what the series look like."""
        try:
            loaded = self.loaded
        except DataError as error:
            return [finding_of(error)]
        left_out = [
            finding_of(problem.error, f"series left out: {problem.series.unique_id}", "warning")
            for problem in loaded.problems
        ]
        series = loaded.panel.series

        def place(row: int, day: np.datetime64) -> str:
            return self._source.place(series[row], day)

        return left_out + check_periods(loaded.panel, place) + check_series(loaded.panel, self.cases, place)


def open_data(
    spec: DataSpec,
    path: str | Path,
    country: str | None,
    cache_dir: Path | None = None,
    *,
    checked: bool = False,
    signed: bool = False,
    users: bool = False,
) -> DataSet:
    """The data at `path`.

    Parameters
    ----------
    spec
        What the data are.
    path
        A file or folder, or a pyarrow.fs URI such as s3://bucket/folder.
    country
        Code of the country, exchange or central bank whose holidays count, None for weekends only.
    cache_dir
        Where daily totals of user rows are kept under the fingerprint of the file's bytes; None: nowhere.
    checked
        Whether `findings` will be asked for, so that one reading serves them too.
    signed
        Whether amounts may be negative, which the score decides.
    users
        Whether `users` will be asked for, so that the one reading of ``checked=True`` counts them too.
    """
    source = _sources()[spec.kind](spec, path, cache_dir, checked=checked, signed=signed)
    if users and hasattr(source, "with_users"):
        source = source.with_users()
    return DataSet(source, spec, country)


def _sources() -> dict[str, Any]:
    """Kind -> the class of its source."""
    return {source.kind: source for source in found_in("forecasting.data.sources", _is_source)}


def _is_source(value: object) -> bool:
    return isinstance(value, type) and isinstance(getattr(value, "kind", None), str)
