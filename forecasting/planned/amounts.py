"""Planned amounts and adjustments of a panel's series, and which of them count at a cutoff.

A planned amount is a single payment or receipt whose day and size are known for reasons that no history shows: a tax,
a dividend, a purchase. It is taken out of the history before a model sees it and added to the forecast as it is:

    history at cutoff c     actual amounts less those planned for days up to c, known at or before c
    forecast from cutoff c  the model's forecast plus those planned for later days, known at or before c

Actual amounts stay as they are, so forecasts are judged on them. An adjustment is a judgement on days to come. It is
added to the final forecast alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np

from forecasting.schema import DateArray, FloatArray, IntArray, iso

__all__ = ["Kind", "Planned", "PlannedAmount"]

Kind = Literal["planned", "adjust"]


@dataclass(frozen=True)
class PlannedAmount:
    """One row of what is planned: `amount`, in the data's unit, is added to each period from `first` to `last`.

    `last` is `first` but for an adjustment of a span. `known` is the first cutoff at which it counts, None for a row
    that says nothing of it. `place` is ``file:row``.
    """

    unique_id: str
    first: np.datetime64
    last: np.datetime64
    amount: float
    kind: Kind = "planned"
    known: np.datetime64 | None = None
    note: str = ""
    author: str = ""
    place: str = field(default="", compare=False)


@dataclass(frozen=True)
class _Sums:
    """Planned amounts of one series by day, then by cutoff: `day`, `known` and `amount` are ``[n]``."""

    day: DateArray
    known: DateArray
    amount: FloatArray

    @classmethod
    def of(cls, rows: list[PlannedAmount], end: np.datetime64) -> _Sums:
        known = [end if row.known is None else min(row.known, end) for row in rows]
        days = np.array([row.first for row in rows], dtype="datetime64[D]")
        return cls(days, np.array(known, dtype="datetime64[D]"), np.array([row.amount for row in rows]))


@dataclass(frozen=True)
class Planned:
    """The rows of a plan, for data that end on the day `end`.

    The final forecast is made after `end` and uses every row, also one that became known later or does not say when. A
    backtest window uses the rows whose `known` lies at or before its cutoff. Sums are rounded to `decimals`, None for
    as they are.
    """

    rows: tuple[PlannedAmount, ...]
    end: np.datetime64
    decimals: int | None = None

    def amounts(self, unique_id: str, ds: DateArray, cutoff: np.datetime64) -> FloatArray:
        """What is planned for a series in each of the periods ``[n]``, as far as it is known at `cutoff`."""
        sums = self._by_series.get(unique_id)
        if sums is None:
            return np.zeros(len(ds))
        counts = sums.known <= cutoff
        return self._rounded(_added(ds, sums.day[counts], sums.day[counts], sums.amount[counts]))

    def adjustments(self, unique_id: str, ds: DateArray) -> FloatArray:
        """What judgement adds to the final forecast of a series in each of the periods ``[n]``."""
        mine = [row for row in self.rows if row.kind == "adjust" and row.unique_id == unique_id]
        first, last = (
            np.array(days, dtype="datetime64[D]") for days in ([r.first for r in mine], [r.last for r in mine])
        )
        return self._rounded(_added(ds, first, last, np.array([row.amount for row in mine])))

    def without(self, y: FloatArray, amounts: FloatArray) -> FloatArray:
        """Amounts ``[n]`` less what is planned of them ``[n]``: to the decimals of both, so that nothing but zero is
        left where all was planned.
        """
        return np.where(amounts != 0, self._rounded(y - amounts), y)

    def late(self, unique_id: str) -> bytes:
        """The rows of a series that became known after their day, as bytes: what a window sees of a history depends
        on them; empty where there are none.
        """
        sums = self._by_series.get(unique_id)
        if sums is None:
            return b""
        late = (sums.known > sums.day) & (sums.day <= self.end)
        order = np.lexsort((sums.amount[late], sums.known[late], sums.day[late]))
        days = (values[late][order].astype(np.int64).tobytes() for values in (sums.day, sums.known))
        return b"".join((*days, sums.amount[late][order].tobytes()))

    def touches(self, unique_id: str) -> bool:
        """Whether anything is planned for a series."""
        return unique_id in self._by_series

    @property
    def taken_out(self) -> tuple[tuple[str, str, str, float], ...]:
        """What is taken out of histories, as far as it was known at their end: series, day, when known, amount."""
        rows = [row for row in self.rows if row.kind == "planned" and row.first <= self.end]
        told = [(r, "" if r.known is None else iso(r.known)) for r in rows if r.known is None or r.known <= self.end]
        return tuple(sorted((row.unique_id, iso(row.first), known, row.amount) for row, known in told))

    @property
    def below_zero(self) -> tuple[str, ...]:
        """The series of which a negative amount is planned, or added by judgement."""
        return tuple(dict.fromkeys(row.unique_id for row in self.rows if row.amount < 0))

    def ahead(self, ds: DateArray) -> Iterator[PlannedAmount]:
        """The rows that a forecast of the periods `ds` holds, by day."""
        rows = [row for row in self.rows if row.last >= ds[0] and row.first <= ds[-1]]
        yield from sorted(rows, key=lambda row: (row.first, row.unique_id, row.kind, row.note))

    def with_rows(self, rows: tuple[PlannedAmount, ...]) -> Planned:
        """Another plan for the same data."""
        return replace(self, rows=rows)

    @cached_property
    def _by_series(self) -> dict[str, _Sums]:
        found: dict[str, list[PlannedAmount]] = {}
        for row in self.rows:
            if row.kind == "planned":
                found.setdefault(row.unique_id, []).append(row)
        return {uid: _Sums.of(rows, self.end) for uid, rows in found.items()}

    def _rounded(self, values: FloatArray) -> FloatArray:
        return values if self.decimals is None else np.asarray(np.round(values, self.decimals))


def _added(ds: DateArray, first: DateArray, last: DateArray, amount: FloatArray) -> FloatArray:
    """The sum of `amount` ``[k]`` in each of the periods ``[n]``, each from its first day to its last; `ds` rise."""
    total = np.zeros(len(ds))
    starts: IntArray = np.searchsorted(ds, first)
    ends: IntArray = np.searchsorted(ds, last, side="right")
    for start, end, value in zip(starts, ends, amount, strict=True):
        total[start:end] += value
    return total
