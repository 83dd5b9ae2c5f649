"""Days whose flow falls outside the widest band: early warning of abnormal flows, ranked (see `abnormal`).

Takes the blend's rows of oof.parquet or forecast.parquet and gives alerts. In the backtest the bands of a window are
made from earlier windows, so the first two have none and their days are not judged. New actual values are compared
with the bands of the forecast.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ensembles.files.day_names import named_days
from ensembles.files.table import places
from ensembles.risk.abnormal import JudgedDays, chances_of_activity, judge_days
from forecasting.calendar import Calendar
from forecasting.data.amounts_table import AmountRows, read_amounts_table
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError, StorageError
from forecasting.schema import FloatArray, iso

if TYPE_CHECKING:
    from ensembles.files.forecast_parquet import ForecastFile
    from ensembles.files.history_parquet import HistoryFile
    from ensembles.files.oof_parquet import OofFile

__all__ = ["Alert", "Alerts", "alerts_of_backtest", "monitor"]


@dataclass(frozen=True)
class Alert:
    """A day of a series, which is a target of an entity, outside the widest band; amounts in the unit of the data.

    `level` of that band, whose ends are `low` and `high`; `severity` 1 lies on its edge, see `abnormal.judge_days`.
    A run of days without any flow is one alert: `n_days` are all its days, `ds` the first on which it was improbable.
    Otherwise `n_days` is 1.
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
    n_days: int = 1


@dataclass(frozen=True)
class Alerts:
    """The worst first; `n_days` that had a band and an actual value (a day of each series counts), from `start` to
    `end`, and by level how many lay `inside`; `days` that were judged, in order, by entity (empty where there is one);
    `left` unique_id → why the actual values of a series of a panel were not judged; `n_by_chance` of the days were
    judged by how often something flows, because nothing flowed or nothing was forecast.
    """

    alerts: tuple[Alert, ...]
    n_days: int
    inside: Mapping[int, int]
    start: str
    end: str
    days: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)
    n_by_chance: int = 0

    @property
    def chance_in_words(self) -> str:
        """How days were judged that have no ratio to their forecast; "" where there are none."""
        if not self.n_by_chance:
            return ""
        return (
            f"{self.n_by_chance:,} of the {self.n_days:,} had no flow or were forecast to have none: they count as "
            "inside if that is common in their series"
        )

    def beyond(self, level: int) -> int:
        """Days outside the band of `level` percent."""
        return self.n_days - self.inside[level] if self.n_days else 0


def alerts_of_backtest(oof: OofFile, calendar: Calendar, history: HistoryFile | None = None) -> Alerts:
    """Days of the backtest outside the blend's prequential bands. A day in several windows is judged in the latest.

    Parameters
    ----------
    history
        All actual values of the run: they tell how likely a day without any flow is.
    """
    blend = oof.blend
    _, series = places(blend.unique_id)
    order = np.lexsort((blend.cutoff, blend.ds, series))
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (np.diff(series[order]) != 0) | (np.diff(blend.ds[order]) != np.timedelta64(0, "D"))
    latest = blend.where(order[last])
    return _judge(latest, latest.y, calendar, history)


def monitor(
    forecast: ForecastFile,
    actuals: Path,
    data: DataSpec,
    calendar: Calendar,
    history: HistoryFile | None = None,
) -> Alerts:
    """Compare new actual values with the forecast's bands. Days that were not forecast are skipped.

    Parameters
    ----------
    actuals
        A table in the unit of the run's data, as `read_amounts_table` reads it.
    data
        The run's: it names the targets in the order of their weights, the columns and the entity's.
    history
        As for `alerts_of_backtest`.

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
        if len(known.ds):
            what += f"; its days are {iso(known.ds.min())} to {iso(known.ds.max())}"
        raise DataError(where=actuals.name, what=what, remedy="give days that were forecast, with the run's series")
    found = _judge(blend.where(np.array(rows)), np.array([y[days[row]] for row in rows]), calendar, history)
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


def _judge(rows: OofFile | ForecastFile, y: FloatArray, calendar: Calendar, history: HistoryFile | None) -> Alerts:
    """Actual values ``[n]`` against the bands of forecasts; rows without either are left out."""
    levels = list(rows.bands)
    if not levels:
        return Alerts((), 0, {}, "", "")
    low, high = rows.bands[levels[0]]
    banded = np.flatnonzero(np.isfinite(np.stack([y, low, high])).all(axis=0))
    if not len(banded):
        return Alerts((), 0, {}, "", "")
    _, series = places(rows.unique_id[banded])
    banded = banded[np.lexsort((rows.ds[banded], series))]
    rows, y = rows.where(banded), y[banded]
    chance = chances_of_activity(rows.unique_id, rows.ds, y, calendar, history)
    judged = judge_days(rows.unique_id, y, rows.quantiles[0.5], rows.bands, chance)
    found = _alerts(rows, y, judged, calendar)
    return Alerts(
        alerts=tuple(sorted(found, key=lambda a: (-a.severity, a.ds, a.unique_id))),
        n_days=len(rows),
        inside={level: int(inside.sum()) for level, inside in judged.inside.items()},
        start=iso(rows.ds.min()),
        end=iso(rows.ds.max()),
        days=_judged_days(rows),
        n_by_chance=int(judged.by_chance.sum()),
    )


def _judged_days(rows: OofFile | ForecastFile) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    entities = {uid: series.entity or "" for uid, series in rows.identities().items()}
    for uid, day in zip(rows.unique_id, rows.ds, strict=True):
        found.setdefault(entities[uid], set()).add(iso(day))
    return {entity: tuple(sorted(days)) for entity, days in found.items()}


def _alerts(rows: OofFile | ForecastFile, y: FloatArray, judged: JudgedDays, calendar: Calendar) -> Iterator[Alert]:
    """The days that begin an alert."""
    first = np.flatnonzero(judged.n_days > 0)
    days, (level, (low, high)) = named_days(calendar, rows.ds[first]), next(iter(rows.bands.items()))
    series = rows.identities()
    for row, day in zip(first.tolist(), days, strict=True):
        uid, median = rows.unique_id[row], float(rows.quantiles[0.5][row])
        yield Alert(
            unique_id=uid,
            entity=series[uid].entity,
            target=series[uid].target,
            ds=day.date,
            weekday=day.weekday,
            day_type=day.day_type,
            holiday=day.holiday,
            event=day.event,
            y=float(y[row]),
            y_hat=float(rows.y_hat[row]),
            level=level,
            low=float(low[row]),
            high=float(high[row]),
            side="above" if y[row] > median else "below",
            severity=float(judged.severity[row]),
            n_days=int(judged.n_days[row]),
        )
