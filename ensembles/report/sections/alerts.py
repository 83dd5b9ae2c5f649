"""Days of the backtest outside the blend's bands, the worst first."""

from __future__ import annotations

from dataclasses import dataclass

from ensembles.report.context import ReportContext
from ensembles.report.section import Section
from ensembles.risk.alerts import Alert, Alerts

__all__ = ["SECTION", "AlertFacts"]

MAX_ALERTS = 40


@dataclass(frozen=True)
class AlertFacts:
    """`found` is None where no day has bands; `worst` are the alerts shown, at most `most`."""

    found: Alerts | None
    worst: tuple[Alert, ...] = ()
    most: int = MAX_ALERTS


def alert_facts(context: ReportContext) -> AlertFacts:
    found = context.alerts
    if found is None or not found.n_days:
        return AlertFacts(None)
    return AlertFacts(found, found.alerts[:MAX_ALERTS])


SECTION = Section("alerts", "Alerts", 30, "alerts.j2", alert_facts)
