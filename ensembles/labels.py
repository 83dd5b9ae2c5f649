"""Alerts held against labelled anomalies: how often an alert is right, and how many anomalies are found, how soon.

The unit is a day of an entity: an alert on any of its targets counts once. Consecutive labelled days are one anomaly;
it is found when one of its days has an alert.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ensembles.alerts import Alert, Alerts
from forecasting.errors import DataError
from forecasting.schema import as_date, iso
from forecasting.sources.decode import parse_day

__all__ = ["AlertQuality", "Day", "judge_alerts", "read_labels"]

Day = tuple[str, str]
"""Entity and day as YYYY-MM-DD."""


@dataclass(frozen=True)
class AlertQuality:
    """`n_alerts` entity-days with an alert, `n_right` of them labelled; `n_labelled` labelled entity-days;
    `n_anomalies`, `n_found` of them, and the mean number of days from an anomaly's first day to its first alert;
    `found_by_kind` kind → (found, all).
    """

    n_alerts: int
    n_right: int
    n_labelled: int
    n_anomalies: int
    n_found: int
    days_to_alert: float
    found_by_kind: Mapping[str, tuple[int, int]]

    @property
    def precision(self) -> float:
        """Share of alerts that are right; NaN without any."""
        return self.n_right / self.n_alerts if self.n_alerts else float("nan")

    @property
    def recall(self) -> float:
        """Share of anomalies found; NaN without any."""
        return self.n_found / self.n_anomalies if self.n_anomalies else float("nan")

    @property
    def day_recall(self) -> float:
        """Share of labelled days with an alert; NaN without any."""
        return self.n_right / self.n_labelled if self.n_labelled else float("nan")


def read_labels(path: Path, entity: str, label: str, ds: str = "ds") -> dict[Day, str]:
    """Labelled days of a table and their kinds; days without a label are left out.

    Raises
    ------
    DataError
        For a missing column, or a cell that is not a day.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        columns = rows.fieldnames or []
        for name in (entity, label, ds):
            if name not in columns:
                raise DataError(f"{path.name}: there is no column {name!r} among {', '.join(columns)}: name another")
        found = {}
        for row in rows:
            if row[label]:
                day = parse_day(row[ds] or "")
                if np.isnat(day):
                    raise DataError(
                        f"{path.name}:{rows.line_num}: {ds} is {row[ds]!r}, not a day: write YYYYMMDD or YYYY-MM-DD"
                    )
                found[row[entity], iso(day)] = row[label]
        return found


def judge_alerts(found: Alerts, labels: Mapping[Day, str], severity: float = 1.0) -> AlertQuality:
    """Alerts of at least a severity against the labels of the days that were judged.

    Parameters
    ----------
    found
        Of a backtest, or of new actual values.
    labels
        Entity and day → kind of anomaly, as `read_labels` gives them.
    severity
        Log error in units of the half width of the widest band: 1 is its edge.
    """
    alerted = {_entity_day(alert) for alert in found.alerts if alert.severity >= severity}
    judged = {day: kind for day, kind in labels.items() if found.start <= day[1] <= found.end}
    anomalies = list(_anomalies(judged))
    waits = [next((i for i, day in enumerate(days) if day in alerted), None) for _, days in anomalies]
    by_kind = {}
    for kind in sorted({kind for kind, _ in anomalies}):
        mine = [wait for (k, _), wait in zip(anomalies, waits, strict=True) if k == kind]
        by_kind[kind] = (sum(wait is not None for wait in mine), len(mine))
    known = [wait for wait in waits if wait is not None]
    return AlertQuality(
        n_alerts=len(alerted),
        n_right=len(alerted & judged.keys()),
        n_labelled=len(judged),
        n_anomalies=len(anomalies),
        n_found=len(known),
        days_to_alert=float(np.mean(known)) if known else float("nan"),
        found_by_kind=by_kind,
    )


def _entity_day(alert: Alert) -> Day:
    return alert.unique_id.rpartition("/")[0], alert.ds


def _anomalies(labels: Mapping[Day, str]) -> Iterator[tuple[str, Sequence[Day]]]:
    """Kind and days of each run of consecutive labelled days of one entity and kind."""
    run: list[Day] = []
    for day in sorted(labels):
        if run and not _follows(run[-1], day, labels):
            yield labels[run[0]], run
            run = []
        run.append(day)
    if run:
        yield labels[run[0]], run


def _follows(before: Day, day: Day, labels: Mapping[Day, str]) -> bool:
    next_day = iso(as_date(before[1]) + 1)
    return (before[0], next_day) == day and labels[before] == labels[day]
