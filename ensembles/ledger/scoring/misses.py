r"""Where a miss comes from: each as an exact sum of level, calendar, planned amounts and events, models, and rest.

A vintage keeps the parts of its forecast, which add up to it (see `ensembles.explanation`); hindsight gives the parts
of what came (see `hindsight`). A part of the miss is the difference:

    level      level now - level then
    calendar   weekday, holiday, month and year now - the same then
    planned    events, and odd or planned amounts that came - events, planned amounts and adjustments then
    models     - what learned members and the blend's factor added then: with hindsight they add nothing
    rest       what is left of :math:`y - ŷ`: the noise of the day

So the sum is :math:`y - ŷ` by construction. Of an amount that was planned it is said that it came where the actual
value lies nearer to the day with it than to the day without it. A day that is odd even so has an amount that nobody
planned: what it has beyond level and calendar. A shift that lasts for more than a week is level; one of a few days is
taken for odd amounts. A holiday that no calendar knows is an odd amount too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ensembles.files.stored import amount_rounded
from forecasting.schema import DateArray, FloatArray, IntArray, iso

if TYPE_CHECKING:
    from ensembles.ledger.files.vintage import Vintage
    from ensembles.ledger.scoring.hindsight import Hindsight

__all__ = ["KINDS", "NOT_RECORDED", "Misses", "Sums", "split_misses"]

KINDS = ("level", "calendar", "planned", "models", "rest")
NOT_RECORDED = "not recorded"
_LEVEL, _CALENDAR, _EVENT = ("level",), ("weekday", "holiday", "month", "yearly", "activity"), ("event",)
_PLANNED = ("planned", "adjust")


@dataclass(frozen=True)
class Misses:
    """Misses of one vintage that could be split: rows of it with an actual value, recorded parts and hindsight.

    `unique_id`, `ds`, `miss` (``y - ŷ``) ``[n]``; `parts` ``[len(KINDS), n]``, whose sum is the miss.
    """

    as_of: str
    unique_id: tuple[str, ...]
    ds: DateArray
    lead: IntArray
    y: FloatArray
    miss: FloatArray
    parts: FloatArray

    def __len__(self) -> int:
        return len(self.ds)

    def where(self, rows: IntArray) -> Misses:
        """The misses at these places."""
        uids = tuple(self.unique_id[row] for row in rows)
        return replace(
            self,
            unique_id=uids,
            ds=self.ds[rows],
            lead=self.lead[rows],
            y=self.y[rows],
            miss=self.miss[rows],
            parts=self.parts[:, rows],
        )

    def as_json(self) -> list[dict[str, Any]]:
        """A row for each miss."""
        return [
            {
                "as_of": self.as_of,
                "unique_id": self.unique_id[k],
                "ds": iso(self.ds[k]),
                "lead": int(self.lead[k]),
                "y": amount_rounded(self.y[k]),
                "miss": amount_rounded(self.miss[k]),
                "parts": {kind: amount_rounded(self.parts[at, k]) for at, kind in enumerate(KINDS)},
            }
            for k in range(len(self))
        ]


@dataclass(frozen=True)
class Sums:
    """Sums over misses: of how many, of the misses, of the actual values' sizes, and of each part with and without its
    sign, ``[len(KINDS)]``.
    """

    n: int
    miss: float
    size: float
    parts: FloatArray
    sizes: FloatArray

    @classmethod
    def of(cls, misses: Misses) -> Sums:
        parts = misses.parts
        return cls(
            len(misses),
            float(misses.miss.sum()),
            float(np.abs(misses.y).sum()),
            parts.sum(axis=1),
            np.abs(parts).sum(axis=1),
        )

    @classmethod
    def nothing(cls) -> Sums:
        """Of no miss."""
        return cls(0, 0.0, 0.0, np.zeros(len(KINDS)), np.zeros(len(KINDS)))

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.n + other.n,
            self.miss + other.miss,
            self.size + other.size,
            self.parts + other.parts,
            self.sizes + other.sizes,
        )

    @property
    def largest(self) -> str:
        """The part that makes up most of the misses, signs left out."""
        return KINDS[int(np.argmax(self.sizes))]

    def as_json(self) -> dict[str, Any]:
        parts = {
            kind: {"sum": amount_rounded(self.parts[k]), "size": amount_rounded(self.sizes[k])}
            for k, kind in enumerate(KINDS)
        }
        return {"n": self.n, "miss": amount_rounded(self.miss), "size": amount_rounded(self.size), "parts": parts}


def split_misses(vintage: Vintage, y: FloatArray, hindsight: Mapping[str, Hindsight]) -> Misses | None:
    """The misses of a vintage whose actual values are `y` ``[n]``; None where it did not keep its parts."""
    if not vintage.parts:
        return None
    found = _looked_up(vintage, hindsight)
    rows = np.flatnonzero(~np.isnan(y) & ~np.isnan(found[0]))
    level, calendar, event, low, high = found[:, rows]
    said = {name: np.nan_to_num(values[rows]) for name, values in vintage.parts.items()}
    y_hat, came = vintage.y_hat[rows], y[rows]
    then_level, then_calendar, then_event, by_hand = (
        sum((said[name] for name in names if name in said), np.zeros(len(rows)))
        for names in (_LEVEL, _CALENDAR, _EVENT, _PLANNED)
    )
    added = y_hat - then_level - then_calendar - then_event - by_hand
    beyond = came - (level + calendar + event)
    arrived = np.where(np.abs(beyond - by_hand) < np.abs(beyond), by_hand, 0.0)
    odd = (came - arrived < low) | (came - arrived > high)
    arrived = np.where(odd, beyond, arrived)
    miss = came - y_hat
    known = np.stack(
        [
            level - then_level,
            calendar - then_calendar,
            event - then_event + arrived - by_hand,
            -added,
        ]
    )
    return Misses(
        vintage.facts.as_of,
        tuple(vintage.unique_ids[k] for k in vintage.place[rows]),
        vintage.ds[rows],
        vintage.lead[rows],
        came,
        miss,
        np.concatenate([known, (miss - known.sum(axis=0))[None]]),
    )


def _looked_up(vintage: Vintage, hindsight: Mapping[str, Hindsight]) -> FloatArray:
    """Level, calendar, event and the ends of what is usual at each row, ``[5, n]``; NaN where there is no hindsight."""
    found = np.full((5, len(vintage)), np.nan)
    bounds = np.searchsorted(vintage.place, np.arange(len(vintage.unique_ids) + 1))
    for place, uid in enumerate(vintage.unique_ids):
        one = hindsight.get(uid)
        if one is None:
            continue
        rows = np.arange(bounds[place], bounds[place + 1])
        at = np.minimum(np.searchsorted(one.ds, vintage.ds[rows]), len(one.ds) - 1)
        same = one.ds[at] == vintage.ds[rows]
        values = np.stack([one.level, one.calendar, one.event, one.low, one.high])
        found[:, rows[same]] = values[:, at[same]]
    return found
