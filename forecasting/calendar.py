"""What is known in advance about a day: weekday, public holiday, shifted work day, position in the month, events.

Holidays and shifted work days come from the `holidays` library, by the code of a country (DE), a part of one (DE-BY),
an exchange (XNYS) or a central bank (XECB).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from forecasting.errors import ConfigError
from forecasting.schema import BoolArray, DateArray, IntArray

__all__ = ["MONDAY_TO_FRIDAY", "WEEKDAYS", "Calendar", "CalendarDays", "spanned_years", "weekday_of"]

WEEKDAYS = 7
MONDAY_TO_FRIDAY = (0, 1, 2, 3, 4)
USUAL_YEAR = 2023
"""A year without oddities, to count the work days of a usual week in."""


@dataclass(frozen=True)
class CalendarDays:
    """Calendar facts of n days; every array has shape ``[n]``.

    `weekday` 0 = Monday; `workday` whether banks and offices work (weekends, holidays and shifted work days counted
    in); `holiday` name of the public holiday, "" on other days; `shifted` a weekend day that is worked; `offday_run`
    length of the run of days off this day lies in, 0 on work days; `offday_index` position in that run from 1, 0 on
    work days; `day` of month from 1; `days_left` in the month after this one; `event` name of the user's event on
    that day, "" on other days.
    """

    ds: DateArray
    weekday: IntArray
    workday: BoolArray
    holiday: tuple[str, ...]
    shifted: BoolArray
    offday_run: IntArray
    offday_index: IntArray
    day: IntArray
    days_left: IntArray
    event: tuple[str, ...]


@dataclass(frozen=True)
class Calendar:
    """Days off and events.

    `country`: code of a country or its part, an exchange or a central bank; None: no holidays. `events`: (ISO date,
    name) of days known in advance. `week`: the work days of a week (0 = Monday) as the data show them, less the
    country's holidays; None: as the country says, without one Monday to Friday. `moved`: pairs of ISO dates that
    exchange their holidays, one after the other; a day whose holiday moves away is an ordinary day of its weekday.
    """

    country: str | None = None
    events: tuple[tuple[str, str], ...] = ()
    week: tuple[int, ...] | None = None
    moved: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """Identity for fingerprints."""
        week = "" if self.week is None else f"|{self.week}"
        return f"{self.country}|{self.events}{week}" + (f"|{self.moved}" if self.moved else "")

    def exchanged(self, holidays: Iterable[tuple[str, str]], events: Iterable[tuple[str, str]]) -> Calendar:
        """The calendar in which these pairs of ISO dates exchange their holidays, and those their events."""
        names = dict(self.events)
        for day, other in events:
            here, there = names.pop(day, None), names.pop(other, None)
            names |= {d: name for d, name in ((other, here), (day, there)) if name is not None}
        return replace(self, events=tuple(sorted(names.items())), moved=(*self.moved, *holidays))

    @property
    def days_a_week(self) -> int:
        """Work days of a usual week."""
        return WEEKDAYS - sum(self.weekly_rest(USUAL_YEAR))

    def weekly_rest(self, year: int) -> tuple[bool, ...]:
        """Which weekdays are usually days off in a year, Monday first."""
        return _weekly_rest(self, year)

    def rest_weeks(self, ds: DateArray) -> BoolArray:
        """Which weekdays are usually off in each day's year, ``[n, 7]``."""
        years, row = np.unique(ds.astype("datetime64[Y]").astype(np.int64) + 1970, return_inverse=True)
        return np.array([self.weekly_rest(year) for year in years.tolist()], dtype=bool).reshape(-1, WEEKDAYS)[row]

    def rests(self, ds: DateArray) -> BoolArray:
        """Whether each day's weekday is usually off in its own year, ``[n]``."""
        return self.rest_weeks(ds)[np.arange(len(ds)), weekday_of(ds)]

    def days(self, ds: DateArray) -> CalendarDays:
        """Facts of the given days (consecutive or not)."""
        ds = np.asarray(ds, dtype="datetime64[D]")
        if len(ds) == 0:
            return _facts(self, ds)
        facts = _years(self, *spanned_years(ds))
        return _take(facts, (ds - facts.ds[0]).astype(np.int64))


def weekday_of(ds: DateArray | np.datetime64) -> IntArray:
    """The weekday of days, in their shape: 0 = Monday; 1970-01-01 was a Thursday."""
    return np.asarray((ds.astype(np.int64) + 3) % WEEKDAYS)


def spanned_years(ds: DateArray) -> tuple[int, int]:
    """First and last year of the given days: what is known of them is kept by year."""
    years = np.array([ds.min(), ds.max()]).astype("datetime64[Y]").astype(np.int64) + 1970
    return int(years[0]), int(years[1])


@lru_cache(maxsize=256)
def _weekly_rest(calendar: Calendar, year: int) -> tuple[bool, ...]:
    if calendar.country is None or calendar.week is not None:
        worked = calendar.week or MONDAY_TO_FRIDAY
        return tuple(k not in worked for k in range(WEEKDAYS))
    ds = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[D]")
    weekday = weekday_of(ds)
    _, workday = _country_days(calendar, ds, weekday)  # of the country: holidays that move change no week
    return tuple(bool(np.mean(workday[weekday == k]) < 0.5) for k in range(WEEKDAYS))


