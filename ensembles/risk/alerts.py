"""Days whose flow falls outside the bands: early warning of abnormal flows, ranked.

In the backtest the bands are honest ones, made from earlier windows, so the first window has none and its days
are not judged. For new actual values the bands are those of the forecast.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ensembles.evaluation.submission_score import read_amounts
from ensembles.files.words import WEEKDAYS, cny_per_unit, day_types
from forecasting.calendar import Calendar
from forecasting.errors import DataError, StorageError
from forecasting.schema import BLEND, CUTOFF, DS, MEMBER, UNIQUE_ID, Y_HAT, Y, as_date, as_dates, iso

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Alert", "Alerts", "alerts_csv", "alerts_of_backtest", "monitor"]


@dataclass(frozen=True)
class Alert:
    """A day outside a band, amounts in the unit of the data.

    `level` of the widest band it left, whose ends are `low` and `high`; `severity` its log error in units of the
    half width of the widest band there is (1 on its edge, infinite for a day without any flow).
    """

    unique_id: str
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
    `end`, and by level how many lay `inside`.
    """

    alerts: tuple[Alert, ...]
    n_days: int
    inside: Mapping[int, int]
    start: str
    end: str

    def beyond(self, level: int) -> int:
        """Days outside the band of `level` percent."""
        return self.n_days - self.inside[level] if self.n_days else 0


Row = Mapping[str, Any]


def alerts_of_backtest(oof: pa.Table, calendar: Calendar) -> Alerts:
    """Days of the backtest outside the blend's prequential bands.

    Parameters
    ----------
    oof
        Content of oof.parquet. A day in several windows is judged in the latest.
    """
    rows = _rows_of_blend(oof)
    latest = {(row[UNIQUE_ID], row[DS]): row for row in sorted(rows, key=lambda row: row[CUTOFF])}
    return _judge(latest.values(), calendar)


def monitor(
    forecast: pa.Table, actuals: Path | bytes, targets: Sequence[str], calendar: Calendar, entity: str | None = None
) -> Alerts:
    """New actual values against the forecast's bands; days that were not forecast are passed over.

    Parameters
    ----------
    forecast
        Content of forecast.parquet.
    actuals
        A table as for `score_submission`, in the unit of the run's data.
    targets
        In the order of their weights.

    Raises
    ------
    DataError
        A file that cannot be read as such a table, or that shares no day with the forecast.
    StorageError
        A forecast without bands.
    """
    rows = _rows_of_blend(forecast)
    if not rows or not _levels(rows[0]):
        raise StorageError("forecast.parquet holds no bands: run again to write them")
    known = read_amounts(actuals, "actuals", targets, entity)
    y = {
        (f"{who}/{target}" if who else target, day): amount
        for (who, day), amounts in known.items()
        for target, amount in zip(targets, amounts, strict=True)
    }
    judged = [{**row, Y: y[key]} for row in rows if (key := (row[UNIQUE_ID], iso(as_date(row[DS])))) in y]
    if not judged:
        days = sorted(iso(as_date(row[DS])) for row in rows)
        name = "actuals" if isinstance(actuals, bytes) else actuals.name
        raise DataError(f"{name}: shares no day and series with the forecast of {days[0]} to {days[-1]}: check both")
    return _judge(judged, calendar)


def _rows_of_blend(table: pa.Table) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    rows: list[dict[str, Any]] = table.filter(pc.equal(table[MEMBER], BLEND)).to_pylist()
    return rows


def _levels(row: Row) -> list[int]:
    """Widest first."""
    return sorted((int(name.removeprefix("lo_")) for name in row if name.startswith("lo_")), reverse=True)


def _judge(rows: Iterable[Row], calendar: Calendar) -> Alerts:
    banded = [row for row in rows if _is_banded(row)]
    levels = _levels(banded[0]) if banded else []
    found = [alert for row in banded if (alert := _alert(row, levels)) is not None]
    days = sorted(iso(as_date(row[DS])) for row in banded)
    return Alerts(
        alerts=tuple(sorted(_with_day_types(found, calendar), key=lambda a: (-a.severity, a.ds, a.unique_id))),
        n_days=len(banded),
        inside={level: sum(_inside(row, level) for row in banded) for level in levels},
        start=days[0] if days else "",
        end=days[-1] if days else "",
    )


def _is_banded(row: Row) -> bool:
    levels = _levels(row)
    return bool(levels) and all(
        value is not None and math.isfinite(value) for value in (row[Y], row[f"lo_{levels[0]}"], row[f"hi_{levels[0]}"])
    )


def _inside(row: Row, level: int) -> bool:
    return bool(row[f"lo_{level}"] <= row[Y] <= row[f"hi_{level}"])


def _alert(row: Row, levels: Sequence[int]) -> Alert | None:
    """The day's alert, still without its day type."""
    level = next((level for level in levels if not _inside(row, level)), None)
    if level is None:
        return None
    half_width = _log_ratio(row[f"hi_{levels[0]}"], row[Y_HAT])
    missed = abs(_log_ratio(row[Y], row[Y_HAT]))
    return Alert(
        unique_id=row[UNIQUE_ID],
        ds=iso(as_date(row[DS])),
        weekday="",
        day_type="",
        holiday="",
        event="",
        y=row[Y],
        y_hat=row[Y_HAT],
        level=level,
        low=row[f"lo_{level}"],
        high=row[f"hi_{level}"],
        side="above" if row[Y] > row[f"hi_{level}"] else "below",
        severity=missed / half_width if half_width > 0 else math.inf,
    )


def _log_ratio(above: float, below: float) -> float:
    return math.log(above / below) if above > 0 and below > 0 else math.inf


def _with_day_types(alerts: Sequence[Alert], calendar: Calendar) -> list[Alert]:
    days = calendar.days(as_dates([alert.ds for alert in alerts]))
    types = day_types(days)
    return [
        replace(
            alert,
            weekday=WEEKDAYS[days.weekday[i]],
            day_type=types[i],
            holiday=days.holiday[i],
            event=days.event[i],
        )
        for i, alert in enumerate(alerts)
    ]


def alerts_csv(found: Alerts, unit: str) -> bytes:
    """alerts.csv: rank and one row per alert, amounts in CNY.

    Parameters
    ----------
    unit
        Unit of the data, ``fen`` or ``CNY``.
    """
    cny = cny_per_unit(unit)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    plain = ("unique_id", "ds", "weekday", "day_type", "holiday", "event", "side", "level")
    amounts = ("y", "y_hat", "low", "high")
    writer.writerow(["rank", *plain, *(f"{name}_cny" for name in amounts), "severity"])
    for rank, alert in enumerate(found.alerts, start=1):
        cells = [f"{getattr(alert, name) * cny:.2f}" for name in amounts]
        writer.writerow([rank, *(getattr(alert, name) for name in plain), *cells, f"{alert.severity:.3f}"])
    return text.getvalue().encode()
