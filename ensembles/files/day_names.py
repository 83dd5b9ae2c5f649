"""Days in the words of the files that people read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields

import numpy as np

from forecasting.calendar import Calendar, CalendarDays
from forecasting.schema import BoolArray, DateArray, iso

__all__ = ["DAY_COLUMNS", "WEEKDAYS", "NamedDay", "day_kinds", "day_types", "named_days"]

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def day_types(days: CalendarDays) -> tuple[str, ...]:
    """``work day``, ``shifted work day`` (a weekend day that is worked) or ``day off``."""
    return tuple(
        "shifted work day" if shifted else "work day" if workday else "day off"
        for shifted, workday in zip(days.shifted, days.workday, strict=True)
    )


def day_kinds(days: CalendarDays) -> Mapping[str, BoolArray]:
    """Work days, days off with and without the name of a holiday, and shifted work days: which days ``[n]`` are so."""
    types, named = np.array(day_types(days)), np.array([bool(name) for name in days.holiday], dtype=bool)
    off = types == "day off"
    return {
        "work day": types == "work day",
        "day off, no holiday": off & ~named,
        "public holiday": off & named,
        "shifted work day": types == "shifted work day",
    }


@dataclass(frozen=True)
class NamedDay:
    """A day and what the calendar says of it; `holiday` and `event` are empty on other days."""

    date: str
    weekday: str
    day_type: str
    holiday: str
    event: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The values of `DAY_COLUMNS`."""
        return astuple(self)


DAY_COLUMNS = tuple(field.name for field in fields(NamedDay))


def named_days(calendar: Calendar, ds: DateArray) -> tuple[NamedDay, ...]:
    """Each of the days ``[n]``."""
    days = calendar.days(ds)
    weekdays = (WEEKDAYS[weekday] for weekday in days.weekday)
    dates = (iso(day) for day in days.ds)
    return tuple(map(NamedDay, dates, weekdays, day_types(days), days.holiday, days.event))
