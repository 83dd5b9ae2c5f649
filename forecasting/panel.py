"""A panel of daily series on one calendar, and what a model may see of it.

`Panel` is what a source returns. `History` is one series cut at a cutoff: the only thing a model is
ever given, so that no model can look ahead. Everything known in advance (weekdays, holidays, events) comes from the
panel's `Calendar`, for any date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import overload

import numpy as np

from forecasting.axis import Axis, Freq
from forecasting.calendar import Calendar
from forecasting.errors import DataError
from forecasting.planned.amounts import Planned
from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray, iso, locked

__all__ = ["History", "Panel", "Series"]


@dataclass(frozen=True)
class Series:
    """Identity of one series: the pair of target and entity.

    `own_id` is the user's own name for it, where the data have one (a long panel's unique_id). A target's name holds
    no slash; an entity's may.
    """

    target: str
    entity: str | None = None
    own_id: str | None = field(default=None, compare=False)

    @overload
    @classmethod
    def named(cls, unique_id: str) -> Series: ...

    @overload
    @classmethod
    def named(cls, unique_id: str, targets: Collection[str]) -> Series | None: ...

    @classmethod
    def named(cls, unique_id: str, targets: Collection[str] | None = None) -> Series | None:
        """The series that a ``target`` or an ``entity/target`` means; None if it is of none of the targets, where these
        are given.
        """
        entity, slash, target = unique_id.rpartition("/")
        if targets is not None and target not in targets:
            return None
        return cls(target, entity if slash else None)

    @property
    def unique_id(self) -> str:
        """The user's own id, else the target, or ``entity/target`` in a panel."""
        if self.own_id is not None:
            return self.own_id
        return self.target if self.entity is None else f"{self.entity}/{self.target}"


@dataclass(frozen=True)
class History:
    """One series up to and including a cutoff.

    `ds` ``[n]`` consecutive periods that end at the cutoff; `y` ``[n]`` in the data's unit, NaN where the amount is
    unknown (`scale.histories.prepare` fills it before a model sees it); `past` ``[n, n_past]`` past covariates, NaN
    where unknown in that period; `signed`: amounts are to be taken as of either sign, though none may be negative;
    `carried` ``[n, n_past]`` where `past` is the last known value carried forward, None where nothing is.
    """

    series: Series
    ds: DateArray
    y: FloatArray
    past: FloatArray
    past_names: tuple[str, ...]
    calendar: Calendar
    freq: Freq = "D"
    signed: bool = False
    carried: BoolArray | None = None

    @property
    def past_with_gaps(self) -> FloatArray:
        """`past` as the data hold it, ``[n, n_past]``: NaN where a value was carried forward."""
        return self.past if self.carried is None else np.where(self.carried, np.nan, self.past)

    @property
    def unique_id(self) -> str:
        return self.series.unique_id

    @property
    def axis(self) -> Axis:
        """Which periods come next."""
        return Axis(self.freq, self.calendar)

    def steps(self, ds: DateArray) -> IntArray:
        """How many periods after the cutoff each of `ds`, which follow it, lies: from 1, ``[len(ds)]``."""
        return self.axis.steps(self.cutoff, ds)

    def ahead(self, n: int, ds: DateArray | None = None) -> DateArray:
        """The next `n` periods ``[n]``; of work days the first are `ds`, where these are given."""
        if ds is None or self.freq != "B" or len(ds) == 0:
            return self.axis.after(self.cutoff, n)
        return np.concatenate([ds[:n], self.axis.after(ds[-1], max(n - len(ds), 0))])

    def span(self, ahead: int, ds: DateArray | None = None) -> DateArray:
        """Its periods and the next `ahead`, ``[n + ahead]``; `ds` as in `ahead`."""
        return np.concatenate([self.ds, self.ahead(ahead, ds)])

    @property
    def cutoff(self) -> np.datetime64:
        return np.datetime64(self.ds[-1], "D")

    def until(self, cutoff: np.datetime64) -> History:
        """The same series as it was known at an earlier cutoff."""
        n = int(np.searchsorted(self.ds, cutoff, side="right"))
        carried = None if self.carried is None else self.carried[:n]
        return replace(self, ds=self.ds[:n], y=self.y[:n], past=self.past[:n], carried=carried)


