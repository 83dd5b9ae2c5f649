"""How the forecast of one day changed from vintage to vintage."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ensembles.files.stored import rounded

if TYPE_CHECKING:
    from ensembles.ledger.files.actuals import Actuals
    from ensembles.ledger.files.vintage import Vintage

__all__ = ["Change", "changes_of", "said_on"]


@dataclass(frozen=True)
class Said:
    """What one vintage said of one day and target: `y_hat` summed over `n_series`, its widest band from `low` to `high`
    (NaN for several series, whose bands have no sum), and what came (`y`, NaN while it is not known).
    """

    as_of: str
    target: str
    lead: int
    n_series: int
    y_hat: float
    low: float
    high: float
    y: float


@dataclass(frozen=True)
class Change(Said):
    """The same, and how much more that is than what the vintage before it said (NaN for the first)."""

    changed: float

    def as_json(self) -> dict[str, Any]:
        numbers = {"y_hat": self.y_hat, "low": self.low, "high": self.high, "changed": self.changed, "y": self.y}
        facts = {"as_of": self.as_of, "target": self.target, "lead": self.lead, "n_series": self.n_series}
        return {**facts, **{name: rounded(value) for name, value in numbers.items()}}


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
        facts = vintage.facts.as_of, target, int(vintage.lead[rows[0]]), len(own)
        found.append(Said(*facts, float(vintage.y_hat[rows[own]].sum()), *ends, float(y[own].sum())))
    return found


def changes_of(said: Iterable[Said]) -> tuple[Change, ...]:
    """By target, the oldest vintage first."""
    before: Mapping[str, Said] = {}
    found = []
    for one in sorted(said, key=lambda one: (one.target, one.as_of, one.y_hat)):
        last = before.get(one.target)
        changed = one.y_hat - last.y_hat if last is not None and last.n_series == one.n_series else math.nan
        found.append(Change(**vars(one), changed=changed))
        before = {**before, one.target: one}
    return tuple(found)
