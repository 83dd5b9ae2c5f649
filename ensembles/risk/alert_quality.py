"""Alerts compared with labelled anomalies: how often an alert is right, and how many anomalies are found, how soon.

The unit is a day of an entity: an alert on any of its targets counts once. Consecutive labelled days are one anomaly;
it is found when one of its days has an alert.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ensembles.risk.alerts import Alert, Alerts
from forecasting.data.formats.columns import find_column, listed
from forecasting.data.formats.files import table_at
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import SmallTable
from forecasting.data.formats.whole import read_table
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Series
from forecasting.schema import UNIQUE_ID, as_date, iso

__all__ = ["AlertQuality", "Day", "judge_alerts", "read_labels"]

Day = tuple[str, str]
"""Entity and day as YYYY-MM-DD; the entity is empty where there is only one."""
USUAL = frozenset({"", "0", "0.0", "false", "no", "nan"})
"""Cells that label a day as normal."""


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

    def as_json(self) -> dict[str, Any]:
        """Plain values; null where there is nothing to measure."""
        shares = {"precision": self.precision, "recall": self.recall, "day_recall": self.day_recall}
        known = {**vars(self), **shares}
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in known.items()}


def read_labels(
    path: str | Path, data: DataSpec, label: str = "anomaly", series: Mapping[str, Series] | None = None
) -> dict[Day, str]:
    """Labelled days of a table and their kinds; of two kinds on one day the first counts.

    Parameters
    ----------
    data
        The run's: it names the columns of the entity and of the date.
    label
        Column with the kind of the anomaly. Empty, 0, false or no: a usual day.
    series
        Those of the run by unique_id; labels of other entities are left out. None keeps all.

    Raises
    ------
    DataError
        For a file that cannot be read, a missing column, a cell that is not a day, no labelled day at all, or none of
        these entities.
    """
    with OpenTable(table_at(path, data.table_options.of_neighbour())) as opened:
        name, available = opened.name, opened.columns
        mapped = {ours: column for ours, column in data.columns.items() if column in available}
        date = find_column("ds", mapped, available, name)
        who = _entity_column(data, mapped)
        if label not in available:
            raise DataError(
                f"{name}: there is no column {label!r} among {listed(available)}: name the column of the labels"
            )
        table = read_table(opened, [label, *([who] if who else [])], date=date)
    kinds = _texts(table, label)
    keys = [_entity(key, series or {}) for key in _texts(table, who)] if who else [""] * len(kinds)
    days = [iso(day) for day in table.days(date)]
    found = _first_kinds(zip(keys, days, kinds, strict=True))
    if not found:
        raise DataError(f"{name}: {label} labels none of its {len(kinds)} rows: name the column of the labels")
    return found if series is None else _of_entities(found, {s.entity or "" for s in series.values()}, name)


def _first_kinds(rows: Iterable[tuple[str, str, str]]) -> dict[Day, str]:
    """The first kind of each abnormal day, from rows of entity, day and kind."""
    found: dict[Day, str] = {}
    for key, day, kind in rows:
        if kind.casefold() not in USUAL:
            found.setdefault((key, day), kind)
    return found


def _of_entities(found: Mapping[Day, str], entities: Collection[str], name: str) -> dict[Day, str]:
    known = {key for key, _ in found}
    if not known & set(entities):
        raise DataError(
            f"{name}: labels {listed(sorted(known), 3)}, and the run holds {listed(sorted(entities), 3)}: "
            "give labels of the run's own data"
        )
    return {day: kind for day, kind in found.items() if day[0] in entities}


def _entity_column(data: DataSpec, mapped: Mapping[str, str]) -> str | None:
    if data.kind != "panel":
        return None
    return data.entity or mapped.get(UNIQUE_ID, UNIQUE_ID)


def _entity(key: str, series: Mapping[str, Series]) -> str:
    """The entity that a label's key means: a long panel may name series, other data name entities."""
    return key if key not in series else series[key].entity or ""


def _texts(table: SmallTable, column: str) -> list[str]:
    try:
        return [(text or "").strip() for text in table.columns[column].cast(pa.string()).to_pylist()]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(f"{table.name}: {column} cannot be read as text: store it as text") from None


def judge_alerts(found: Alerts, labels: Mapping[Day, str], severity: float = 1.0) -> AlertQuality:
    """Compare the alerts of at least a severity with the labels of the days that were judged.

    Parameters
    ----------
    found
        Alerts of a backtest or of new actual values.
    labels
        Entity and day → kind of anomaly, as `read_labels` gives them.
    severity
        Least severity of an alert that counts: 1 is the edge of the widest band, see `abnormal`.
    """
    alerted = {_entity_day(alert) for alert in found.alerts if alert.severity >= severity}
    judged = {day: kind for day, kind in labels.items() if found.start <= day[1] <= found.end}
    anomalies = list(_anomalies(judged, found.days))
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
    return alert.entity or "", alert.ds


def _anomalies(labels: Mapping[Day, str], days: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Sequence[Day]]]:
    """Kind and days of each run of consecutive labelled days of one entity and kind."""
    run: list[Day] = []
    for day in sorted(labels):
        if run and not (labels[run[-1]] == labels[day] and _follows(run[-1], day, days.get(day[0], ()))):
            yield labels[run[0]], run
            run = []
        run.append(day)
    if run:
        yield labels[run[0]], run


def _follows(before: Day, day: Day, judged: Sequence[str]) -> bool:
    """Whether `day` is the next one that was judged of the same entity, or the next of the calendar."""
    place = bisect_right(judged, before[1])
    return before[0] == day[0] and day[1] in (*judged[place : place + 1], iso(as_date(before[1]) + 1))
