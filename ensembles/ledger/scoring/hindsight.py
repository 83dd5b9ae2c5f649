"""What actual values were made of, as it looks once they are known: level, calendar, events and odd amounts.

The calendar model is the one by which forecasts are explained (`ensembles.explanation.calendar_parts`), fitted to all
actual values that are known now, with the calendar of the latest forecast: a holiday that was moved stands where it
was in the end. The level of a day is the median of the days around it with the calendar taken out, so that it follows a
shift at once and no single day. A day is odd where it lies more than `ODD` robust sizes from level and calendar:
somebody paid, or nothing came; what lies beyond them is its odd amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ensembles.explanation.calendar_parts import CALENDAR_PARTS, parts_with_hindsight
from forecasting.errors import TrialError
from forecasting.panel import History, Panel, Series
from forecasting.schema import DateArray, FloatArray

if TYPE_CHECKING:
    from ensembles.ledger.files.actuals import Actuals
    from ensembles.ledger.files.facts import VintageFacts

__all__ = ["FEWEST", "Hindsight", "hindsight_of"]

FEWEST = 56
"""Known periods of a series that it takes to tell its level from its calendar."""
AROUND = 7
"""Periods on either side whose median is a day's level."""
ODD = 4.0
"""Robust standard deviations beyond which a day is odd."""
MAD = 1.4826


@dataclass(frozen=True)
class Hindsight:
    """Parts of the actual values of one series on the days `ds`, ``[n]`` each, in the unit of the data: `level`,
    `calendar` and `event`. An actual value is their sum and a rest; outside `low` to `high` that rest is no noise.
    """

    ds: DateArray
    level: FloatArray
    calendar: FloatArray
    event: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def base(self) -> FloatArray:
        """What level, calendar and events alone would have given, ``[n]``."""
        return np.asarray(self.level + self.calendar + self.event)


def hindsight_of(actuals: Actuals, series: Mapping[str, Series], latest: VintageFacts) -> dict[str, Hindsight]:
    """By unique_id; series with less than `FEWEST` known periods are left out.

    Parameters
    ----------
    series
        Those of one target.
    latest
        Facts of the latest forecast: its calendar is what is known in the end.
    """
    histories = {
        uid: history for uid, history in _histories(actuals, series, latest).items() if np.nan_to_num(history.y).any()
    }
    try:
        parts = parts_with_hindsight(list(histories.values()), AROUND) if histories else []
    except TrialError:
        return {}
    return {uid: _of_series(history, own) for (uid, history), own in zip(histories.items(), parts, strict=True)}


def _histories(actuals: Actuals, series: Mapping[str, Series], latest: VintageFacts) -> dict[str, History]:
    """The actual values of each series on the periods of the forecasts."""
    if not len(actuals.ds):
        return {}
    axis = latest.axis
    known = actuals.ds[~np.isnan(actuals.y).all(axis=0)]
    ds = known if axis.freq != "D" else actuals.ds
    rows = [(uid, k) for k, uid in enumerate(actuals.unique_ids) if uid in series]
    y = actuals.y[:, (ds - actuals.ds[0]).astype(np.int64)]
    kept = [(uid, k) for uid, k in rows if (~np.isnan(y[k])).sum() >= FEWEST]
    if not kept:
        return {}
    told = tuple(Series(series[uid].target, series[uid].entity, uid) for uid, _ in kept)
    past = np.empty((len(kept), len(ds), 0))
    signed = latest.config["data"].get("scale") == "signed"
    panel = Panel(ds, told, y[[k for _, k in kept]], past, (), axis.calendar, axis.freq, signed)
    return {uid: _to_the_last(panel.history(uid)) for uid, _ in kept}


def _to_the_last(history: History) -> History:
    """Up to its last known value."""
    return history.until(history.ds[np.flatnonzero(~np.isnan(history.y))[-1]])


def _of_series(history: History, parts: FloatArray) -> Hindsight:
    found = dict(zip(CALENDAR_PARTS, parts.T, strict=True))
    base = parts.sum(axis=1)
    event = found["event"]
    low, high = _usual(history.y, base)
    return Hindsight(history.ds, found["level"], base - found["level"] - event, event, low, high)


def _usual(y: FloatArray, base: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ends of what is no odd amount on each day: by factors where all amounts are positive, else by amounts. On a day
    on which nothing is expected any amount is odd.
    """
    flowed = ~np.isnan(y) & (y != 0) & (base != 0)
    if ((y > 0) & (base > 0))[flowed].all():
        factor = np.exp(ODD * _size(np.log(y[flowed] / base[flowed])))
        return base / factor, base * factor
    reach = np.where(base == 0, 0.0, ODD * _size((y - base)[flowed]))
    return base - reach, base + reach


def _size(apart: FloatArray) -> float:
    """Robust standard deviation of values around 0; nearly nothing for none."""
    return max(MAD * float(np.median(np.abs(apart))), 1e-9) if len(apart) else 1e-9
