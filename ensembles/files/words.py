"""Days and amounts in the words of the files people read."""

from __future__ import annotations

from forecasting.calendar import CalendarDays

__all__ = ["FEN_PER_CNY", "WEEKDAYS", "cny_per_unit", "day_types"]

FEN_PER_CNY = 100
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def day_types(days: CalendarDays) -> tuple[str, ...]:
    """``work day``, ``shifted work day`` (a weekend day that is worked) or ``day off``."""
    return tuple(
        "shifted work day" if shifted else "work day" if workday else "day off"
        for shifted, workday in zip(days.shifted, days.workday, strict=True)
    )


def cny_per_unit(unit: str) -> float:
    """What amounts in `unit` (``fen`` or ``CNY``) are multiplied by."""
    return 1 / FEN_PER_CNY if unit == "fen" else 1.0
