"""The parts of a forecast in the words of tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ORDER", "PART_WORDS"]

PART_WORDS: Mapping[str, str] = {
    "level": "level",
    "weekday": "weekday",
    "holiday": "holiday",
    "month": "position in the month",
    "yearly": "time of the year",
    "event": "event",
    "activity": "no flow that day",
    "learned": "learned by the members",
    "calibration": "calibration",
    "planned": "planned",
    "adjust": "adjusted by hand",
}
ORDER = (
    "Parts are computed in this order: each is the change of the forecast when its effect is added to those before it."
)
