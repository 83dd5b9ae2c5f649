"""What a model is.

A model is a class made from validated settings. `fit` turns a history into a `State` of plain arrays and JSON, so that
it can be stored without pickles. `predict` turns a state and a history into forecasts. Models keep nothing between
calls.

Three kinds:

* `Model`: fitted one series and one cutoff at a time.
* `StackedModel`: fitted many at a time as one program (the LSTM engine).
* `GlobalModel`: fitted on all series of a target at once, one cutoff at a time; it forecasts each series by itself.

What a model can do besides, its class says by having the methods of a protocol: `Updatable`, `ChecksState`,
`Fingerprinted`, `ReadsPeers`, `UsesGpu`, `WarmsUp`. A built-in model has a `name`, under which configurations ask for
it. A class that says ``on_log = True`` takes logarithms of y: it is given positive amounts, whatever the data hold (see
`forecasting.scale`). All are given histories without unknown or zero amounts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeGuard, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer
from pydantic.config import JsonDict

if TYPE_CHECKING:
    from forecasting.errors import TrialError
    from forecasting.panel import History
    from forecasting.schema import DateArray, FloatArray

__all__ = [
    "LATER",
    "PLACE",
    "SEASON",
    "AnyModel",
    "ChecksState",
    "DamagedState",
    "Fingerprinted",
    "FitTask",
    "GlobalModel",
    "Model",
    "PanelTask",
    "ReadsPeers",
    "Settings",
    "StackedModel",
    "State",
    "Updatable",
    "UsesGpu",
    "WarmsUp",
    "learns_across",
    "with_season",
]


PLACE: JsonDict = {"place": True}
"""``json_schema_extra`` of a setting that names a file or a URI which the model reads."""
SEASON: JsonDict = {"default": "periods of a season"}
"""``json_schema_extra`` of a setting whose default, a week of days, is the season of whatever periods there are."""
LATER: JsonDict = {"joined": "later"}
"""``json_schema_extra`` of a setting that a model got after it was first released: at its default it is no part of a
member's identity, so that members made before keep their id, and with it their random streams and their bytes."""


class Settings(BaseModel):
    """Base of every model's settings: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields.items()
        unset = {n for n, f in fields if f.json_schema_extra == LATER and getattr(self, n) == f.default}
        return {name: value for name, value in dump(self).items() if name not in unset}


def with_season(settings: type[BaseModel], given: Mapping[str, Any], season_length: int) -> dict[str, Any]:
    """What settings are made from: as given, and a season that was left out is that of the data's periods."""
    marked = [name for name, field in settings.model_fields.items() if field.json_schema_extra == SEASON]
    return {**dict.fromkeys(marked, season_length), **given}


@dataclass(frozen=True)
class State:
    """What a fit leaves behind: named arrays, and JSON-able facts."""

    arrays: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)


class DamagedState(ValueError):
    """A stored state is not as any fit leaves it; the text says what is wrong."""


@dataclass(frozen=True)
class FitTask:
    """One fit: a history that ends at the cutoff, the most periods ahead asked for, and the key of its random streams.

    `previous` is the state of the same trial at the cutoff before this one (None at the first). A model may keep what
    was chosen there, such as an ARIMA's orders. `n_threads` is what the worker was granted. `peers` are histories of
    other series for a model that `ReadsPeers`, at the first cutoff alone: up to the same day, and the same for all
    series of the target.
    """

    history: History
    horizon: int
    key: int
    previous: State | None = None
    n_threads: int = 1
    peers: tuple[History, ...] = ()


@dataclass(frozen=True)
class PanelTask:
    """One fit on all series of a target: their histories up to one cutoff; the rest as in `FitTask`.

    Series without a value up to the cutoff are not among them; others may be too short, or constant.
    """

    histories: tuple[History, ...]
    horizon: int
    key: int
    previous: State | None = None
    n_threads: int = 1


