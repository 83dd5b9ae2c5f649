"""Why the forecast is as it is: the parts of each large series, over all days and on its largest day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ensembles.explanation.explanation import PARTS, Explanation
from ensembles.explanation.words import PART_WORDS
from ensembles.files.day_names import named_days
from ensembles.report.charts.chart import Bars, Chart, Layer
from ensembles.report.context import ReportContext
from ensembles.report.money import Money
from ensembles.report.section import Section
from forecasting.schema import BoolArray, FloatArray

__all__ = ["SECTION", "SeriesParts", "WhyFacts"]

MOST = 20
"""Series shown, the largest first."""
FIRST = 4
"""Pictures that are not folded away."""
TOTAL = "forecast"


@dataclass(frozen=True)
class SeriesParts:
    """Sums over all days: `parts` in the order of the head, `learned` the members' share of the forecast."""

    name: str
    parts: tuple[str, ...]
    forecast: str
    learned: float


@dataclass(frozen=True)
class WhyFacts:
    """`head` names the parts that are not 0 everywhere; none without a blend. `n_series` counts all series."""

    head: tuple[str, ...] = ()
    rows: tuple[SeriesParts, ...] = ()
    charts: tuple[Chart, ...] = ()
    n_series: int = 0
    first: int = FIRST


def why_facts(context: ReportContext) -> WhyFacts:
    found = context.explanation
    if found is None:
        return WhyFacts()
    largest = [int(row) for row in np.argsort(-found.sizes, kind="stable")[:MOST]]
    totals = found.totals[largest].astype(np.float64) * context.money.amounts.divisor
    used = [k for k in range(len(PARTS)) if np.any(found.parts[largest][..., k] != 0)]
    rows = tuple(
        SeriesParts(
            name=found.unique_ids[row],
            parts=tuple(context.money.plain(float(totals[place, k])) for k in used),
            forecast=context.money.plain(float(totals[place].sum())),
            learned=found.learned_share(row),
        )
        for place, row in enumerate(largest)
    )
    charts = tuple(_waterfall(found, row, used, context, place) for place, row in enumerate(largest, start=1))
    return WhyFacts(tuple(PART_WORDS[PARTS[k]] for k in used), rows, charts, len(found.series))


def _waterfall(found: Explanation, row: int, used: Sequence[int], context: ReportContext, place: int) -> Chart:
    """The largest day of one series: from the level, part by part, to the forecast."""
    money, forecast = context.money, found.forecast[row].astype(np.float64)
    day = int(np.argmax(np.abs(forecast)))
    named = named_days(context.results.calendar, found.ds[[day]])[0]
    title = f"{found.unique_ids[row]}, {named.weekday} {named.date}"
    names = [*(PARTS[k] for k in used), TOTAL]
    layers = _layers(names, found.parts[row, day, used].astype(np.float64), float(forecast[day]), money)
    return Chart(f"why-{place}", title, "name", money.label, layers, x_label="part", height=240)


def _layers(names: Sequence[str], parts: FloatArray, forecast: float, money: Money) -> list[Layer]:
    """Bars that begin where the one before ended; the first part and the forecast begin at zero."""
    y = money.shown(np.append(parts, forecast) * money.amounts.divisor)
    base = np.concatenate([[0.0], np.cumsum(y[:-1])])
    base[-1] = 0.0
    whole = np.isin(np.arange(len(y)), (0, len(y) - 1))

    def only(rows: BoolArray) -> FloatArray:
        return np.where(rows, y, np.nan)

    return [
        Bars("level and forecast", names, only(whole), "forecast", base=base),
        Bars("adds", names, only(~whole & (y >= 0)), "good", base=base),
        Bars("takes away", names, only(~whole & (y < 0)), "bad", base=base),
    ]


def why_charts(facts: WhyFacts) -> Sequence[Chart]:
    return facts.charts


SECTION = Section("why", "Why", 15, "why.j2", why_facts, why_charts)
