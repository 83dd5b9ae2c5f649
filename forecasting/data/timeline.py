"""From rows to a panel, whatever the kind of data: the axis, missing periods, and where each series ends.

A fault of one series of a panel costs that series; a fault of a table's target costs the load. The panel ends where its
latest series ends. A series that lags by a few periods is brought forward: its last amounts are unknown. One that ended
earlier is closed and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.axis import (
    NAMES,
    WEEK,
    Axis,
    absent_work_days,
    describe_dates,
    infer_axis,
    shifted_country,
    tells_too_little,
)
from forecasting.calendar import Calendar, weekday_of
from forecasting.data.formats.columns import first_few
from forecasting.data.formats.decode import decimals_of, first
from forecasting.data.loaded import Loaded, SeriesProblem
from forecasting.data.rows import FILL_REMEDY, USUAL_LAG, Rows, Strand, judged
from forecasting.errors import DataError
from forecasting.panel import Panel
from forecasting.schema import DateArray, FloatArray, iso

__all__ = ["panel_of"]

MONTH = 28
"""Days of the shortest."""
ODD_SHARE = 0.1
"""Share of a series' dates that may lie on days off, where the panel's are work days."""
ENOUGH = 14
"""Days that show what periods a panel has."""
SHOWN, FEW = 5, 3
"""Series named in a note, and series whose faults are said."""

_Judge = Callable[[Strand], "Strand | DataError | None"]
_Last = Callable[[Strand], np.datetime64]


@dataclass
class _Sorting:
    """The series that are still sound, and what is wrong with the others."""

    rows: Rows
    sound: list[Strand]
    problems: list[SeriesProblem]

    def keep(self, judge: _Judge, closed: _Last | None = None) -> None:
        """Sort out the series with which something is wrong; `judge` gives the error, or the series as it goes on.

        `closed` gives the last day of those that are sorted out because they ended.

        Raises
        ------
        DataError
            When it is a target of one table, or no series is left.
        """
        kept = []
        for strand in self.sound:
            found = judge(strand)
            if not isinstance(found, DataError):
                kept.append(strand if found is None else found)
            elif self.rows.rules.one_table:
                raise found
            else:
                self.problems.append(SeriesProblem(strand.series, found, None if closed is None else closed(strand)))
        self.sound = kept
        if not kept:
            raise _none_left(self.problems)


def panel_of(
    rows: Rows, strands: Sequence[Strand], calendar: Calendar, problems: Sequence[SeriesProblem] = ()
) -> Loaded:
    """The series of `rows` on their axis.

    Parameters
    ----------
    strands
        The rows of each series, by day.
    problems
        Series that are left out already.

    Raises
    ------
    DataError
        When the dates lie on no axis, when a table's target has a fault, or when no series of a panel is left.
    """
    sorting = _Sorting(rows, list(strands), list(problems))
    sorting.keep(lambda strand: judged(rows, strand))
    tail = _tail(rows, sorting.sound)
    if tail is not None:
        sorting.keep(lambda strand: _far_away(rows, strand, *tail))
    common = _common_days(rows, sorting.sound)
    axis = infer_axis(common, calendar, rows.rules.freq)
    if axis is None:
        raise _no_axis(rows, common, calendar)
    if rows.rules.missing == "error" and rows.rules.freq == "auto" and tells_too_little(common):
        raise _too_few(rows, common)
    sorting.keep(lambda strand: _off_axis(rows, strand, axis, common))
    if rows.rules.missing == "error":
        sorting.keep(lambda strand: _gap(rows, strand, axis, common))
    ds = _periods(rows, sorting.sound, axis)
    sorting.keep(lambda strand: _closed(rows, strand, ds), lambda strand: _last_known(rows, strand))
    ds = _periods(rows, sorting.sound, axis)
    y, past = _arrays(rows, sorting.sound, ds)
    series = tuple(strand.series for strand in sorting.sound)
    panel = Panel(ds, series, y, past, rows.past_names, axis.calendar, axis.freq)
    notes = (
        *_about_series(rows, sorting, panel),
        *_about_missing(rows, sorting.sound, panel),
        *_about_absent(rows, panel),
        *_about_past(rows, sorting.sound),
    )
    return Loaded(panel, tuple(sorting.problems), decimals_of(y), notes)


def _none_left(problems: Sequence[SeriesProblem]) -> DataError:
    fault, none = problems[0].error, "no series of the panel can be used; the first:"
    return DataError(f"{none} {fault}", where=fault.where, what=f"{none} {fault.what}", remedy=fault.remedy)


def _common_days(rows: Rows, sound: Sequence[Strand]) -> DateArray:
    """Days ``[n]`` that at least half of the series have which have begun and not ended: an odd one decides nothing.

    Days on which no more than half as many series go on as at most count only where others are too few.
    """
    spans = np.array([[s.days(rows)[0], s.days(rows)[-1]] for s in sound])
    days, counts = np.unique(np.concatenate([s.days(rows) for s in sound]), return_counts=True)
    begun = np.searchsorted(np.sort(spans[:, 0]), days, side="right")
    ended = np.searchsorted(np.sort(spans[:, 1]), days, side="left")
    active = begun - ended
    common, many = 2 * counts >= active, 2 * active > active.max()
    shared = days[common & many]
    return np.asarray(shared if len(shared) >= ENOUGH else days[common])


def _tail(rows: Rows, sound: Sequence[Strand]) -> tuple[np.datetime64, np.datetime64] | None:
    """The day on which nearly all series end and the first day far after it, where one row or few series have days
    after it: their dates are wrong. None where there is no such tail.
    """
    days = np.unique(np.concatenate([s.days(rows) for s in sound]))
    step = np.diff(days).astype(np.int64)
    if not len(step):
        return None
    unit = max(int(np.median(step)), 1)
    most = max(rows.rules.max_lag, USUAL_LAG) * (2 if unit < WEEK else 1) * unit
    wide = np.flatnonzero(step > most)
    if not len(wide):
        return None
    end, beyond = days[wide[-1]], days[wide[-1] + 1]
    late = {s.series.entity for s in sound if s.days(rows)[-1] > end}
    few = 2 * len(late) < len({s.series.entity for s in sound})
    return (end, beyond) if few or beyond == days[-1] else None


def _far_away(rows: Rows, strand: Strand, end: np.datetime64, beyond: np.datetime64) -> DataError | None:
    """A series with a day far after the end of all others."""
    late = first(strand.days(rows) >= beyond)
    if late is None:
        return None
    record = int(strand.records[late])
    ended = "the other rows end" if rows.rules.one_table else "the other series end"
    what = f"{iso(rows.ds[record])} lies far after {iso(end)}, when {ended}"
    remedy = "correct the date, or take the row out (--as-of leaves out what comes after a day)"
    return DataError(where=rows.cells.place(record), what=what, remedy=remedy)


def _no_axis(rows: Rows, days: DateArray, calendar: Calendar) -> DataError:
    freq = rows.rules.freq
    odd = _odd_week(days)
    if odd is not None:
        record = int(np.argmax(rows.ds == odd[0]))
        what = f"{iso(odd[0])} is no {odd[1]}, and nearly all other dates are weeks on {odd[1]}s"
        return DataError(where=rows.cells.place(record), what=what, remedy="correct the date")
    seen = f"the dates are {describe_dates(days)}"
    if freq != "auto":
        what = {"B": "which leave out no weekday", "W": "and not all 7 days apart"}[freq]
        remedy = "set it to auto or D" if freq == "B" else "correct them, or set it to auto"
        return DataError(where=rows.cells.name, what=f"data.freq is {freq}, and {seen}, {what}", remedy=remedy)
    kinds = "neither days nor weeks nor work days" + (f" of calendar {calendar.country}" if calendar.country else "")
    country = shifted_country(days) if calendar.country is None else None
    if country is not None:
        remedy = f"set calendar: {country}, whose work days at weekends these may be, or correct them"
        return DataError(where=rows.cells.name, what=f"{seen}: {kinds}", remedy=remedy)
    remedy = "correct them, or set data.freq (D with data.missing: zero or skip for days with gaps)"
    if np.median(np.diff(days).astype(np.int64)) >= MONTH:
        kinds, remedy = "months or longer periods cannot be forecast", "give one row a day, a work day or a week"
    return DataError(where=rows.cells.name, what=f"{seen}: {kinds}", remedy=remedy)


def _odd_week(days: DateArray) -> tuple[np.datetime64, str] | None:
    """The first of days ``[n]`` that does not lie on the weekday of weeks, and that weekday; None where the days are
    not nearly all weeks.
    """
    step, weekday = np.diff(days).astype(np.int64), weekday_of(days)
    usual = int(np.bincount(weekday).argmax())
    odd = weekday != usual
    if not odd.any() or odd.mean() > ODD_SHARE or np.median(step) != WEEK:
        return None
    return days[np.argmax(odd)], NAMES[usual].removesuffix("s")


def _too_few(rows: Rows, days: DateArray) -> DataError:
    least = f"{Axis('B', Calendar()).least_history} work days or {Axis('D', Calendar()).least_history} days"
    what = f"{len(days)} dates from {iso(days[0])} to {iso(days[-1])} are too little history"
    return DataError(where=rows.cells.name, what=what, remedy=f"give at least {least} and the periods of a window")


def _off_axis(rows: Rows, strand: Strand, axis: Axis, common: DateArray) -> DataError | None:
    """A series whose dates do not lie on the axis of the panel."""
    ds = strand.days(rows)
    weekday = weekday_of(ds)
    anchor = int(weekday_of(common[-1]))
    if axis.freq == "W":
        off, periods = weekday != anchor, f"weeks ({NAMES[anchor]})"
    elif axis.freq == "B":
        off, periods = axis.calendar.rests(ds) & ~axis.calendar.days(ds).workday, "work days"
    else:
        return None
    if not off.any() or (axis.freq == "B" and off.mean() <= ODD_SHARE):
        return None
    record = int(strand.records[np.argmax(off)])
    what = f"{strand.series.unique_id} has an amount on {iso(rows.ds[record])}, and the panel's periods are {periods}"
    return DataError(where=rows.cells.place(record), what=what, remedy="bring it to the same periods")


def _gap(rows: Rows, strand: Strand, axis: Axis, common: DateArray) -> DataError | None:
    """The first period that a series lacks; of work days, those that most series have."""
    ds = strand.days(rows)
    if axis.freq == "B":
        lacking = common[(common > ds[0]) & (common < ds[-1]) & ~np.isin(common, ds)]
        if not len(lacking):
            return None
        day, after = lacking[0], int(np.searchsorted(ds, lacking[0]))
        count = int(((lacking > ds[after - 1]) & (lacking < ds[after])).sum())
    else:
        unit = WEEK if axis.freq == "W" else 1
        step = np.diff(ds).astype(np.int64) // unit
        wrong = first(step != 1)
        if wrong is None:
            return None
        day, after, count = ds[wrong] + unit, wrong + 1, int(step[wrong]) - 1
    noun = {"D": "day", "B": "work day", "W": "week"}[axis.freq]
    what = f"no row for {iso(day)}, the {noun} after {iso(ds[after - 1])}"
    remedy = f"add the {count} missing {noun}(s) before {iso(ds[after])}, or {FILL_REMEDY}"
    return DataError(where=rows.cells.place(int(strand.records[after])), what=what, remedy=remedy)


def _periods(rows: Rows, sound: Sequence[Strand], axis: Axis) -> DateArray:
    """All periods ``[n]`` from the first series' beginning to the latest one's end.

    Work days are those that any series has, and where what is missing is zero or unknown those of the calendar too.
    """
    if axis.freq == "B":
        had = np.unique(np.concatenate([s.days(rows) for s in sound]))
        return had if rows.rules.missing == "error" else np.union1d(had, axis.between(had[0], had[-1]))
    start, end = min(s.days(rows)[0] for s in sound), max(s.days(rows)[-1] for s in sound)
    return np.arange(start, end + 1, WEEK if axis.freq == "W" else 1, dtype="datetime64[D]")


def _last_known(rows: Rows, strand: Strand) -> np.datetime64:
    """The last day with an amount; of empty cells that count as zero, the last row."""
    if rows.rules.missing == "zero":
        return np.datetime64(strand.days(rows)[-1], "D")
    known = ~rows.values[strand.column].missing[strand.records]
    return np.datetime64(strand.days(rows)[known][-1], "D")


def _lag(rows: Rows, strand: Strand, ds: DateArray) -> int:
    """Periods between a series' last amount and the end of the panel."""
    return len(ds) - int(np.searchsorted(ds, _last_known(rows, strand), side="right"))