@lru_cache(maxsize=64)
def _years(calendar: Calendar, first: int, last: int) -> CalendarDays:
    """Facts of whole years, kept: every fit of a panel asks for about the same days.

    Runs of days off reach over the edges: the span is a little longer on both sides.
    """
    return _facts(calendar, np.arange(f"{first - 1:04}-12-17", f"{last + 1:04}-01-16", dtype="datetime64[D]"))


def _take(facts: CalendarDays, index: IntArray) -> CalendarDays:
    return CalendarDays(
        ds=facts.ds[index],
        weekday=facts.weekday[index],
        workday=facts.workday[index],
        holiday=tuple(facts.holiday[i] for i in index),
        shifted=facts.shifted[index],
        offday_run=facts.offday_run[index],
        offday_index=facts.offday_index[index],
        day=facts.day[index],
        days_left=facts.days_left[index],
        event=tuple(facts.event[i] for i in index),
    )


def _facts(calendar: Calendar, ds: DateArray) -> CalendarDays:
    weekday = weekday_of(ds)
    holiday, workday = _with_moved(calendar, ds, *_country_days(calendar, ds, weekday))
    run, index = _offday_runs(workday)
    month = ds.astype("datetime64[M]")
    day = (ds - month.astype("datetime64[D]")).astype(np.int64) + 1
    length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    names = dict(calendar.events)
    return CalendarDays(
        ds=ds,
        weekday=weekday,
        workday=workday,
        holiday=holiday,
        shifted=workday & calendar.rests(ds),
        offday_run=run,
        offday_index=index,
        day=day,
        days_left=length - day,
        event=tuple(names.get(str(d), "") for d in ds),
    )


def _country_days(calendar: Calendar, ds: DateArray, weekday: IntArray) -> tuple[tuple[str, ...], BoolArray]:
    country = calendar.country
    if country is None or len(ds) == 0:
        return ("",) * len(ds), np.isin(weekday, calendar.week or MONDAY_TO_FRIDAY)
    years = np.unique(ds.astype("datetime64[Y]").astype(int) + 1970)
    table = {day: row for year in years for day, row in _year(country, int(year)).items()}
    rows = [table[str(d)] for d in ds]
    names = tuple(name for name, _ in rows)
    if calendar.week is not None:
        return names, np.isin(weekday, calendar.week) & np.array([not name for name in names])
    return names, np.array([work for _, work in rows])


def _with_moved(
    calendar: Calendar, ds: DateArray, names: tuple[str, ...], workday: BoolArray
) -> tuple[tuple[str, ...], BoolArray]:
    """Holidays and work days ``[n]`` after the exchanges; `ds` rise."""
    if not calendar.moved:
        return names, workday
    found, works, rests = list(names), workday.copy(), calendar.rests(ds)
    for pair in calendar.moved:
        places = [int(np.searchsorted(ds, np.datetime64(day, "D"))) for day in pair]
        if not all(place < len(ds) and str(ds[place]) == day for place, day in zip(places, pair, strict=True)):
            continue
        here, there = places
        closed = [bool(found[place]) and not works[place] for place in places]
        usual = [not rests[place] if off else bool(works[place]) for place, off in zip(places, closed, strict=True)]
        found[here], found[there] = found[there], found[here]
        works[here], works[there] = usual[0] and not closed[1], usual[1] and not closed[0]
    return tuple(found), works


@lru_cache(maxsize=64)
def _year(country: str, year: int) -> dict[str, tuple[str, bool]]:
    """Each day of the year: (holiday name, is it worked)."""
    table = _holidays(country, year)
    days = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[D]")
    rows = {}
    for day in days:
        date = day.item()
        rows[str(day)] = (str(table.get(date, "")), bool(table.is_working_day(date)))
    return rows


def _is_known(code: str) -> bool:
    import holidays

    return code.split("-")[0] in holidays.list_supported_countries() or code in holidays.list_supported_financial()


def _holidays(code: str, year: int) -> Any:
    """The library's table of one year; after a country's code may stand a part of it, as in DE-BY.

    Raises
    ------
    ConfigError
        When it knows no such code.
    """
    import holidays

    country, _, part = code.partition("-")
    parts = holidays.list_supported_countries(include_aliases=False).get(country)
    if part and parts is not None:
        if part not in parts:
            known = f"its parts are {', '.join(parts)}" if parts else "it has no parts, use the country's code alone"
            raise ConfigError(f"calendar: {code!r} is no part of {country} that the holidays library knows: {known}")
        return holidays.country_holidays(country, subdiv=part, years=[year])
    for lookup in (holidays.country_holidays, holidays.financial_holidays):
        try:
            return lookup(code, years=[year])
        except NotImplementedError:
            continue
    if code != code.upper() and _is_known(code.upper()):
        raise ConfigError(f"calendar: {code!r} is not known: codes are upper case, write {code.upper()}")
    raise ConfigError(
        f"calendar: {code!r} is not a calendar the holidays library knows: use the code of a country such as DE, of "
        "a part of one such as DE-BY, of an exchange such as XNYS or of a central bank such as XECB, or null"
    )


def _offday_runs(workday: BoolArray) -> tuple[IntArray, IntArray]:
    """Length of each day's run of days off, and the day's position in it from 1; 0 on work days."""
    n = len(workday)
    index = np.zeros(n, dtype=np.int64)
    for i in range(n):
        index[i] = 0 if workday[i] else (index[i - 1] + 1 if i else 1)
    run = index.copy()
    for i in range(n - 2, -1, -1):
        if index[i] and index[i + 1]:
            run[i] = run[i + 1]
    return run, index
