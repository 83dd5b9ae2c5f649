"""What a scenario is held against: the series, days, plan and calendar of a run, and sentences for what they lack."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from cluster.scenario.asked import Added, Asked, Chosen, Exchanged, Moved
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.run_json import RunFile
from ensembles.treasury.planned import planned_days
from ensembles.treasury.scenario import LevelChange
from forecasting.data.formats.columns import first_few
from forecasting.data.formats.decode import decimals_of
from forecasting.errors import ConfigError
from forecasting.planned.amounts import Planned, PlannedAmount
from forecasting.schema import DateArray, iso

__all__ = ["Ground"]

SHOWN = 5
"""Names in a sentence."""


@dataclass(frozen=True)
class Ground:
    """The run, and the blend's rows of its forecast; `asked` is the scenario."""

    run: RunFile
    forecast: ForecastFile
    asked: Asked

    @property
    def ds(self) -> DateArray:
        """The periods forecast, ``[horizon]``."""
        return np.unique(self.forecast.ds)

    def series(self, key: str, name: str) -> str:
        """The unique_id meant, which is that of the only series where none is said."""
        known = tuple(self.forecast.identities())
        if not name and len(known) == 1:
            return known[0]
        if name in known:
            return name
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"take one of {first_few(known, SHOWN)}"
        raise self._error(
            f"{key}.series", f"the run forecasts no series {name!r}; {hint}" if name else f"is missing; {hint}"
        )

    def day(self, key: str, day: dt.date) -> np.datetime64:
        """A period of the forecast."""
        found, ds = np.datetime64(day, "D"), self.ds
        if found in ds:
            return found
        span = f"the forecast goes from {iso(ds[0])} to {iso(ds[-1])}"
        if ds[0] < found < ds[-1]:
            place = int(np.searchsorted(ds, found))
            span = f"it is none of the forecast's {self.run.axis.noun}; write {iso(ds[place - 1])} or {iso(ds[place])}"
        raise self._error(key, f"{iso(found)}: {span}")

    # -- the plan

    def plan(self) -> tuple[Planned, tuple[str, ...]]:
        """The plan after all that is dropped, moved and added, and a sentence for each."""
        rows, said = list(self.run.plan.rows), []
        for place, chosen in enumerate(self.asked.drop):
            row = self._row(f"drop.{place}", chosen, rows)
            rows.remove(row)
            said.append(f"dropped: {self._words(row)}")
        for place, moved in enumerate(self.asked.move):
            row = self._row(f"move.{place}", moved, rows)
            later = self.day(f"move.{place}.to", moved.to) - row.first
            new = PlannedAmount(row.unique_id, row.first + later, row.last + later, row.amount, row.kind, row.known,
                                row.note, row.author)  # fmt: skip
            rows[rows.index(row)] = new
            said.append(f"moved to {iso(new.first)}: {self._words(row)}")
        for place, added in enumerate(self.asked.add):
            row = self._added(f"add.{place}", added)
            self._check_twice(f"add.{place}", row, rows)
            rows.append(row)
            said.append(f"added: {self._words(row)}")
        plan = self.run.plan.with_rows(tuple(rows))
        more = decimals_of(np.array([added.amount for added in self.asked.add]))
        few = plan.decimals if plan.decimals is None else max(plan.decimals, more)
        return Planned(plan.rows, plan.end, few), tuple(said)

    def _added(self, key: str, added: Added) -> PlannedAmount:
        day = self.day(f"{key}.date", added.date)
        return PlannedAmount(self.series(key, added.series), day, day, added.amount, note=added.note)

    def _check_twice(self, key: str, row: PlannedAmount, rows: Sequence[PlannedAmount]) -> None:
        """As in a plan, one note stands for one amount of a day."""
        same = (row.unique_id, row.first, row.kind, row.note)
        if any((other.unique_id, other.first, other.kind, other.note) == same for other in rows):
            what = f"{row.unique_id} on {iso(row.first)} is planned or added already, with the same note"
            raise self._error(key, f"{what}: take one out, or tell them apart by their notes")

    def _row(self, key: str, chosen: Chosen | Moved, rows: Sequence[PlannedAmount]) -> PlannedAmount:
        """The row that is meant, of those that the forecast holds."""
        uid, day = self.series(key, chosen.series), np.datetime64(chosen.date, "D")
        ahead = [row for row in rows if row.last >= self.ds[0] and row.first <= self.ds[-1]]
        found = [row for row in ahead if (row.unique_id, row.first) == (uid, day)]
        if chosen.amount is not None:
            found = [row for row in found if row.amount == chosen.amount]
        if chosen.note is not None:
            found = [row for row in found if row.note == chosen.note]
        if len(found) == 1:
            return found[0]
        if found:
            what = f"{len(found)} rows of {uid} are planned on {iso(day)}: tell them apart by amount or note"
            raise self._error(key, what)
        if not ahead:
            raise self._error(key, f"nothing of {uid} is planned on {iso(day)}, or on any day forecast: add it instead")
        planned = [f"{iso(row.first)} ({row.unique_id}, {row.amount:.10g})" for row in ahead]
        alike = " with that amount and note" if chosen.amount is not None or chosen.note is not None else ""
        what = f"nothing of {uid} is planned on {iso(day)}{alike}: what is planned is {first_few(planned, SHOWN)}"
        raise self._error(key, what)

    def _words(self, row: PlannedAmount) -> str:
        return next(iter(planned_days(self.run, self.forecast, Planned((row,), self.run.plan.end)))).sentence

    # -- levels, days and balances

    def levels(self) -> tuple[tuple[LevelChange, ...], tuple[str, ...]]:
        """The changes of level, and a sentence for each."""
        changes, said = [], []
        for place, level in enumerate(self.asked.level):
            uid, first = self.series(f"level.{place}", level.series), self.day(f"level.{place}.from", level.first)
            changes.append(LevelChange(uid, first, 1.0 + level.percent / 100.0))
            n = int((self.ds >= first).sum())
            said.append(
                f"level: {uid} {level.percent:+g}% from {iso(first)} on ({n} of {len(self.ds)} {self.run.axis.noun}); "
                "what is planned stays as it is"
            )
        return tuple(changes), tuple(said)

    def exchanges(self, kind: str) -> tuple[tuple[str, str, str], ...]:
        """Days that exchange their ``holidays`` or ``events``, and what moves."""
        asked: Sequence[Exchanged] = self.asked.holidays if kind == "holidays" else self.asked.events
        if asked and kind == "holidays" and self.run.axis.freq != "D":
            what = f"the run forecasts {self.run.axis.noun}, and a holiday is none of them: add, move or drop amounts"
            raise self._error(kind, what)
        facts = self.run.calendar.days(self.ds)
        names = dict(zip(map(iso, self.ds), facts.holiday if kind == "holidays" else facts.event, strict=True))
        found = []
        for place, pair in enumerate(asked):
            key = f"{kind}.{place}"
            here, there = (iso(self.day(f"{key}.{name}", d)) for name, d in (("from", pair.first), ("to", pair.to)))
            if not names[here]:
                known = [f"{name} on {day}" for day, name in names.items() if name]
                there_are = f"there is {first_few(known, SHOWN)}" if known else f"the days forecast have no {kind}"
                raise self._error(f"{key}.from", f"{here} has no {kind.removesuffix('s')}; {there_are}")
            found.append((here, there, names[here]))
            names[here], names[there] = names[there], names[here]
        return tuple(found)

    def balances(self) -> Mapping[str, float]:
        """Opening balances of the scenario by entity, by unit of all its entities, "" of all together."""
        own, given = self.run.data.balances, self.asked.balance
        if given is None:
            return own
        if len(self.run.config["data"]["targets"]) != 2:
            raise self._error("balance", "the run has no net flow: it forecasts no pair of what comes in and goes out")
        names = self._with_balance()
        if isinstance(given, float):
            if len(units := self._units) > 1:
                what = f"one amount is given for all entities, but their units are {first_few(units, SHOWN)}"
                raise self._error("balance", f"{what}, which cannot be added: give an amount for each")
            return {"": given}
        for name in given:
            if name not in names:
                hint = f"take one of {first_few(names, SHOWN)}" if names else "give one number"
                raise self._error("balance", f"there is no balance of {name!r}; {hint}")
        return {**own, **given}

    @property
    def _units(self) -> tuple[str, ...]:
        units = () if self.run.hierarchy is None else self.run.hierarchy.distinct_units
        return tuple(unit or "no unit" for unit in units)

    def _with_balance(self) -> tuple[str, ...]:
        """Whose balance can be given: those of the run's balances, else every entity and each of several units."""
        if own := self.run.data.balances:
            return tuple(name for name in own if name)
        entities = {series.entity: None for series in self.forecast.identities().values() if series.entity is not None}
        return (*entities, *(self._units if len(self._units) > 1 else ()))

    def _error(self, key: str, what: str) -> ConfigError:
        return ConfigError(f"{self.asked.where}: {key}: {what}")
