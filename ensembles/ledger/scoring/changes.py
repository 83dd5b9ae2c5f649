"""How the forecast of one day changed from vintage to vintage."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ensembles.files.stored import amount_rounded

if TYPE_CHECKING:
    from ensembles.ledger.files.actuals import Actuals
    from ensembles.ledger.files.vintage import Vintage

__all__ = ["Change", "changes_of", "said_on"]


@dataclass(frozen=True)
class Said:
    """What one vintage said of one day and target: `y_hat` summed over the series `unique_ids`, its widest band from
    `low` to `high` (NaN for several series, whose bands have no sum), and what came (`y`, NaN while it is not known).
    """

    as_of: str
    target: str
    lead: int
    unique_ids: tuple[str, ...]
    y_hat: float
    low: float
    high: float
    y: float

    @property
    def n_series(self) -> int:
        """How many series are summed."""
        return len(self.unique_ids)


@dataclass(frozen=True)
class Change(Said):
    """The same, and how much more that is than what the vintage before it said (NaN for the first, and where that had
    other series).
    """

    changed: float

    def as_json(self) -> dict[str, Any]:
        numbers = {"y_hat": self.y_hat, "low": self.low, "high": self.high, "changed": self.changed, "y": self.y}
        facts = {"as_of": self.as_of, "target": self.target, "lead": self.lead, "n_series": self.n_series}
        return {**facts, **{name: amount_rounded(value) for name, value in numbers.items()}}


def said_on(day: np.datetime64, vintage: Vintage, actuals: Actuals) -> list[Said]:
    """What a vintage said of a day, by target; nothing where it did not forecast it."""
    rows = np.flatnonzero(vintage.ds == day)
    if not len(rows):
        return []
    targets = np.array(vintage.target_of(), dtype=object)[vintage.place[rows]]
    y = actuals.at(vintage.unique_ids, vintage.place[rows], vintage.ds[rows])
    band = next(iter(vintage.bands.values()), None)
    found = []
    for target in dict.fromkeys(targets.tolist()):
        own = np.flatnonzero(targets == target)
        ends = (math.nan, math.nan)
        if band is not None and len(own) == 1:
            ends = float(band[0][rows[own[0]]]), float(band[1][rows[own[0]]])
        uids = tuple(vintage.unique_ids[place] for place in vintage.place[rows[own]])
        facts = vintage.facts.as_of, target, int(vintage.lead[rows[0]]), uids
        found.append(Said(*facts, float(vintage.y_hat[rows[own]].sum()), *ends, float(y[own].sum())))
    return found


def changes_of(said: Iterable[Said]) -> tuple[Change, ...]:
    """By target, those on the oldest data first, those on data up to the same day as they were `said`."""
    before: Mapping[str, Said] = {}
    found = []
    for one in sorted(said, key=lambda one: (one.target, one.as_of)):
        last = before.get(one.target)
        changed = one.y_hat - last.y_hat if last is not None and last.unique_ids == one.unique_ids else math.nan
        found.append(Change(**vars(one), changed=changed))
        before = {**before, one.target: one}
    return tuple(found)
