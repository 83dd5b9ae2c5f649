"""A ledger held against actual values: everything that `tidecast monitor` shows of it, as one object.

Vintages are taken one at a time and leave sums, so that a ledger of millions of forecasts fits in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ensembles.files.amounts import Amounts
from ensembles.ledger.scoring.accuracy import Accuracy, measured
from ensembles.ledger.scoring.alarms import Alarm
from ensembles.ledger.scoring.changes import Change, Said, changes_of, said_on
from ensembles.ledger.scoring.hindsight import FEWEST, Hindsight, hindsight_of
from ensembles.ledger.scoring.latest import LatestSaid
from ensembles.ledger.scoring.misses import NOT_RECORDED, Misses, Sums, split_misses
from ensembles.ledger.scoring.tally import Tally, tally
from forecasting.data.formats.columns import first_few
from forecasting.panel import Series
from forecasting.schema import iso
from forecasting.score.names import score_named

if TYPE_CHECKING:
    from ensembles.ledger.files.actuals import Actuals
    from ensembles.ledger.files.facts import VintageFacts
    from ensembles.ledger.files.vintage import Listed, Vintage
    from forecasting.schema import FloatArray
    from forecasting.score.base import Score

__all__ = ["SCHEMA_VERSION", "Review", "review"]

SCHEMA_VERSION = 1
WORST = 20
"""Misses that are shown one by one."""
SPLIT_SERIES = 200
"""Series of a target whose misses are split: those with the largest amounts."""
SHOWN = 5
"""Series named in a sentence."""


@dataclass(frozen=True)
class Split:
    """Misses of one target split into parts: in all (None where no vintage kept parts), by vintage, and the largest;
    `without`: vintages that did not keep the parts of their forecasts; `n_series` that were split, of `of_series`.
    """

    target: str
    total: Sums | None
    by_vintage: Mapping[str, Sums]
    worst: tuple[Misses, ...]
    without: tuple[str, ...]
    n_series: int
    of_series: int

    def as_json(self) -> dict[str, Any]:
        return {
            "target": self.target,
            "total": NOT_RECORDED if self.total is None else self.total.as_json(),
            "by_vintage": {
                **{as_of: sums.as_json() for as_of, sums in self.by_vintage.items()},
                **dict.fromkeys(self.without, NOT_RECORDED),
            },
            "worst": [row for one in self.worst for row in one.as_json()],
            "series": self.n_series,
            "of_series": self.of_series,
        }


@dataclass(frozen=True)
class Review:
    """What a ledger's forecasts were worth. `facts` of the vintages, oldest first; `notes` are sentences for the user,
    `damaged` those on files that are left out; `day` and `changes` where a day was asked for.
    """

    name: str
    facts: tuple[VintageFacts, ...]
    actuals: Actuals
    accuracy: tuple[Accuracy, ...]
    splits: tuple[Split, ...]
    alarms: tuple[Alarm, ...]
    notes: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    day: str | None = None
    changes: tuple[Change, ...] = ()
    heads: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> str:
        """Whether the forecasts are as expected, in a sentence: how many alarms there are, and how many still last."""
        if not self.alarms:
            return "no alarm: the bias and the band coverage of the forecasts are as expected"
        last = sum(alarm.ended is None for alarm in self.alarms)
        return f"{len(self.alarms)} alarm{'s' * (len(self.alarms) > 1)}, {last or 'none'} still open"

    @property
    def amounts(self) -> Amounts:
        """How amounts are written, as of the latest forecast."""
        return self.facts[-1].amounts

    @property
    def noun(self) -> str:
        """What a period is called, in the plural."""
        return self.facts[-1].axis.noun

    def as_json(self) -> dict[str, Any]:
        """As ``tidecast monitor LEDGER --json`` prints it."""
        found: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "vintages": [{"as_of": f.as_of, "start": f.start, "end": f.end, "origin": f.origin} for f in self.facts],
            "actuals": self.actuals.sentence,
            "accuracy": [one.as_json() for one in self.accuracy],
            "misses": [one.as_json() for one in self.splits],
            "alarms": [vars(alarm) for alarm in self.alarms],
            "notes": list(self.notes),
            "damaged": list(self.damaged),
            "heads": list(self.heads),
        }
        return found if self.day is None else found | {"day": self.day, "changes": [c.as_json() for c in self.changes]}


@dataclass(frozen=True)
class _OfVintage:
    """What one vintage left of one target; `misses`: their sums and the largest, None where parts are not recorded."""

    tally: Tally
    misses: tuple[Sums, Misses] | None


@dataclass
class _Gathered:
    """What was taken from the vintages so far, in the order in which they were read."""

    latest: LatestSaid
    facts: list[VintageFacts] = field(default_factory=list)
    by_target: list[dict[str, _OfVintage]] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    unjudged: int = 0


def review(
    name: str,
    vintages: Iterable[Vintage],
    latest: VintageFacts,
    series: Mapping[str, Listed],
    actuals: Actuals,
    day: str | None = None,
) -> Review:
    """Hold vintages against actual values.

    Parameters
    ----------
    vintages
        In any order, but those on data up to the same day in the order in which they were added: where only one of
        these can count, the last one does.
    latest
        Facts of the last of them: its calendar and its score count.
    series
        Every series of any vintage by unique_id, in the order of the tables.
    day
        A day whose forecasts are to be followed, as ``YYYY-MM-DD``.
    """
    targets = tuple(dict.fromkeys(one.target for one in series.values()))
    own = {target: {uid: one.series for uid, one in series.items() if one.target == target} for target in targets}
    largest = {target: _largest(actuals, of) for target, of in own.items()}
    hindsight = {target: hindsight_of(actuals, of, latest) for target, of in largest.items()}
    found = _gathered(vintages, score_named(latest.score), actuals, hindsight, day)
    order = sorted(range(len(found.facts)), key=lambda k: found.facts[k].as_of)
    facts = tuple(found.facts[k] for k in order)
    by_target = [found.by_target[k] for k in order]
    names, score = _names(facts), score_named(latest.score)
    there = {target: [k for k, of in enumerate(by_target) if target in of] for target in targets}
    return Review(
        name=name,
        facts=facts,
        actuals=actuals,
        accuracy=tuple(
            measured(target, [names[k] for k in rows], [by_target[k][target].tally for k in rows], score)
            for target, rows in there.items()
        ),
        splits=tuple(
            _split(
                target,
                {names[k]: by_target[k][target].misses for k in rows},
                len(hindsight[target]),
                len(own[target]),
            )
            for target, rows in there.items()
        ),
        alarms=tuple(found.latest.alarms()),
        notes=(*_notes(found, latest, series, actuals), *_not_split(found, targets)),
        day=day,
        changes=changes_of(found.said),
    )


def _gathered(
    vintages: Iterable[Vintage],
    score: Score,
    actuals: Actuals,
    hindsight: Mapping[str, Mapping[str, Hindsight]],
    day: str | None,
) -> _Gathered:
    found = _Gathered(LatestSaid())
    for vintage in vintages:
        y = actuals.at(vintage.unique_ids, vintage.place, vintage.ds)
        found.facts.append(vintage.facts)
        found.unjudged += bool(np.isnan(y).all())
        found.latest.add(vintage, y)
        found.by_target.append(
            {target: _of_vintage(vintage, y, target, score, hindsight) for target in vintage.targets}
        )
        if day is not None:
            found.said += said_on(np.datetime64(day, "D"), vintage, actuals)
    return found


def _of_vintage(
    vintage: Vintage, y: FloatArray, target: str, score: Score, hindsight: Mapping[str, Mapping[str, Hindsight]]
) -> _OfVintage:
    misses = split_misses(vintage, y, hindsight.get(target, {}))
    return _OfVintage(tally(vintage, y, target, score), _kept(misses))


def _largest(actuals: Actuals, series: Mapping[str, Series]) -> dict[str, Series]:
    """The `SPLIT_SERIES` series with the largest actual values."""
    sizes = dict(zip(actuals.unique_ids, np.nansum(np.abs(actuals.y), axis=1).tolist(), strict=True))
    chosen = sorted((uid for uid in series if uid in sizes), key=lambda uid: (-sizes[uid], uid))[:SPLIT_SERIES]
    return {uid: series[uid] for uid in chosen}


def _kept(misses: Misses | None) -> tuple[Sums, Misses] | None:
    """The sums of misses and the largest of them."""
    if misses is None:
        return None
    return Sums.of(misses), misses.where(np.argsort(-np.abs(misses.miss), kind="stable")[:WORST])


def _split(target: str, kept: Mapping[str, tuple[Sums, Misses] | None], n_series: int, of_series: int) -> Split:
    there = {name: of for name, of in kept.items() if of is not None}
    sums = {name: total for name, (total, _) in there.items() if total.n}
    total = Sums.nothing() if there else None
    for one in sums.values():
        total = one if total is None else total + one
    rows = [(one, k) for _, one in there.values() for k in range(len(one))]
    rows.sort(key=lambda row: -abs(float(row[0].miss[row[1]])))
    worst = tuple(one.where(np.array([k])) for one, k in rows[:WORST])
    without = tuple(name for name, of in kept.items() if of is None)
    return Split(target, total, sums, worst, without, n_series, of_series)


def _names(facts: Sequence[VintageFacts]) -> list[str]:
    """A name for each vintage: the last day of its data, numbered where several have that."""
    days = [one.as_of for one in facts]
    seen: dict[str, int] = {}
    names = []
    for as_of in days:
        seen[as_of] = seen.get(as_of, 0) + 1
        names.append(as_of if days.count(as_of) == 1 else f"{as_of} #{seen[as_of]}")
    return names


def _not_split(found: _Gathered, targets: Iterable[str]) -> Iterable[str]:
    """Targets with misses of which none could be split."""
    for target in targets:
        own = [of[target] for of in found.by_target if target in of]
        kept = [one.misses[0].n for one in own if one.misses is not None]
        if kept and not any(kept) and any(one.tally.by_lead[0].any() for one in own):
            what = f"misses are not split, which takes {FEWEST} {found.facts[0].axis.noun} of actual values of a series"
            yield f"{target}: {what}; give a longer table as --actuals"


def _notes(found: _Gathered, latest: VintageFacts, series: Collection[str], actuals: Actuals) -> Iterable[str]:
    """What is worth saying of what could not be judged."""
    first = min((facts.start for facts in found.facts), default="")
    known = set(actuals.unique_ids)
    forecast = actuals.ds >= np.datetime64(first, "D") if first else np.zeros(len(actuals.ds), dtype=bool)
    came = {uid for uid, y in zip(actuals.unique_ids, actuals.y[:, forecast], strict=True) if not np.isnan(y).all()}
    if lacking := sorted(set(series) - (came & set(series) or known)):
        yield f"{first_few(lacking, SHOWN)}: there are forecasts but no actual values"
    if more := sorted(known - set(series)):
        yield f"{first_few(more, SHOWN)}: not used, because no forecast is of such a series"
    others = {one.score for one in found.facts} - {latest.score}
    if others:
        made = ", ".join(sorted(others))
        yield f"points are those of the latest forecast's score, {latest.score}; other forecasts were made for {made}"
    if found.unjudged:
        yield f"{found.unjudged} of {len(found.facts)} forecasts have no actual value yet"
    rows = [k for k, uid in enumerate(actuals.unique_ids) if uid in series]
    days = actuals.ds[~np.isnan(actuals.y[rows]).all(axis=0)] if rows else actuals.ds[:0]
    later = days[days >= np.datetime64(first, "D")] if first else days[:0]
    if len(later) and (alone := later[~np.isin(later, found.latest.forecast)]).size:
        span = iso(alone[0]) if len(alone) == 1 else f"{iso(alone[0])} to {iso(alone[-1])}"
        noun = found.facts[0].axis.noun if len(alone) > 1 else found.facts[0].axis.noun.removesuffix("s")
        yield f"{len(alone)} {noun} {'have' if len(alone) > 1 else 'has'} actual values but no forecast ({span})"
