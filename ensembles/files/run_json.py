"""run.json: what was run, on which data, by which program, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from ensembles.files.amounts import Amounts
from ensembles.files.stored import Stored, StoredFile
from forecasting.axis import Axis, Freq
from forecasting.calendar import Calendar
from forecasting.data.hierarchy.hierarchy import Hierarchy
from forecasting.data.quality.finding import Finding
from forecasting.panel import Series
from forecasting.planned.amounts import Kind, Planned, PlannedAmount
from forecasting.schema import as_date, as_dates, iso
from forecasting.score.points import submission_step

__all__ = ["DataFacts", "Environment", "PlannedRow", "RunFile"]


class DataFacts(Stored):
    """The data: a fingerprint, the path as it may be shown, first and last day, and the number of series.

    `freq` of the periods; `week` its work days (0 = Monday) where the data told them; `decimals` of the amounts, None
    where not known; `signed` targets have negative amounts; `reading` says in one line what was understood, `notes`
    are further sentences; `balances` at the end of the data by entity, "" of all together.
    """

    fingerprint: str
    path: str
    start: str
    end: str
    series: int
    freq: Freq = "D"
    week: tuple[int, ...] | None = None
    decimals: int | None = None
    signed: tuple[str, ...] = ()
    reading: str | None = None
    notes: tuple[str, ...] = ()
    balances: Mapping[str, float] = {}


class PlannedRow(Stored):
    """A row of the plan: days are ISO dates, `known` None where the row did not say."""

    series: str
    date: str
    until: str
    amount: float
    kind: Kind
    known: str | None = None
    note: str = ""
    author: str = ""

    @classmethod
    def of(cls, row: PlannedAmount) -> PlannedRow:
        days = {"date": iso(row.first), "until": iso(row.last), "known": None if row.known is None else iso(row.known)}
        texts = {"kind": row.kind, "note": row.note, "author": row.author}
        return cls.model_validate({"series": row.unique_id, "amount": row.amount, **days, **texts})

    def amount_of(self) -> PlannedAmount:
        """Inverse of `of`."""
        known = None if self.known is None else as_date(self.known)
        first, last = as_date(self.date), as_date(self.until)
        return PlannedAmount(self.series, first, last, self.amount, self.kind, known, self.note, self.author)


class Environment(Stored):
    """Versions and machine; None for what is not installed."""

    tidecast: str | None
    python: str
    platform: str
    processor: str
    libraries: Mapping[str, str | None]


class RunFile(StoredFile):
    """Facts of a run. `config` is the resolved configuration, which `cluster.config` reads; the fields from `finished`
    on are None until the run came to an end.

    `planned` are the rows of its plan; `groups` and `units` by entity, empty where none were given.
    """

    FILE: ClassVar[str] = "run.json"
    SCHEMA: ClassVar[int] = 2

    created: str
    status: Literal["running", "done", "failed"]
    config_name: str
    config: Mapping[str, Any]
    data: DataFacts
    planned_fits: Mapping[str, int]
    events: tuple[tuple[str, str], ...] = ()
    planned: tuple[PlannedRow, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = {}
    units: Mapping[str, str | None] = {}
    executor: str
    device: str
    environment: Environment
    quality: tuple[Finding, ...] | None = None
    finished: str | None = None
    trials: int | None = None
    failed: int | None = None
    reproducible: bool | None = None
    seconds: Mapping[str, float] | None = None

    def check(self) -> None:
        as_dates([self.data.start, self.data.end, *(day for day, _ in self.events)])
        _ = self.plan
        _ = self.amounts, self.rounding, self.seed, self.axis

    @property
    def done(self) -> bool:
        """Whether the run came to its end and left a forecast."""
        return self.status == "done"

    @property
    def amounts(self) -> Amounts:
        """How amounts are written."""
        data = self.config["data"]
        return Amounts.of(data.get("kind", "yuebao"), data["unit"], self.data.decimals, self.data.signed)

    def planning(self, plan: Planned | None, series: Mapping[str, Series]) -> Self:
        """The same run, in whose files targets with a negative amount in another plan may be negative too; `series` by
        unique_id.
        """
        targets = () if plan is None else (series[uid].target for uid in plan.below_zero if uid in series)
        signed = tuple(dict.fromkeys((*self.data.signed, *targets)))
        return self.model_copy(update={"data": self.data.model_copy(update={"signed": signed})})

    @property
    def rounding(self) -> float | None:
        """Smallest step of its submission, to which forecasts were rounded before they were judged."""
        data = self.config["data"]
        return submission_step(data.get("kind", "yuebao"), data["unit"])

    @property
    def seed(self) -> int:
        return int(self.config["seed"])

    @property
    def axis(self) -> Axis:
        """The periods of the data."""
        return Axis(self.data.freq, self.calendar)

    @property
    def plan(self) -> Planned:
        """What was planned."""
        return Planned(tuple(row.amount_of() for row in self.planned), as_date(self.data.end), self.data.decimals)

    @property
    def hierarchy(self) -> Hierarchy | None:
        """Groups and units of the entities, None where none were given."""
        entities = dict.fromkeys((*self.units, *self.groups))
        if not entities:
            return None
        paths = {entity: self.groups.get(entity, ()) for entity in entities}
        return Hierarchy(paths, {entity: self.units.get(entity) for entity in entities})

    @property
    def calendar(self) -> Calendar:
        """The run's calendar, with its events and the week that the data told."""
        return Calendar(self.config["calendar"], self.events, self.data.week)
