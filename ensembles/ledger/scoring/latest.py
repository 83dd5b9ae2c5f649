"""Every day as the last forecast issued before it had it: what alarms are raised by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ensembles.ledger.scoring.alarms import Alarm, alarms_of, relative_errors
from forecasting.schema import DateArray, FloatArray, IntArray, as_dates

if TYPE_CHECKING:
    from ensembles.ledger.files.vintage import Vintage

__all__ = ["LatestSaid"]

_NEVER = np.iinfo(np.int64).max


@dataclass
class LatestSaid:
    """Errors of the days `ds`, which vintages are put into in any order; of several with the same last day of data the
    one that is put in last counts. Arrays are ``[n_series, n_days]``: `lead` of the forecast that counts, `error` by it
    (see `relative_errors`), `inside` its narrowest band, and the share `nominal` of days meant to lie inside that. NaN
    where nothing is known.
    """

    ds: DateArray = field(default_factory=lambda: as_dates([]))
    rows: dict[str, int] = field(default_factory=dict)
    lead: IntArray = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    error: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    inside: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    nominal: FloatArray = field(default_factory=lambda: np.empty((0, 0)))

    def add(self, vintage: Vintage, y: FloatArray) -> None:
        """Take what a vintage said, where no later one said anything; `y` ``[n]`` are its actual values."""
        self._make_room(vintage)
        row = np.array([self.rows[uid] for uid in vintage.unique_ids], dtype=np.int64)[vintage.place]
        day = (vintage.ds - self.ds[0]).astype(np.int64)
        later = np.flatnonzero(vintage.lead <= self.lead[row, day])
        at = row[later], day[later]
        self.lead[at] = vintage.lead[later]
        self.error[at] = relative_errors(y[later], vintage.y_hat[later])
        self.inside[at], self.nominal[at] = (values[later] for values in _inside(vintage, y))

    def _make_room(self, vintage: Vintage) -> None:
        new = [uid for uid in vintage.unique_ids if uid not in self.rows]
        self.rows |= {uid: len(self.rows) + k for k, uid in enumerate(new)}
        ends = [self.ds[:1], self.ds[-1:], vintage.ds]
        days = np.concatenate(ends)
        ds = np.arange(days.min(), days.max() + 1) if len(days) else self.ds
        if not new and len(ds) == len(self.ds):
            return
        before = int((self.ds[0] - ds[0]).astype(np.int64)) if len(self.ds) else 0
        self.lead = self._grown(self.lead, before, len(ds), _NEVER)
        self.error = self._grown(self.error, before, len(ds), np.nan)
        self.inside = self._grown(self.inside, before, len(ds), np.nan)
        self.nominal = self._grown(self.nominal, before, len(ds), np.nan)
        self.ds = ds

    def _grown(self, values: Any, before: int, n_days: int, empty: float) -> Any:
        grown = np.full((len(self.rows), n_days), empty, dtype=values.dtype)
        grown[: values.shape[0], before : before + values.shape[1]] = values
        return grown

    @property
    def forecast(self) -> DateArray:
        """Days that any vintage forecast."""
        return np.asarray(self.ds[(self.lead < _NEVER).any(axis=0)]) if len(self.lead) else self.ds[:0]

    def alarms(self) -> list[Alarm]:
        """Alarms of all series, by the days that are known."""
        known = ~np.isnan(self.error).all(axis=0) if len(self.error) else np.zeros(len(self.ds), dtype=bool)
        if not known.any():
            return []
        errors, inside, nominal = (values[:, known] for values in (self.error, self.inside, self.nominal))
        return alarms_of(list(self.rows), self.ds[known], errors, inside, nominal)


def _inside(vintage: Vintage, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Whether each row lies in the narrowest band, and the share meant to, ``[n]`` each; NaN where not known."""
    if not vintage.bands:
        return np.full(len(y), np.nan), np.full(len(y), np.nan)
    level, (low, high) = list(vintage.bands.items())[-1]
    judged = np.isfinite(y) & np.isfinite(low) & np.isfinite(high)
    return np.where(judged, (y >= low) & (y <= high), np.nan), np.where(judged, level / 100, np.nan)
