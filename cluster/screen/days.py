"""Rows and days that need a look: findings about the data, what data show, and alerts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from cluster.screen.text import is_narrow, numbers_table, share, table_of
from cluster.stages.checks import Checked
from cluster.stages.monitoring import Monitored
from cluster.terminal.screen import Screen, print_json
from cluster.terminal.words import counted
from ensembles.exploration.exploration import Exploration
from ensembles.report.money import Money
from ensembles.risk.alert_quality import AlertQuality
from ensembles.risk.alerts import Alert

__all__ = ["show_alerts", "show_checked", "show_explored"]

TOP_ALERTS, TOP_ENTITIES = 40, 10
SURE = 1.5
"""Severity at which kinds of anomalies are told apart: alerts at the edge of the band are mostly chance."""
_LATE = 3
"""Days that are told apart no more."""


def show_checked(checked: Checked, out: Screen, err: Screen, as_json: bool) -> None:
    """What was understood of the data, and what is worth saying about them, one line each; errors first."""
    for line in checked.said:
        (err if as_json else out).say(line)
    if as_json:
        print_json([asdict(finding) for finding in checked.findings])
        return
    for finding in checked.findings:
        count = f" ({finding.count} in all)" if finding.count > 1 else ""
        parts = (finding.severity, finding.where, finding.check, finding.value + count, finding.remedy)
        out.say(": ".join(part for part in parts if part))
    if checked.error is None:
        warnings = sum(finding.severity == "warning" for finding in checked.findings)
        out.say("no problems found" + (f", {warnings} to look at" if warnings else ""))


def show_explored(found: Exploration, page: Path | None, out: Screen, err: Screen, as_json: bool) -> None:
    """A sentence for each fact, and where the page is."""
    if as_json:
        print_json(found.as_json())
    else:
        for subject, fact in found.found:
            out.say(f"{subject.title}: {fact.sentence}")
    if page is not None:
        (err if as_json else out).say(str(page))


def show_alerts(monitored: Monitored, out: Screen, as_json: bool, review: Mapping[str, Any] | None = None) -> None:
    """Abnormal days, the worst first; where days are labelled, how often an alert is right. `review` of the forecast
    stands beside them in JSON.
    """
    if as_json:
        _print_alerts(monitored, review)
        return
    found = monitored.alerts
    narrow = is_narrow(out.width)
    unit = "" if narrow else monitored.amounts.in_unit
    names = ("series", "day", "", "side", f"actual{unit}", f"band{unit}", "level", "severity")
    shown = [name for name in names if not (narrow and name in ("side", "level"))]
    table = table_of(*shown, whole=[name for name in shown if name not in ("series", "")])
    for alert in found.alerts[:TOP_ALERTS]:
        cells = dict(zip(names, _alert_cells(alert, Money.of((), monitored.amounts)), strict=True))
        table.add_row(*(alert.weekday if narrow and name == "" else cells[name] for name in shown))
    if found.alerts:
        out.print(table)
    else:
        out.say("no alert: no day is abnormal")
    if found.alerts and narrow and monitored.amounts.shown:
        out.say(f"amounts in {monitored.amounts.shown}")
    if len(found.alerts) > TOP_ALERTS:
        out.say(f"and {len(found.alerts) - TOP_ALERTS} more; --json gives all")
    inside = ", ".join(
        f"{count} ({share(count / max(1, found.n_days))}) inside the {level}% band"
        for level, count in found.inside.items()
    )
    out.tell(f"{counted(found.n_days, 'amounts')} of the {monitored.noun} from {found.start} to {found.end}: {inside}")
    if found.chance_in_words:
        out.tell(found.chance_in_words)
    if monitored.quality:
        _show_quality(monitored.quality, out)
        _show_entities(monitored, out)


def _print_alerts(monitored: Monitored, review: Mapping[str, Any] | None) -> None:
    alerts = [asdict(alert) for alert in monitored.alerts.alerts]
    quality = [{"severity": at, **q.as_json()} for at, q in monitored.quality.items()]
    left, entities = monitored.alerts.left, [asdict(entity) for entity in monitored.entities]
    others = {"left_out": dict(left), "quality": quality, "entities": entities, "review": review}
    print_json({"alerts": alerts} | {name: value for name, value in others.items() if value}, default=str)


def _alert_cells(alert: Alert, money: Money) -> tuple[str, ...]:
    day = f"{alert.weekday} {alert.day_type} {alert.holiday} {alert.event}".strip()
    band = f"{money.plain(alert.low)} to {money.plain(alert.high)}"
    place = (alert.unique_id, alert.ds, day, alert.side)
    amount = money.plain(alert.y) + (f" for {alert.n_days} days" if alert.n_days > 1 else "")
    return (*place, amount, band, f"{alert.level}%", f"{alert.severity:.2f}")


def _show_quality(quality: Mapping[float, AlertQuality], out: Screen) -> None:
    """Precision and recall by the severity from which an alert counts."""
    table = numbers_table("alerts of severity", "alerts", "right", "precision", "anomalies", "found", "recall", "days")
    for severity, q in quality.items():
        counts = (f"{q.n_alerts}", f"{q.n_right}", share(q.precision), f"{q.n_anomalies}", f"{q.n_found}")
        wait = "" if math.isnan(q.days_to_alert) else f"{q.days_to_alert:.1f}"
        table.add_row(f"{severity:g} or more" if severity else "any", *counts, share(q.recall), wait)
    out.print(table)
    if not quality[SURE].kinds:
        out.say("no labelled day was judged")
        return
    table = numbers_table(
        f"kind, at severity {SURE:g}", "anomalies", "found", "recall", "precision", "of alerts", "days"
    )
    for name, kind in quality[SURE].kinds.items():
        found = (f"{kind.n_anomalies}", f"{len(kind.delays)}", share(kind.recall), share(kind.precision))
        table.add_row(name, *found, kind.sort or "", _waits(kind.delays))
    out.print(table)
    out.tell(f"days: median from an anomaly's first day to its alert, and how many waited how long ({_LATE}+: or more)")


def _waits(delays: Sequence[int]) -> str:
    """The median, and how many anomalies waited how many days."""
    if not delays:
        return ""
    counts = Counter(f"{_LATE}+" if days >= _LATE else str(days) for days in delays)
    return f"{median(delays):g} (" + ", ".join(f"{days}: {n}" for days, n in sorted(counts.items())) + ")"


def _show_entities(monitored: Monitored, out: Screen) -> None:
    """The riskiest entities of a panel."""
    if not monitored.entities:
        return
    table = numbers_table("entity by risk", "risk", "alerts", "worst", "on")
    for entity in monitored.entities[:TOP_ENTITIES]:
        cells = (f"{entity.risk:.1f}", f"{entity.n_alerts}", f"{entity.worst:.2f}", entity.worst_day)
        table.add_row(entity.entity, *cells)
    out.print(table)
    if len(monitored.entities) > TOP_ENTITIES:
        out.say(f"and {len(monitored.entities) - TOP_ENTITIES} more; --json gives all")
