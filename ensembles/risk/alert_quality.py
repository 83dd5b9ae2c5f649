"""Alerts compared with labelled anomalies: how often an alert is right, and how many anomalies are found, how soon.

The unit is a day of an entity: an alert on any of its targets counts once. Consecutive labelled days are one anomaly;
it is found when one of its days has an alert.

An alert has no kind of anomaly, but a sort that can be seen: above the band, below it, or no flow. The precision of a
kind is that of the sort by which most of its days are found.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

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

__all__ = ["AlertQuality", "Day", "KindQuality", "judge_alerts", "read_labels"]

Day = tuple[str, str]
"""Entity and day as YYYY-MM-DD; the entity is empty where there is only one."""
USUAL = frozenset({"", "0", "0.0", "false", "no", "nan"})
"""Cells that label a day as normal."""


Sort = Literal["above", "below", "no flow"]


@dataclass(frozen=True)
class KindQuality:
    """Anomalies of one kind.

    `n_anomalies`, and of those found the `delays` from the first day to the first alert, in days and in order. `sort`
    of the alerts on most of its days, None without any; `n_alerts` entity-days with such an alert, `n_right` of them
    labelled, whatever the kind.
    """

    n_anomalies: int
    delays: tuple[int, ...]
    sort: Sort | None
    n_alerts: int
    n_right: int

    @property
    def recall(self) -> float:
        """Share of anomalies found; NaN without any."""
        return _share(len(self.delays), self.n_anomalies)

    @property
    def precision(self) -> float:
        """Share of alerts of this sort that are right; NaN without any."""
        return _share(self.n_right, self.n_alerts)

    def as_json(self) -> dict[str, Any]:
        """Plain values; null where there is nothing to measure."""
        shares = {"n_found": len(self.delays), "precision": self.precision, "recall": self.recall}
        return _plain({**vars(self), **shares, "median_delay": _median(self.delays)})


@dataclass(frozen=True)
class AlertQuality:
    """`n_alerts` entity-days with an alert, `n_right` of them labelled; `n_labelled` labelled entity-days;
    `n_anomalies`, `n_found` of them, and the mean number of days from an anomaly's first day to its first alert;
    `found_by_kind` kind → (found, all), and more of each in `kinds`; `sorts` sort of alert → entity-days that have one,
    and how many are labelled.
    """

    n_alerts: int
    n_right: int
    n_labelled: int
    n_anomalies: int
    n_found: int
    days_to_alert: float
    found_by_kind: Mapping[str, tuple[int, int]]
    kinds: Mapping[str, KindQuality]
    sorts: Mapping[Sort, tuple[int, int]]

    @property
    def delays(self) -> dict[int, int]:
        """Days from an anomaly's first day to its first alert → how many anomalies were found so."""
        return dict(sorted(Counter(wait for kind in self.kinds.values() for wait in kind.delays).items()))

    @property
    def median_delay(self) -> float:
        """Days from an anomaly's first day to its first alert; NaN where none was found."""
        return _median([wait for kind in self.kinds.values() for wait in kind.delays])

    @property
    def precision(self) -> float:
        """Share of alerts that are right; NaN without any."""
        return _share(self.n_right, self.n_alerts)

    @property
    def recall(self) -> float:
        """Share of anomalies found; NaN without any."""
        return _share(self.n_found, self.n_anomalies)

    @property
    def day_recall(self) -> float:
        """Share of labelled days with an alert; NaN without any."""
        return _share(self.n_right, self.n_labelled)

    def as_json(self) -> dict[str, Any]:
        """Plain values; null where there is nothing to measure."""
        shares = {"precision": self.precision, "recall": self.recall, "day_recall": self.day_recall}
        waits = {"median_delay": self.median_delay, "delays": self.delays}
        kinds = {kind: found.as_json() for kind, found in self.kinds.items()}
        return _plain({**vars(self), **shares, **waits, "kinds": kinds})


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _median(values: Sequence[int]) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}


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
    by_sort: dict[Sort, set[Day]] = {}
    for alert in found.alerts:
        if alert.severity >= severity:
            by_sort.setdefault(_sort(alert), set()).add((alert.entity or "", alert.ds))
    alerted: set[Day] = set().union(*by_sort.values())
    judged = {day: kind for day, kind in labels.items() if found.start <= day[1] <= found.end}
    sorts = {sort: (len(days), len(days & judged.keys())) for sort, days in sorted(by_sort.items())}
    waits: dict[str, list[int | None]] = {}
    for kind, days in _anomalies(judged, found.days):
        waits.setdefault(kind, []).append(next((i for i, day in enumerate(days) if day in alerted), None))
    days_of = {kind: {day for day, k in judged.items() if k == kind} for kind in waits}
    kinds = {kind: _kind(waits[kind], _usual_sort(days_of[kind], by_sort), sorts) for kind in sorted(waits)}
    known = [wait for kind in kinds.values() for wait in kind.delays]
    return AlertQuality(
        n_alerts=len(alerted),
        n_right=len(alerted & judged.keys()),
        n_labelled=len(judged),
        n_anomalies=sum(kind.n_anomalies for kind in kinds.values()),
        n_found=len(known),
        days_to_alert=float(np.mean(known)) if known else float("nan"),
        found_by_kind={name: (len(kind.delays), kind.n_anomalies) for name, kind in kinds.items()},
        kinds=kinds,
        sorts=sorts,
    )


def _kind(waits: Sequence[int | None], sort: Sort | None, sorts: Mapping[Sort, tuple[int, int]]) -> KindQuality:
    """A kind of anomaly by the days that each waited for its alert, None where none came."""
    n_alerts, n_right = (0, 0) if sort is None else sorts[sort]
    return KindQuality(len(waits), tuple(sorted(w for w in waits if w is not None)), sort, n_alerts, n_right)


def _sort(alert: Alert) -> Sort:
    return "no flow" if alert.y == 0 else alert.side


def _usual_sort(days: Collection[Day], by_sort: Mapping[Sort, Collection[Day]]) -> Sort | None:
    """The sort of alerts on most of these days."""
    counts = {sort: sum(day in alerted for day in days) for sort, alerted in sorted(by_sort.items())}
    most = max(counts.values(), default=0)
    return next((sort for sort, n in counts.items() if n == most > 0), None)


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
