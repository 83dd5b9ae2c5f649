"""What the calendar alone says of days to come, part by part.

The calendar model is the one of `forecasting.models.features.shared_calendar`, fitted here on the series of one target,
with the effects of holidays taken from `holidays`. It says of each day a level and effects on the log scale:

    ŷ = undo(level + weekday + holiday + month position + yearly shape + event)

Effects on the log scale are factors, and factors have no sum. So the parts are taken in the order of `CALENDAR_PARTS`:
each is what the forecast changes by when its effect is added to those before it. Their sum is the model's forecast.
The level is that of an average day, so that the parts of weekdays about cancel over a week.
`undo` brings the log scale (or the signed scale, see `forecasting.scale.histories`) back to amounts.

The last part is activity. On a day on which nothing is expected to flow it takes back all parts before it. It is 0 on
other days, and in series that always flow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ensembles.explanation.holidays import holiday_effects
from forecasting.models.features.calendar_effects import fit_calendar
from forecasting.models.features.levels import fading_median, level_around
from forecasting.models.features.shared_calendar import SharedCalendar, SharedCalendarSettings, fit_shared_calendar
from forecasting.panel import History
from forecasting.scale.histories import AS_IT_IS, PreparedHistory, prepare
from forecasting.schema import BoolArray, DateArray, FloatArray

__all__ = ["CALENDAR_PARTS", "calendar_parts", "parts_with_hindsight"]

CALENDAR_PARTS = ("level", "weekday", "holiday", "month", "yearly", "event", "activity")
"""In the order in which they are taken."""
HALF_LIFE = 14.0
"""Periods after which a day counts half in the level, as in `calendar-level`."""
WEEKS = 4
"""Whose weekdays make an average day."""
SETTINGS = SharedCalendarSettings(half_life=400.0, holiday_sd=0.5)


def calendar_parts(histories: Sequence[History], ds: DateArray) -> FloatArray:
    """Parts of each day's forecast by the calendar model, ``[n_series, len(ds), len(CALENDAR_PARTS)]``.

    Parameters
    ----------
    histories
        Of one target's series, up to one cutoff.
    ds
        The days that follow it.
    """

    def level(rest: FloatArray) -> FloatArray:
        return np.full(len(ds), fading_median(rest, HALF_LIFE))

    return np.stack(_parts(histories, [ds] * len(histories), level, lambda _, found: _is_active(found, ds)))


def parts_with_hindsight(histories: Sequence[History], around: int) -> list[FloatArray]:
    """Parts of what came, as the calendar model sees each history's own days, ``[n, len(CALENDAR_PARTS)]`` of each.

    The level of a day is the median of up to `around` periods on either side of it, with the calendar taken out. A
    series that has stopped was active before that.
    """
    return _parts(
        histories, [history.ds for history in histories], lambda rest: level_around(rest, around), _was_active
    )


def _parts(
    histories: Sequence[History],
    days: Sequence[DateArray],
    level: Callable[[FloatArray], FloatArray],
    active: Callable[[History, PreparedHistory], BoolArray],
) -> list[FloatArray]:
    """Parts of each series on its `days`; `level` makes the level of these from what the calendar leaves of a history,
    on the log scale; `active` says on which of them anything is expected to flow.
    """
    found = [prepare(history, on_log=True) for history in histories]
    parts: list[FloatArray] = [np.zeros((len(ds), len(CALENDAR_PARTS))) for ds in days]
    rows = [row for row, one in enumerate(found) if not one.empty]
    if rows:
        cleaned = [_without_holidays(found[row].history, days[row]) for row in rows]
        shared = fit_shared_calendar([one.history for one in cleaned], SETTINGS)
        for row, one in zip(rows, cleaned, strict=True):
            flows = active(histories[row], found[row])
            parts[row] = _of_series(found[row], one, shared, days[row], level, flows)
    return parts


def _is_active(found: PreparedHistory, ds: DateArray) -> BoolArray:
    return np.ones(len(ds), dtype=bool) if found.activity is None else found.activity.is_active(ds)


def _was_active(history: History, found: PreparedHistory) -> BoolArray:
    """On which of its own days a history was active, ``[n]``: before it stopped, by what was known until then."""
    if found.activity is None or not found.activity.stopped:
        return _is_active(found, history.ds)
    last = history.ds[np.flatnonzero(np.nan_to_num(history.y))[-1]]
    return np.asarray(_is_active(prepare(history.until(last), on_log=True), history.ds) & (history.ds <= last))


@dataclass(frozen=True)
class _Cleaned:
    """A history without the effects of holidays, on a calendar that has none, and their effects ahead ``[len(ds)]``.

    So weekdays, months and years are not bent by holidays, which all models of a level take for odd days.
    """

    history: History
    holiday: FloatArray


def _without_holidays(history: History, ds: DateArray) -> _Cleaned:
    calendar = history.calendar
    ordinary = fit_calendar(history, SETTINGS).ordinary(calendar, history.ds)
    rest = np.log(history.y) - sum(ordinary.values())
    past, ahead = holiday_effects(calendar, history.ds, rest, ds)
    return _Cleaned(replace(history, y=history.y / np.exp(past), calendar=replace(calendar, country=None)), ahead)


def _of_series(
    found: PreparedHistory,
    cleaned: _Cleaned,
    shared: SharedCalendar,
    ds: DateArray,
    level: Callable[[FloatArray], FloatArray],
    active: BoolArray,
) -> FloatArray:
    """Parts ``[len(ds), n_parts]`` of one series, in the unit of the data; `active` ``[len(ds)]``."""
    history, calendar = cleaned.history, cleaned.history.calendar
    own = shared.effect(history, SETTINGS).own
    past, ahead = (own.ordinary(calendar, days) | {"yearly": shared.year(calendar, days)} for days in (history.ds, ds))
    middle = _average(past["weekday"], found)
    past["weekday"], ahead["weekday"] = past["weekday"] - middle, ahead["weekday"] - middle
    ahead["holiday"] = cleaned.holiday
    on_log = np.cumsum(
        [level(np.log(history.y) - sum(past.values())), *(ahead[name] for name in CALENDAR_PARTS[1:-1])], axis=0
    )
    scale = AS_IT_IS if found.scale is None else found.scale
    steps = scale.undo(np.exp(on_log))
    forecast = np.where(active, replace(found, activity=None).restore(np.exp(on_log[-1]), ds), 0.0)
    return np.diff(np.concatenate([np.zeros((1, len(ds))), steps, forecast[None]]), axis=0).T


def _average(weekday: FloatArray, found: PreparedHistory) -> float:
    """What an average day of recent weeks is above the geometric mean, by its weekday effects ``[n]`` on the log scale:
    with it in the level, effects of weekdays cancel over a week.
    """
    recent = slice(-WEEKS * found.history.axis.season_length, None)
    effects, days = weekday[recent], found.history.ds[recent]
    active = np.ones(len(days), dtype=bool) if found.activity is None else found.activity.is_active(days)
    return float(np.log(np.mean(np.exp(effects[active] if active.any() else effects))))
