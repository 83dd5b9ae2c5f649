"""From the rows of a plan to the amounts of a panel: which series and day each means, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from forecasting.data.formats.columns import first_few
from forecasting.data.loaded import Loaded
from forecasting.data.planned.plan import PlanFile, PlanRow
from forecasting.errors import DataError
from forecasting.panel import Panel
from forecasting.planned.amounts import Planned, PlannedAmount
from forecasting.schema import iso

__all__ = ["planned_of"]

SHOWN = 5
"""Names in a sentence."""
UNPAID = "correct the amount or the day, take out what was not paid, or set data.unpaid to skip"
NOT_PAID = "taken to be not paid, and not used"


def planned_of(
    plan: PlanFile,
    loaded: Loaded,
    as_of: np.datetime64 | None,
    units: Mapping[str, str | None],
    unpaid: Literal["error", "skip"] = "error",
) -> tuple[Planned, tuple[str, ...]]:
    """The plan for the series of `loaded`, and sentences on what was decided for the user.

    Parameters
    ----------
    as_of
        Rows that became known later are not looked at, nor those for later days that do not say when they became known;
        None: all are.
    units
        Unit of each series by unique_id, None where none was said.
    unpaid
        What a past amount means that is above the actual one: an error, or that it was not paid, and counts nowhere.

    Raises
    ------
    DataError
        For a series or a day that the data do not have, a row that stands twice, another unit, or a past amount above
        the actual one where amounts are positive.
    """
    checker = _Checker(loaded, units)
    seen = [row for row in plan.rows if as_of is None or (row.day if np.isnat(row.known) else row.known) <= as_of]
    kept = tuple(found for row in seen if (found := checker.amount(row)) is not None)
    planned = Planned(kept, loaded.panel.end, max(loaded.decimals, plan.decimals))
    above = tuple(_above_actual(loaded.panel, planned))
    if above and unpaid == "error":
        raise DataError(where=above[0].row.place, what=above[0].sentence, remedy=UNPAID)
    passed = {(one.row.unique_id, one.row.first) for one in above}
    kept = tuple(row for row in kept if row.kind != "planned" or (row.unique_id, row.first) not in passed)
    planned = planned.with_rows(kept)
    said = (*plan.notes, *_notes(plan, seen, planned), *_unsaid(plan, as_of), *checker.notes(plan.name))
    return planned, (*said, *(f"{one.row.place}: {one.sentence}: {NOT_PAID}" for one in above[:SHOWN]), *_more(above))


@dataclass
class _Checker:
    """Judges row after row; `left` names series without a forecast, `early` counts amounts before the data."""

    loaded: Loaded
    units: Mapping[str, str | None]
    seen: dict[tuple[object, ...], str] = field(default_factory=dict)
    left: dict[str, None] = field(default_factory=dict)
    early: int = 0

    def amount(self, row: PlanRow) -> PlannedAmount | None:
        """What a row plans; None where it concerns a series that is left out, or days before the data."""
        uid = self._series(row)
        self._check_twice(row, uid)
        if uid not in self.loaded.panel:
            self.left[uid] = None
            return None
        self._check_unit(row, uid)
        last = row.day if np.isnat(row.until) else row.until
        if last < self.loaded.panel.ds[0]:
            self.early += 1
            return None
        self._check_day(row, last)
        known = None if np.isnat(row.known) else row.known
        return PlannedAmount(uid, row.day, last, row.amount, row.kind, known, row.note, row.author, row.place)

    def notes(self, name: str) -> Iterator[str]:
        """Sentences on what was passed over."""
        if self.left:
            yield f"{name}: nothing is planned for {first_few(list(self.left), SHOWN)}: left out, and not forecast"
        if self.early:
            first = iso(self.loaded.panel.ds[0])
            yield f"{name}: {_rows(self.early)} from before {first}, when the data begin, and not used"

    def _series(self, row: PlanRow) -> str:
        """The unique_id that a row means, of a series that is forecast or left out."""
        panel = self.loaded.panel
        if row.series and (row.entity or row.target):
            what = "the row names a series, and an entity or a target too"
            raise DataError(where=row.place, what=what, remedy="give the series, or entity and target")
        if row.series or not (row.entity or row.target):
            return self._named(row)
        target = row.target or (panel.targets[0] if len(panel.targets) == 1 else "")
        everything = (*panel.series, *(problem.series for problem in self.loaded.problems))
        for series in everything:
            if (series.entity or "", series.target) == (row.entity, target):
                return series.unique_id
        left = {problem.series.entity for problem in self.loaded.problems}
        if row.entity in left and target in panel.targets:
            return f"{row.entity}/{target}"
        raise self._unknown(row, f"{row.entity}/{target}" if row.entity else target)

    def _named(self, row: PlanRow) -> str:
        panel = self.loaded.panel
        name = row.series or (panel.unique_ids[0] if len(panel.series) == 1 else "")
        if name in panel or any(name == problem.series.unique_id for problem in self.loaded.problems):
            return name
        raise self._unknown(row, name)

    def _unknown(self, row: PlanRow, name: str) -> DataError:
        what = f"there is no series {name!r} in the data" if name else "the row names no series"
        return DataError(
            where=row.place, what=what, remedy=f"use one of {first_few(self.loaded.panel.unique_ids, SHOWN)}"
        )

    def _check_twice(self, row: PlanRow, uid: str) -> None:
        key = (uid, row.day, row.kind, row.note)
        before = self.seen.setdefault(key, row.place)
        if before != row.place:
            what = f"{uid} on {iso(row.day)} stands in {before} already, with the same note"
            raise DataError(where=row.place, what=what, remedy="take one out, or tell them apart by their notes")

    def _check_unit(self, row: PlanRow, uid: str) -> None:
        unit = self.units.get(uid)
        if row.unit and row.unit != unit:
            what = f"the amount is in {row.unit}, and {uid} is in {unit or 'no unit that was said'}"
            raise DataError(where=row.place, what=what, remedy="give the amount in the unit of its series")

    def _check_day(self, row: PlanRow, last: np.datetime64) -> None:
        """A single day must be a period of the data or of the days to come; a span must hold one."""
        panel = self.loaded.panel
        begin = max(row.day, panel.ds[0])
        inside = panel.ds[(panel.ds >= begin) & (panel.ds <= last)]
        coming = panel.axis.until(panel.end, last) if last > panel.end else inside[:0]
        if len(inside) or (coming >= begin).any():
            return
        if last > panel.end:
            near, after = coming[-1:], panel.axis.after(panel.end, len(coming) + 1)[-1:]
        else:
            near, after = panel.ds[panel.ds < begin][-1:], panel.ds[panel.ds > last][:1]
        around = " or ".join(iso(day) for day in (*near, *after))
        what = f"{iso(row.day)} is none of the data's {panel.axis.noun}"
        raise DataError(where=row.place, what=what, remedy=f"write {around}")


@dataclass(frozen=True)
class _Above:
    """More was planned for a past day than flowed; `row` is the last of the day's, and `sentence` says it."""

    row: PlannedAmount
    sentence: str