def _closed(rows: Rows, strand: Strand, ds: DateArray) -> DataError | None:
    lag, most = _lag(rows, strand, ds), rows.rules.max_lag
    if lag <= most:
        return None
    last, name = _last_known(rows, strand), strand.series.unique_id
    record = int(strand.records[np.searchsorted(strand.days(rows), last)])
    what = f"{name} ended on {iso(last)}, {lag} periods before the others ({iso(ds[-1])})"
    remedy = f"add its later days, or set data.max_lag above {most}"
    return DataError(where=rows.cells.place(record), what=what, remedy=remedy)


def _arrays(rows: Rows, sound: Sequence[Strand], ds: DateArray) -> tuple[FloatArray, FloatArray]:
    """Amounts ``[n_series, n]`` and past covariates ``[n_series, n, n_past]``."""
    y = np.full((len(sound), len(ds)), np.nan)
    past = np.full((len(sound), len(ds), len(rows.past_names)), np.nan)
    for k, strand in enumerate(sound):
        at = np.searchsorted(ds, strand.days(rows))
        values = rows.values[strand.column].values[strand.records]
        if rows.rules.missing == "zero":
            y[k, at[0] : at[-1] + 1] = 0.0
            values = np.nan_to_num(values)
        y[k, at] = values
        past[k, at] = rows.past[strand.records]
    return y, past