@dataclass(frozen=True)
class Panel:
    """Series on one axis of periods.

    `ds` ``[n]`` consecutive periods; `y` ``[n_series, n]`` in the data's unit, NaN before a series begins and where an
    amount is unknown; `past` ``[n_series, n, n_past]`` past covariates (known only up to the cutoff), NaN where
    unknown; `signed`: amounts are to be taken as of either sign, though none may be negative; `carried`
    ``[n_series, n, n_past]`` where `past` is the last known value carried forward, None where nothing is; `planned`:
    amounts that are taken out of `y` in what a model sees, and what is planned of later days.
    """

    ds: DateArray
    series: tuple[Series, ...]
    y: FloatArray
    past: FloatArray
    past_names: tuple[str, ...]
    calendar: Calendar
    freq: Freq = "D"
    signed: bool = False
    carried: BoolArray | None = None
    planned: Planned | None = None

    @property
    def axis(self) -> Axis:
        """Which periods come next."""
        return Axis(self.freq, self.calendar)

    @cached_property
    def unique_ids(self) -> tuple[str, ...]:
        return tuple(s.unique_id for s in self.series)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {uid: row for row, uid in enumerate(self.unique_ids)}

    @property
    def targets(self) -> tuple[str, ...]:
        """Target names in order of first appearance."""
        return tuple(dict.fromkeys(s.target for s in self.series))

    @property
    def end(self) -> np.datetime64:
        return np.datetime64(self.ds[-1], "D")

    def __contains__(self, unique_id: str) -> bool:
        """Whether a series of this id is in the panel."""
        return unique_id in self._rows

    def index(self, unique_id: str) -> int:
        """Row of a series in `y` and `past`."""
        return self._rows[unique_id]

    def until(self, cutoff: np.datetime64) -> Panel:
        """The panel as it was known at `cutoff`.

        Raises DataError when no day is left.
        """
        n = int(np.searchsorted(self.ds, cutoff, side="right"))
        if n == 0:
            raise DataError(f"the data begin on {iso(self.ds[0])}, after {iso(cutoff)}: choose a later date")
        carried = None if self.carried is None else self.carried[:, :n]
        return replace(self, ds=self.ds[:n], y=self.y[:, :n], past=self.past[:, :n], carried=carried)

    def history(self, unique_id: str, cutoff: np.datetime64 | None = None) -> History:
        """One series from its first day to `cutoff` (default: the panel's end), without the planned amounts that are
        known there. Its arrays cannot be written to, wherever it is used.
        """
        row = self.index(unique_id)
        stop = len(self.ds) if cutoff is None else int(np.searchsorted(self.ds, cutoff, side="right"))
        known = np.flatnonzero(~np.isnan(self.y[row, :stop]))
        start = int(known[0]) if len(known) else stop
        return History(
            series=self.series[row],
            ds=locked(self.ds[start:stop]),
            y=locked(self._unplanned(row, stop, self.end if cutoff is None else cutoff)[start:]),
            past=locked(self.past[row, start:stop]),
            past_names=self.past_names,
            calendar=self.calendar,
            freq=self.freq,
            signed=self.signed,
            carried=None if self.carried is None else self.carried[row, start:stop],
        )

    def _unplanned(self, row: int, stop: int, cutoff: np.datetime64) -> FloatArray:
        """The first `stop` amounts of a row of `y`, less what is planned and known at `cutoff`."""
        y, uid = self.y[row, :stop], self.unique_ids[row]
        if self.planned is None or not self.planned.touches(uid):
            return y
        return self.planned.without(y, self.planned.amounts(uid, self.ds[:stop], cutoff))

    def unplanned(self) -> FloatArray:
        """`y` without all planned amounts that are known at the panel's end."""
        if self.planned is None:
            return self.y
        return np.stack([self._unplanned(row, len(self.ds), self.end) for row in range(len(self.series))])

    def planned_amounts(self, unique_id: str, ds: DateArray, cutoff: np.datetime64) -> FloatArray:
        """What is planned of a series in the given periods ``[len(ds)]``, as far as it is known at `cutoff`."""
        return np.zeros(len(ds)) if self.planned is None else self.planned.amounts(unique_id, ds, cutoff)

    def last_known(self, unique_id: str, cutoff: np.datetime64) -> float:
        """The last amount known at `cutoff`, planned or not; NaN if there is none."""
        y = self.y[self.index(unique_id), : int(np.searchsorted(self.ds, cutoff, side="right"))]
        known = y[~np.isnan(y)]
        return float(known[-1]) if len(known) else float("nan")

    def truth(self, unique_id: str, ds: DateArray) -> FloatArray:
        """Actual values in the given periods, ``[len(ds)]``, NaN outside the data."""
        position = np.searchsorted(self.ds, ds)
        inside = self.ds[np.minimum(position, len(self.ds) - 1)] == ds
        values = np.full(len(ds), np.nan)
        values[inside] = self.y[self.index(unique_id), position[inside]]
        return values

    def fingerprint(self, unique_id: str | None = None) -> str:
        """Hash of what a trial on this series (or on all of them) reads; `gaps_fingerprint` says which were carried."""
        rows = range(len(self.series)) if unique_id is None else [self.index(unique_id)]
        digest = hashlib.sha256()
        digest.update(np.ascontiguousarray(self.ds).astype("datetime64[D]").astype(np.int64).tobytes())
        digest.update(repr((self.past_names, self.calendar.key)).encode())
        if self.freq != "D":
            digest.update(self.freq.encode())
        if self.signed:
            digest.update(b"signed")
        for row in rows:
            uid, y = self.series[row].unique_id, self._unplanned(row, len(self.ds), self.end)
            digest.update(uid.encode())
            digest.update(np.ascontiguousarray(y, dtype=np.float64).tobytes())
            digest.update(b"" if self.planned is None else self.planned.late(uid))
            digest.update(np.ascontiguousarray(self.past[row], dtype=np.float64).tobytes())
        return digest.hexdigest()[:16]

    def gaps_fingerprint(self) -> str:
        """Hash of which past covariates were carried forward; empty where none was."""
        if self.carried is None:
            return ""
        return hashlib.sha256(np.packbits(self.carried).tobytes()).hexdigest()[:16]