def _above_actual(panel: Panel, planned: Planned) -> Iterator[_Above]:
    """The past days, where amounts are positive, on which more was planned than flowed."""
    for uid in dict.fromkeys(row.unique_id for row in planned.rows if row.kind == "planned"):
        y = panel.y[panel.index(uid)]
        if panel.signed or np.nanmin(y, initial=0.0) < 0:
            continue
        amounts = planned.amounts(uid, panel.ds, panel.end)
        for place in np.flatnonzero((amounts > 0) & (planned.without(y, amounts) < 0)):
            day = panel.ds[place]
            row = [r for r in planned.rows if (r.unique_id, r.first, r.kind) == (uid, day, "planned")][-1]
            what = (
                f"{amounts[place]:.10g} was planned for {uid} on {iso(day)}, and the actual amount is {y[place]:.10g}"
            )
            yield _Above(row, what)


def _more(found: Sequence[_Above]) -> tuple[str, ...]:
    return (f"and {len(found) - SHOWN} more planned amounts that were not paid",) if len(found) > SHOWN else ()


def _notes(plan: PlanFile, seen: Sequence[PlanRow], planned: Planned) -> Iterator[str]:
    """What became of the rows, and of the question what was known when."""
    single = [row for row in planned.rows if row.kind == "planned"]
    past = sum(row.first <= planned.end for row in single)
    adjusted = sum(row.kind == "adjust" and row.last > planned.end for row in planned.rows)
    judged = f"; adjustments, added to the forecast on each of their days: {adjusted}" if adjusted else ""
    yield (
        f"{plan.name}: planned amounts up to {iso(planned.end)}, left out of training: {past}; later ones, added to "
        f"the forecast: {len(single) - past}{judged}"
    )
    silent = sum(np.isnat(row.known) for row in seen if row.kind == "planned")
    if not silent:
        return
    which = (
        "it has no column known, so its amounts"
        if not plan.has_known
        else f"{_rows(silent)} without known, and such amounts"
    )
    yield f"{plan.name}: {which} count in the final forecast alone; backtests see the history as it was"


def _unsaid(plan: PlanFile, as_of: np.datetime64 | None) -> Iterator[str]:
    """Rows of which nothing says that they were known on the day as of which a forecast is made."""
    if as_of is None:
        return
    if n := sum(bool(np.isnat(row.known) and row.day > as_of) for row in plan.rows):
        yield f"{plan.name}: {_rows(n)} for days after {iso(as_of)} without known, and not used: say when it was known"


def _rows(n: int) -> str:
    return f"{n} rows are" if n > 1 else "1 row is"
