"""Days whose flow falls outside the bands: early warning of abnormal flows, ranked.

Takes the blend's rows of oof.parquet or forecast.parquet and gives alerts. In the backtest the bands of a window are
made from earlier windows, so the first window has none and its days are not judged. New actual values are compared
with the bands of the forecast.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ensembles.files.day_names import named_days
from ensembles.files.table import places
from forecasting.calendar import Calendar
from forecasting.data.amounts_table import AmountRows, read_amounts_table
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError, StorageError
from forecasting.schema import FloatArray, IntArray, iso

if TYPE_CHECKING:
    from ensembles.files.forecast_parquet import ForecastFile
    from ensembles.files.oof_parquet import OofFile

__all__ = ["Alert", "Alerts", "alerts_of_backtest", "monitor"]


@dataclass(frozen=True)
class Alert:
    """A day of a series, which is a target of an entity, outside a band; amounts in the unit of the data.

    `level` of the widest band it left, whose ends are `low` and `high`; `severity` its log error in units of the
    half width of the widest band there is (1 on its edge, infinite for a day without any flow). Where amounts may be
    negative it is the error itself, in units of the half width on its side.
    """

    unique_id: str
    entity: str | None
    target: str
    ds: str
    weekday: str
    day_type: str
    holiday: str
    event: str
    y: float
    y_hat: float
    level: int
    low: float
    high: float
    side: Literal["above", "below"]
    severity: float


@dataclass(frozen=True)
class Alerts:
    """The worst first; `n_days` that had a band and an actual value (a day of each series counts), from `start` to
    `end`, and by level how many lay `inside`; `days` that were judged, in order, by entity (empty where there is one);
    `left` unique_id → why the actual values of a series of a panel were not judged.
    """

    alerts: tuple[Alert, ...]
    n_days: int
    inside: Mapping[int, int]
    start: str
    end: str
    days: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)

    def beyond(self, level: int) -> int:
        """Days outside the band of `level` percent."""
        return self.n_days - self.inside[level] if self.n_days else 0


def alerts_of_backtest(oof: OofFile, calendar: Calendar) -> Alerts:
    """Days of the backtest outside the blend's prequential bands. A day in several windows is judged in the latest."""
    blend = oof.blend
    _, series = places(blend.unique_id)
    order = np.lexsort((blend.cutoff, blend.ds, series))
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (np.diff(series[order]) != 0) | (np.diff(blend.ds[order]) != np.timedelta64(0, "D"))
    latest = blend.where(order[last])
    return _judge(latest, latest.y, calendar)


def monitor(forecast: ForecastFile, actuals: Path, data: DataSpec, calendar: Calendar) -> Alerts:
    """Compare new actual values with the forecast's bands. Days that were not forecast are skipped.

    Parameters
    ----------
    actuals
        A table in the unit of the run's data, as `read_amounts_table` reads it.
    data
        The run's: it names the targets in the order of their weights, the columns and the entity's.

    Raises
    ------
    DataError
        A file that cannot be read as such a table, or that shares no day with the forecast. A fault of one series of
        a panel leaves out that series alone; one on a day that was not forecast does not matter.
    StorageError
        A forecast without bands.
    """
    blend = forecast.blend
    if not len(blend) or not blend.bands:
        raise StorageError("forecast.parquet holds no bands: run again to write them")
    known = read_amounts_table(data, actuals, signed=True)
    days = list(zip(blend.unique_id, blend.ds, strict=True))
    y, left = _actuals(known, set(days))
    rows = [row for row, day in enumerate(days) if day in y]
    if not rows:
        start, end = iso(blend.ds.min()), iso(blend.ds.max())
        what = f"it shares no day and series with the forecast of {start} to {end}"
        raise DataError(where=actuals.name, what=what, remedy="check both")
    found = _judge(blend.where(np.array(rows)), np.array([y[days[row]] for row in rows]), calendar)
    return replace(found, left=left)