class _Common(Protocol):
    family: ClassVar[str]
    """Row group in the leaderboard and unit of the blend's equal weights."""
    version: ClassVar[int]
    """Raised when the code changes what a fit returns; part of the trial key."""
    libraries: ClassVar[tuple[str, ...]]
    """Distributions whose versions are part of the trial key."""
    seeded: ClassVar[bool]
    """Whether the seed changes the forecast; members of other models have one seed only."""
    settings_type: ClassVar[type[Settings]]

    def __init__(self, settings: Any) -> None: ...

    @property
    def seconds_per_fit(self) -> float:
        """Rough CPU seconds of one fit, as these settings ask for it: orders and cuts the work, never changes it.

        A plain class attribute will do where the settings matter little.
        """
        ...

    def predict(self, state: State, history: History, ds: DateArray) -> FloatArray:
        """Forecasts ``[len(ds)]`` in the unit of y for the periods `ds`, which follow the history's last.

        ``history.steps(ds)`` counts them from 1; ``history.axis`` says what comes after them.
        """
        ...


@runtime_checkable
class Model(_Common, Protocol):
    """Fitted one at a time, on a CPU."""

    def fit(self, task: FitTask) -> State:
        """Fit on one history. Raises TrialError when it cannot be fitted."""
        ...


@runtime_checkable
class StackedModel(_Common, Protocol):
    """Fitted many at a time on one device."""

    def backend(self, device: str) -> str:
        """Name of the implementation that will run on this device; part of the trial key."""
        ...

    def fits_per_batch(self, device: str) -> int | None:
        """How many fits are computed together on this device; None: as the places and their memory make best."""
        ...

    def bytes_per_fit(self, n_periods: int, horizon: int) -> int:
        """GPU memory of one fit on so many periods, for forecasts of up to `horizon`."""
        ...

    def fit_many(self, tasks: Sequence[FitTask], device: str) -> list[State | TrialError]:
        """One state per task, in order; a fit that failed gives its error, and does not touch the others."""
        ...


@runtime_checkable
class GlobalModel(_Common, Protocol):
    """Fitted on all series of a target at once, on a CPU; its `seconds_per_fit` count for each series."""

    def fit_all(self, task: PanelTask) -> State:
        """Fit on many histories; those that cannot be learned from are left out. Raises TrialError when none is left.

        `predict` takes the state and any one history, and raises TrialError when it cannot forecast that one.
        """
        ...


AnyModel = Model | StackedModel | GlobalModel


def learns_across(model: AnyModel) -> TypeGuard[GlobalModel]:
    """Whether it is a `GlobalModel`.

    Asked for every forecast, where ``isinstance`` with a whole protocol would cost more than a rule does.
    """
    return hasattr(model, "fit_all")


@runtime_checkable
class Updatable(Protocol):
    """A model some of whose states hold a level fixed.

    Most models take their level from the history that `predict` is given, and need no such method.
    """

    def update(self, state: State, history: History) -> State:
        """The state with its level taken from a newer history and all else kept; unchanged by its own history."""
        ...


@runtime_checkable
class ChecksState(Protocol):
    """A model that can tell a damaged state before anything is computed from it; built-in models do whose
    states hold anything.
    """

    def check(self, state: State) -> None:
        """Raise DamagedState when arrays or facts are missing, or not such as `fit` leaves behind."""
        ...


@runtime_checkable
class Fingerprinted(Protocol):
    """A model that reads more than its history, such as a file: what it reads is part of the trial key."""

    def fingerprint(self) -> str:
        """Hash of what it reads."""
        ...


@runtime_checkable
class ReadsPeers(Protocol):
    """A model that chooses something once for all series of a large panel, on a sample of them (see `FitTask`)."""

    @property
    def n_peers(self) -> int:
        """Series in the sample; a target of no more series than that has none, and so has every target at 0."""
        ...


@runtime_checkable
class UsesGpu(Protocol):
    """A model whose class can train on a GPU."""

    @classmethod
    def gpu_count(cls) -> int:
        """GPUs of this machine that it can use; 0 where its library is not installed."""
        ...


@runtime_checkable
class WarmsUp(Protocol):
    """A model whose first fit in a process costs more than later ones: imports, compiled code, a GPU's context."""

    @classmethod
    def warm_up(cls, device: str) -> None:
        """Pay for all that now."""
        ...
