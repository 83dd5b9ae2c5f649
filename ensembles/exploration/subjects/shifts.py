"""Lasting shifts of level: which series, when, and from what to what."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ensembles.exploration.fact import Fact, Subject
from ensembles.exploration.level_shifts import Shift
from ensembles.exploration.material import Material
from ensembles.exploration.words import as_much, numbered
from ensembles.report.charts.chart import Chart, Dots
from forecasting.calendar import weekday_of
from forecasting.schema import iso

__all__ = ["SUBJECT"]

MOST_TOLD = 200
"""Shifts that JSON and the picture hold, the largest first."""
MOST_SHOWN = 8.0
"""Largest power of 2 in the picture: a series that stops has none."""
IDLE = 1000.0
"""Ratio from which a series was idle, or is, and no ratio is said."""
WEEK = 7


def shifts_fact(material: Material) -> Fact:
    found = material.shifts
    least = 4 * 2 * min(material.axis.season_length, WEEK)
    if np.isnan(material.cases.rest).all() or len(material.ds) < least:
        return Fact("No shift of level can be told: the series are constant, or too short.")
    numbers = {
        "shifts": len(found),
        "series_with_shifts": len({shift.unique_id for shift in found}),
        "largest": [shift.as_json for shift in found[:MOST_TOLD]],
    }
    if not found:
        return Fact("No series has a lasting change of level by 25% or more.", numbers)
    return Fact(_sentence(material, found), numbers, _chart(found) if material.is_panel else None)


def _sentence(material: Material, found: tuple[Shift, ...]) -> str:
    told = _told(material, found[0])
    if not material.is_panel:
        others = [_told(material, shift) for shift in found[1:3]]
        more = f"; {len(found) - 3:,} smaller shifts follow" if len(found) > 3 else ""
        return "; ".join([told, *others]) + more + "."
    n = len({shift.unique_id for shift in found})
    weeks = Counter(iso(shift.ds - int(weekday_of(shift.ds))) for shift in found)
    week, together = weeks.most_common(1)[0]
    same = f"; {together:,} fall in the week of {week}" if together > max(2, len(found) // 20) else ""
    of = f"{n:,} of {len(material.panel.series):,} series"
    return f"{numbered(len(found), 'lasting shift')} of level in {of}, the largest: {told}{same}."


def _told(material: Material, shift: Shift) -> str:
    up = abs(shift.after) > abs(shift.before)
    levels = f"from about {material.text(shift.before)} to {material.text(shift.after)} a {material.noun}"
    size = f" ({as_much(shift.ratio)})" if 1 / IDLE < shift.ratio < IDLE else ""
    return f"{shift.unique_id} shifts {'up' if up else 'down'} on {iso(shift.ds)}, {levels}{size}"


def _chart(found: tuple[Shift, ...]) -> Chart:
    shown = found[:MOST_TOLD]
    days = np.array([shift.ds for shift in shown])
    powers = np.array([np.clip(np.log2(max(shift.ratio, 1e-9)), -MOST_SHOWN, MOST_SHOWN) for shift in shown])
    title = "lasting shifts of level" + (f", the largest {MOST_TOLD}" if len(found) > MOST_TOLD else "")
    return Chart(
        "explore-shifts",
        title,
        "day",
        "level after / before",
        [Dots("a series", days, powers, "forecast")],
        factors=True,
    )


SUBJECT = Subject("shifts", "Shifts of level", 15, shifts_fact)
