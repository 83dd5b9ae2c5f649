"""Why a day is forecast as it is: its parts, and those of all days together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster.screen.text import numbers_table, share
from cluster.terminal.screen import Screen, print_json
from cluster.terminal.words import counted, singular
from ensembles.explanation.explanation import LEARNED, PARTS, Explanation, before_name
from ensembles.explanation.words import ORDER, PART_WORDS
from ensembles.files.amounts import written
from ensembles.files.day_names import named_days
from forecasting.schema import iso

if TYPE_CHECKING:
    from cluster.explanation.explained import Explained

__all__ = ["show_explained"]


def show_explained(explained: Explained, series: str | None, day: str | None, out: Screen, as_json: bool) -> None:
    """One day of one series as a table, beside the sum over all days: the first day of the largest series, if not said
    otherwise. As JSON all series and days that were not ruled out.

    Raises
    ------
    ConfigError
        When there is no such series or day.
    """
    found = explained.found
    found.at(series, day)
    if as_json:
        print_json(_as_json(found.at(series, day), explained))
        return
    largest = found.unique_ids[int(np.argmax(found.sizes))]
    _show(found.at(series or largest), day or iso(found.ds[0]), explained, out)


def _show(found: Explanation, day: str, explained: Explained, out: Screen) -> None:
    """The table of one series' day."""
    one, decimals, n = found.at(day=day), explained.amounts.decimals_shown, len(found.ds)
    named = named_days(explained.calendar, one.ds)[0]
    words = " ".join(word for word in (named.holiday, named.event) if word)
    totals, forecast = found.totals[0], found.forecast[0].sum()
    in_all = counted(n, explained.noun)
    table = numbers_table(f"{found.unique_ids[0]}{explained.amounts.in_unit}", f"{named.weekday} {day}", in_all)
    table.columns[0].justify = "left"
    for k, name in enumerate(PARTS):
        if name in ("level", LEARNED) or any(found.parts[0, :, k]):
            cells = (written(float(amount), decimals, ",") for amount in (one.parts[0, 0, k], totals[k]))
            table.add_row(PART_WORDS[name], *cells)
    table.add_section()
    table.add_row("forecast", *(written(float(amount), decimals, ",") for amount in (one.forecast[0, 0], forecast)))
    out.print(table)
    if words:
        out.say(f"{day}: {words}")
    for same in one.before:
        if not math.isnan(y := float(same.y[0, 0])):
            weeks = f"at least {counted(same.weeks, 'weeks')} before"
            out.say(
                f"actual on {iso(same.ds[0, 0])}, the last known {named.weekday} {weeks}: {written(y, decimals, ',')}"
            )
    learned = found.learned_share(0)
    if not math.isnan(learned):
        a = singular(explained.noun)
        out.say(f"What the models learned beyond the calendar makes up {share(learned)} of the forecast of a {a}.")
    out.say(ORDER)
    others = len(explained.found.unique_ids) - 1
    more = f"; {others} more series: --series ID" if others else ""
    out.say(f"another {singular(explained.noun)}: --day DATE{more}; why.csv in the run directory has all")


def _as_json(found: Explanation, explained: Explained) -> dict[str, Any]:
    series = [
        {
            "unique_id": uid,
            "entity": found.series[row].entity,
            "target": found.series[row].target,
            "learned_share": _known(found.learned_share(row)),
            "total_parts": dict(zip(PARTS, map(float, found.totals[row]), strict=True)),
            "days": [_day(found, row, i) for i in range(len(found.ds))],
        }
        for row, uid in enumerate(found.unique_ids)
    ]
    return {"unit": explained.amounts.shown, "parts": list(PARTS), "series": series}


def _day(found: Explanation, row: int, i: int) -> dict[str, Any]:
    parts = dict(zip(PARTS, map(float, found.parts[row, i]), strict=True))
    before = {
        before_name(same.weeks): None
        if math.isnan(float(same.y[row, i]))
        else {"ds": iso(same.ds[row, i]), "y": float(same.y[row, i])}
        for same in found.before
    }
    return {"ds": iso(found.ds[i]), "forecast": float(found.forecast[row, i]), "parts": parts, **before}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
