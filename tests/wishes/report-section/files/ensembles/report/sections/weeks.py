"""What the blend forecasts for each week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ensembles.report.context import ReportContext
from ensembles.report.section import Section
from forecasting.schema import iso

__all__ = ["SECTION", "Week", "WeekFacts"]


@dataclass(frozen=True)
class Week:
    """A week from `start` (a Monday), with the amount forecast per target."""

    start: str
    totals: Mapping[str, float]


@dataclass(frozen=True)
class WeekFacts:
    """All weeks in order; none without a blend."""

    weeks: tuple[Week, ...]


def week_facts(context: ReportContext) -> WeekFacts:
    totals: dict[np.datetime64, dict[str, float]] = {}
    for history in context.histories:
        mondays = np.busday_offset(history.next_ds, 0, roll="backward", weekmask="Mon")
        for monday in np.unique(mondays):
            totals.setdefault(monday, {})[history.target] = float(history.next_y_hat[mondays == monday].sum())
    return WeekFacts(tuple(Week(iso(monday), totals[monday]) for monday in sorted(totals)))


SECTION = Section("weeks", "Weeks", 25, "weeks.j2", week_facts)
