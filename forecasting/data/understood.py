"""What was understood of the data, in one line for the user."""

from __future__ import annotations

from forecasting.axis import NAMES, WEEK
from forecasting.calendar import MONDAY_TO_FRIDAY, weekday_of
from forecasting.data.spec import DataSpec
from forecasting.panel import Panel
from forecasting.places.uri import without_secrets
from forecasting.schema import iso

__all__ = ["reading_of"]


def reading_of(panel: Panel, spec: DataSpec) -> str:
    """As ``reads 523 work days, 2024-11-22 to 2026-11-20, 2 targets, in EUR, calendar DE``; what was not said is."""
    n = len(panel.ds)
    noun = panel.axis.noun if n != 1 else panel.axis.noun.removesuffix("s")
    count = len(panel.series)
    kind = "series" if spec.kind == "panel" else "target" if count == 1 else "targets"
    country = panel.calendar.country
    parts = (
        f"reads {n} {noun}{_weekdays(panel)}",
        f"{iso(panel.ds[0])} to {iso(panel.end)}",
        f"{count} {kind}",
        _unit(spec),
        "no calendar (add calendar: DE)" if country is None else f"calendar {country}",
    )
    return ", ".join(parts)


def _unit(spec: DataSpec) -> str:
    if spec.units is not None:
        return f"units as in {without_secrets(spec.units)}"
    return "no unit (add data.unit: EUR)" if spec.unit is None else f"in {spec.unit}"


def _weekdays(panel: Panel) -> str:
    """The weekdays of weeks, and of a week of work days that is not Monday to Friday."""
    if panel.freq == "W":
        return f" ({NAMES[int(weekday_of(panel.end))]})"
    if panel.freq == "D":
        return ""
    rest = panel.calendar.weekly_rest(int(str(panel.end)[:4]))
    worked = tuple(k for k in range(WEEK) if not rest[k])
    return (
        ""
        if worked == MONDAY_TO_FRIDAY and panel.calendar.week is None
        else f" ({', '.join(NAMES[k] for k in worked)})"
    )