def _about_series(rows: Rows, sorting: _Sorting, panel: Panel) -> Iterator[str]:
    """Which series were brought forward, which are closed, and which are left out for other reasons."""
    lagging = [s for s in sorting.sound if _lag(rows, s, panel.ds)]
    if lagging:
        names = first_few([f"{s.series.unique_id} (last amount {iso(_last_known(rows, s))})" for s in lagging], SHOWN)
        yield f"amounts up to {iso(panel.end)}, the end of the data, are taken as unknown: {names}"
    closed = [(p.series.unique_id, p.closed) for p in sorting.problems if p.closed is not None]
    if closed:
        yield f"closed and left out: {first_few([f'{name} (last amount {iso(day)})' for name, day in closed], SHOWN)}"
    others = [p for p in sorting.problems if p.closed is None]
    yield from (f"{p.series.unique_id} is left out: {p.reason}" for p in others[:FEW])
    if len(others) > FEW:
        yield f"left out too: {first_few([p.series.unique_id for p in others[FEW:]], SHOWN)}"


def _about_missing(rows: Rows, sound: Sequence[Strand], panel: Panel) -> Iterator[str]:
    """How many periods of the series had no amount, and what became of them."""
    count, firsts = 0, []
    for strand in sound:
        ds, missing = strand.days(rows), rows.values[strand.column].missing[strand.records]
        stop = np.searchsorted(ds, _last_known(rows, strand), side="right")
        ds, missing = ds[:stop], missing[:stop]
        span = panel.ds[(panel.ds >= ds[0]) & (panel.ds <= ds[-1])]
        lacking = span[~np.isin(span, ds[~missing])]
        count += len(lacking)
        firsts += [lacking[0]] if len(lacking) else []
    if firsts:
        became = "count as 0" if rows.rules.missing == "zero" else "are unknown"
        chosen = "" if rows.rules.missing == "error" else f" (data.missing: {rows.rules.missing})"
        noun = "amount" if count == 1 else "amounts"
        yield f"{count} missing {noun} {became}{chosen}, the first on {iso(min(firsts))}"


def _about_past(rows: Rows, sound: Sequence[Strand]) -> Iterator[str]:
    """Past covariates without a value in some rows of the series."""
    if not rows.past_names:
        return
    records = np.unique(np.concatenate([strand.records for strand in sound]))
    for name, lacking in zip(rows.past_names, np.isnan(rows.past[records]).sum(axis=0).tolist(), strict=True):
        if lacking:
            yield f"{name}, of data.past, is empty in {lacking} of {len(records)} rows"


def _about_absent(rows: Rows, panel: Panel) -> Iterator[str]:
    """Work days without a row, where they stay out of the data."""
    if panel.freq != "B" or rows.rules.missing != "error":
        return
    absent = absent_work_days(panel.ds, panel.axis)
    if len(absent):
        noun, verb = ("work day", "has") if len(absent) == 1 else ("work days", "have")
        taken = "taken as not worked (data.missing: zero or skip counts them)"
        yield f"{len(absent)} {noun} {verb} no row, the first on {iso(absent[0])}: {taken}"