def _actuals(
    known: AmountRows, forecast: Collection[tuple[str, np.datetime64]]
) -> tuple[dict[tuple[str, np.datetime64], float], dict[str, str]]:
    """The actual values of the days that were forecast, and the series of a panel that are left out, with the reason.

    Raises
    ------
    DataError
        What is wrong is wrong with the single table, or with every series.
    """
    keys = zip(known.series, known.ds, strict=True)
    amounts, faults = known.sorted_out({key for key in keys if (key[0].unique_id, key[1]) in forecast})
    for series, fault in faults.items():
        if series.entity is None or not amounts:
            raise fault
    left = {series.unique_id: str(fault) for series, fault in faults.items()}
    return {(series.unique_id, day): y for (series, day), y in amounts.items()}, left


def _judge(rows: OofFile | ForecastFile, y: FloatArray, calendar: Calendar) -> Alerts:
    """Actual values ``[n]`` against the bands of forecasts; rows without either are left out."""
    levels = list(rows.bands)
    if not levels:
        return Alerts((), 0, {}, "", "")
    low, high = rows.bands[levels[0]]
    banded = np.isfinite(np.stack([y, low, high])).all(axis=0)
    rows, y = rows.where(banded), y[banded]
    if not len(rows):
        return Alerts((), 0, {}, "", "")
    inside = np.stack([(low <= y) & (y <= high) for low, high in rows.bands.values()])
    outside = np.flatnonzero(~inside.all(axis=0))
    found = _alerts(rows.where(outside), y[outside], np.argmin(inside, axis=0)[outside], calendar)
    return Alerts(
        alerts=tuple(sorted(found, key=lambda a: (-a.severity, a.ds, a.unique_id))),
        n_days=len(rows),
        inside=dict(zip(levels, inside.sum(axis=1).tolist(), strict=True)),
        start=iso(rows.ds.min()),
        end=iso(rows.ds.max()),
        days=_judged_days(rows),
    )


def _judged_days(rows: OofFile | ForecastFile) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    entities = {uid: series.entity or "" for uid, series in rows.identities().items()}
    for uid, day in zip(rows.unique_id, rows.ds, strict=True):
        found.setdefault(entities[uid], set()).add(iso(day))
    return {entity: tuple(sorted(days)) for entity, days in found.items()}


def _alerts(rows: OofFile | ForecastFile, y: FloatArray, widest: IntArray, calendar: Calendar) -> Iterator[Alert]:
    """An alert for each row; `widest` ``[n]`` is the place of the widest band it lies outside."""
    levels, days = list(rows.bands), named_days(calendar, rows.ds)
    bottom, edges = rows.bands[levels[0]]
    series = rows.identities()
    for i, (day, amount) in enumerate(zip(days, y.tolist(), strict=True)):
        y_hat, level = float(rows.y_hat[i]), levels[widest[i]]
        low, high = (float(end[i]) for end in rows.bands[level])
        yield Alert(
            unique_id=rows.unique_id[i],
            entity=series[rows.unique_id[i]].entity,
            target=series[rows.unique_id[i]].target,
            ds=day.date,
            weekday=day.weekday,
            day_type=day.day_type,
            holiday=day.holiday,
            event=day.event,
            y=amount,
            y_hat=y_hat,
            level=level,
            low=low,
            high=high,
            side="above" if amount > high else "below",
            severity=_severity(amount, y_hat, float(bottom[i]), float(edges[i])),
        )


def _severity(y: float, y_hat: float, bottom: float, edge: float) -> float:
    """Error in units of the half width of the widest band, from `bottom` to `edge`; in logs unless one is negative."""
    if min(y, y_hat, bottom) < 0:
        half_width = edge - y_hat if y > y_hat else y_hat - bottom
        return abs(y - y_hat) / half_width if half_width > 0 else math.inf
    half_width = _log_ratio(edge, y_hat)
    return abs(_log_ratio(y, y_hat)) / half_width if half_width > 0 else math.inf


def _log_ratio(above: float, below: float) -> float:
    return math.log(above / below) if above > 0 and below > 0 else math.inf
