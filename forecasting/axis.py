"""Periods: calendar days, work days or weeks, and which of them come next.

Everything counts positions on an axis: horizons, look-backs and half-lives are numbers of periods. Only this module
turns positions into dates.

    D   every calendar day
    B   work days: the past is the dates that the data have; to come are the days on which the calendar works
    W   every seventh day, on the weekday of the data
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from forecasting.calendar import MONDAY_TO_FRIDAY, Calendar, weekday_of
from forecasting.schema import DateArray, FloatArray, IntArray

__all__ = [
    "DAILY",
    "NAMES",
    "NOUNS",
    "WEEK",
    "Axis",
    "Freq",
    "absent_work_days",
    "describe_dates",
    "infer_axis",
    "shifted_country",
]

Freq = Literal["D", "B", "W"]
NOUNS = {"D": "days", "B": "work days", "W": "weeks"}
"""What periods are called, in the plural."""
WEEK = 7
"""Days."""
SPARE = 30
"""Days looked through beyond the usual number for periods to come: holidays may lie among them."""
WORK_WEEKS = (4, 5, 6)
"""Work days a week may have."""
USUAL, RARE = 0.6, 0.1
"""Share of weeks in which a usual work day occurs at least, and any other weekday at most."""
SHORT = np.timedelta64(2 * WEEK, "D")
"""Dates of less than two weeks show no work days: they are calendar days with gaps."""
NEARLY_ALL = 0.95
"""Share of dates that must be work days of a country's calendar."""
WEEKENDS = ((5, 6), (4, 5))
"""Saturday and Sunday; Friday and Saturday."""
SHIFTING = ("CN", "HU", "RU", "UA")
"""Countries that move work days to weekends."""
NAMES = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True)
class Axis:
    """The rule of the periods to come: `calendar` says which days are worked."""

    freq: Freq
    calendar: Calendar

    @property
    def season_length(self) -> int:
        """Periods after which values are usually alike: a week of days or of work days, a year of weeks."""
        if self.freq == "W":
            return 52
        return WEEK if self.freq == "D" else self.calendar.days_a_week

    @property
    def last_season(self) -> str:
        """The periods that the last season is made of, in words."""
        return "the same weeks of the last year" if self.freq == "W" else "the last week"

    @property
    def least_history(self) -> int:
        """Fewest periods before a cutoff: four weeks of days, sixteen of weeks."""
        return {"D": 28, "B": 20, "W": 16}[self.freq]

    def worth(self, days: int) -> int:
        """Periods that tell about as much as so many calendar days: as many weeks of work days; of weeks, four for
        seven days.
        """
        if self.freq == "D":
            return days
        return -(-days * (4 if self.freq == "W" else self.calendar.days_a_week) // WEEK)

    @property
    def noun(self) -> str:
        """What a period is called, in the plural."""
        return NOUNS[self.freq]

    def after(self, last: np.datetime64, n: int) -> DateArray:
        """The `n` periods that follow `last`, ``[n]``."""
        if self.freq == "D":
            return np.asarray(last + np.arange(1, n + 1))
        if self.freq == "W":
            return np.asarray(last + WEEK * np.arange(1, n + 1))
        span = 2 * n + SPARE
        while True:
            days = last + np.arange(1, span + 1)
            found = days[self.calendar.days(days).workday]
            if len(found) >= n:
                return np.asarray(found[:n])
            span *= 2

    def until(self, last: np.datetime64, end: np.datetime64) -> DateArray:
        """The periods after `last` up to and including the day `end`."""
        n = max(int((end - last).astype(np.int64)), 0)
        found = self.after(last, n) if n else np.empty(0, dtype="datetime64[D]")
        return np.asarray(found[found <= end])

    def steps(self, cutoff: np.datetime64, ds: DateArray) -> IntArray:
        """How many periods after the cutoff each of `ds` lies, from 1: ``[len(ds)]``.

        Work days must be those that follow the cutoff, none left out: which days were worked is known better from the
        data than from a calendar.
        """
        if self.freq == "B":
            return np.arange(1, len(ds) + 1)
        days = (ds - cutoff).astype(np.int64)
        return np.asarray(days if self.freq == "D" else days // WEEK)

    def between(self, first: np.datetime64, last: np.datetime64) -> DateArray:
        """Every period from `first` to `last`, both among them; of work days, those of the calendar."""
        return np.append(np.array([first], dtype="datetime64[D]"), self.until(first, last))


DAILY = Axis("D", Calendar())


def describe_dates(ds: DateArray) -> str:
    """What dates ``[n]`` look like, for a sentence: how many, on which weekdays, how far apart."""
    days = np.unique(ds)
    steps, counts = np.unique(np.diff(days).astype(np.int64), return_counts=True)
    common = sorted(zip(counts.tolist(), steps.tolist(), strict=True), key=lambda pair: (-pair[0], pair[1]))[:3]
    apart = ", ".join(f"{count} times {step} {'day' if step == 1 else 'days'} apart" for count, step in common)
    weekdays = np.unique(weekday_of(days))
    where = "every weekday" if len(weekdays) == WEEK else ", ".join(NAMES[k] for k in weekdays)
    return f"{len(days)} dates on {where}" + (f", {apart}" if apart else "")


def infer_axis(ds: DateArray, calendar: Calendar, freq: Literal["auto", "D", "B", "W"] = "auto") -> Axis | None:
    """The axis that dates ``[n]`` lie on; None where they are neither days, work days nor weeks, or not what `freq`
    says they are.

    Gaps are allowed: whether a missing period is an error is not decided here. Work days are dates on four to six
    weekdays that occur in most weeks, while the other weekdays hardly occur; without a country's calendar those
    weekdays are its work days.
    """
    days = np.unique(ds)
    if freq != "auto":
        others = {"B": _as_work_days, "W": _of_weeks}
        return others[freq](days, calendar) if freq in others else Axis("D", calendar)
    step = np.diff(days).astype(np.int64)
    if (step == 1).all() or (days[-1] - days[0] < SHORT and (step % WEEK).any()):
        return Axis("D", calendar)
    found = _of_weeks(days, calendar) or _of_work_days(days, calendar)
    mostly_next = found is None and (step == 1).mean() >= USUAL and not _has_work_week(days)
    if mostly_next and (calendar.country is not None or shifted_country(days) is None):
        return Axis("D", calendar)
    return found


def _of_weeks(days: DateArray, calendar: Calendar) -> Axis | None:
    steps = np.diff(days).astype(np.int64)
    return Axis("W", calendar) if (steps % WEEK == 0).all() else None


def _as_work_days(days: DateArray, calendar: Calendar) -> Axis | None:
    """The axis of days that are said to be work days; None where no weekday is ever left out."""
    share = _share_of_weeks(days)
    usual = tuple(int(k) for k in np.flatnonzero(share >= USUAL * min(share.max(), 1.0)))
    if len(usual) == WEEK:
        return None
    if calendar.country is not None:
        return _of_work_days(days, calendar) or Axis("B", calendar)
    if usual == MONDAY_TO_FRIDAY or len(usual) not in WORK_WEEKS:
        return Axis("B", calendar)
    return Axis("B", replace(calendar, week=usual))


def _of_work_days(days: DateArray, calendar: Calendar) -> Axis | None:
    """The axis of days that look like work days; a week other than the country's is that of the data."""
    if calendar.country is None:
        return _as_work_days(days, calendar) if _has_work_week(days) else None
    usual, _ = _usual_weekdays(days)
    if len(usual) < WEEK and _are_work_days(days, calendar):
        return Axis("B", calendar)
    if not _has_work_week(days):
        return None
    worked = tuple(k for k, rest in enumerate(calendar.weekly_rest(_year(days[-1]))) if not rest)
    return Axis("B", calendar if usual == worked else replace(calendar, week=usual))


def tells_too_little(ds: DateArray) -> bool:
    """Whether dates ``[n]`` are too few to tell days with gaps from work days: less than two weeks, without the days
    of a usual weekend.
    """
    days = np.unique(ds)
    if len(days) < 3 or days[-1] - days[0] >= SHORT:
        return False
    span = np.arange(days[0], days[-1] + 1)
    lacking = tuple(np.unique(weekday_of(span[~np.isin(span, days)])).tolist())
    return lacking in WEEKENDS and not np.isin(weekday_of(days), lacking).any()


def shifted_country(ds: DateArray) -> str | None:
    """A country whose shifted work days, at weekends, explain dates ``[n]``; None where none does."""
    days = np.unique(ds)
    for code in SHIFTING:
        calendar = Calendar(code)
        weekend = days[calendar.rests(days)]
        if len(weekend) and calendar.days(weekend).workday.all() and _are_work_days(days, calendar):
            return code
    return None


def _has_work_week(days: DateArray) -> bool:
    """Whether four to six weekdays occur in most weeks, and the others hardly ever."""
    usual, clear = _usual_weekdays(days)
    return clear and len(usual) in WORK_WEEKS


def _year(day: np.datetime64) -> int:
    return int(day.astype("datetime64[Y]").astype(np.int64)) + 1970


def _usual_weekdays(days: DateArray) -> tuple[tuple[int, ...], bool]:
    """Weekdays that occur in most of the weeks that have a date, and whether all others hardly occur: a long gap or a
    single early day says nothing of a week.
    """
    share = _share_of_weeks(days)
    usual = share >= USUAL
    return tuple(int(k) for k in np.flatnonzero(usual)), bool((usual | (share <= RARE)).all())


def _share_of_weeks(days: DateArray) -> FloatArray:
    """In which share of the weeks that have a date each weekday occurs, ``[7]``."""
    span, weeks = int((days[-1] - days[0]).astype(np.int64)) + 1, len(np.unique(_week(days)))
    return np.asarray(np.bincount(weekday_of(days), minlength=WEEK) / max(min(span // WEEK, weeks), 1))


def _are_work_days(days: DateArray, calendar: Calendar) -> bool:
    """Whether nearly all dates are work days of the calendar, and most of its work days are there."""
    span = np.arange(days[0], days[-1] + 1)
    span = span[np.isin(_week(span), _week(days))]
    worked = span[calendar.days(span).workday]
    return bool(np.isin(days, worked).mean() >= NEARLY_ALL and np.isin(worked, days).mean() >= USUAL)


def absent_work_days(ds: DateArray, axis: Axis) -> DateArray:
    """Work days of the calendar between the first and the last of `ds` ``[n]`` on which there is no date."""
    span = axis.between(ds[0], ds[-1])
    return np.asarray(span[~np.isin(span, ds)])


def _week(ds: DateArray) -> IntArray:
    """The number of each day's week, Monday to Sunday."""
    return np.asarray((ds.astype(np.int64) + 3) // WEEK)
