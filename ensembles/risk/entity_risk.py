r"""Which entities stand out: the accounts, funds or branches of a panel ranked by their alerts.

An entity's risk is the sum of :math:`\log p / \log 5\%` over its alerts, beside a 95% band (see `abnormal`): how rare
they are, in units of the rarity at the edge of the band. So one extreme day outweighs many at the edge.
"""

from __future__ import annotations

from dataclasses import dataclass

from ensembles.risk.abnormal import rarity
from ensembles.risk.alerts import Alert, Alerts

__all__ = ["EntityRisk", "rank_entities"]


@dataclass(frozen=True)
class EntityRisk:
    """An entity (empty where there is only one), its `risk`, its number of alerts, the largest severity among them,
    and the day of that one.
    """

    entity: str
    risk: float
    n_alerts: int
    worst: float
    worst_day: str


def rank_entities(found: Alerts, severity: float = 1.0) -> tuple[EntityRisk, ...]:
    """Entities with an alert of at least a severity, the riskiest first."""
    mine: dict[str, list[Alert]] = {}
    for alert in found.alerts:
        if alert.severity >= severity:
            mine.setdefault(alert.entity or "", []).append(alert)
    ranked = [_risk(entity, alerts) for entity, alerts in mine.items()]
    return tuple(sorted(ranked, key=lambda found: (-found.risk, found.entity)))


def _risk(entity: str, alerts: list[Alert]) -> EntityRisk:
    worst = max(alerts, key=lambda alert: alert.severity)
    risk = sum(rarity(alert.severity) for alert in alerts)
    return EntityRisk(entity, risk, len(alerts), worst.severity, worst.ds)
