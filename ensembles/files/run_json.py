"""run.json: what was run, on which data, by which program, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from ensembles.files.stored import Stored, StoredFile
from forecasting.data.quality.finding import Finding

__all__ = ["DataFacts", "Environment", "RunFile"]


class DataFacts(Stored):
    """The data: a fingerprint, the path as it may be shown, first and last day, and the number of series."""

    fingerprint: str
    path: str
    start: str
    end: str
    series: int


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
    """

    FILE: ClassVar[str] = "run.json"
    SCHEMA: ClassVar[int] = 1

    created: str
    status: Literal["running", "done", "failed"]
    config_name: str
    config: Mapping[str, Any]
    data: DataFacts
    planned_fits: Mapping[str, int]
    events: tuple[tuple[str, str], ...] = ()
    executor: str
    device: str
    environment: Environment
    quality: tuple[Finding, ...] | None = None
    finished: str | None = None
    trials: int | None = None
    failed: int | None = None
    reproducible: bool | None = None
    seconds: Mapping[str, float] | None = None

    @property
    def done(self) -> bool:
        """Whether the run came to its end and left a forecast."""
        return self.status == "done"

    @property
    def unit(self) -> str:
        """Unit of all amounts."""
        return str(self.config["data"]["unit"])

    @property
    def seed(self) -> int:
        return int(self.config["seed"])

    @property
    def country(self) -> str | None:
        """Country of the calendar."""
        found: str | None = self.config["calendar"]
        return found
