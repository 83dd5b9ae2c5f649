"""What the models that are trained many fits at a time have in common: from tasks to the engine and back to states.

A model says how a history becomes samples (`data`), how its network is trained (`spec`), and what a result leaves
behind (`state`). Members that differ only in their seed share the samples.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from forecasting.errors import TrialError
from forecasting.models.base import DamagedState, FitTask, State
from forecasting.models.lstm.engine import training
from forecasting.models.lstm.engine.samples import FitData, FitResult, TrainSpec
from forecasting.models.states import fact_of
from forecasting.panel import History

__all__ = ["EngineModel", "TrainingData", "check_trained", "horizon_of"]

LONGEST = 366
"""Most periods ahead that a configuration can ask for."""


class TrainingData(Protocol):
    """One history made ready for training, and whatever leads back from the network's output to y."""

    def fit(self, key: int) -> FitData:
        """The samples of a fit whose random streams have this key."""
        ...


D = TypeVar("D", bound=TrainingData)


class EngineModel(ABC, Generic[D]):
    """A `StackedModel` on the engine (see `forecasting.models.base`)."""

    family: ClassVar[str] = "lstm"
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "torch", "numba")
    seeded: ClassVar[bool] = True

    @abstractmethod
    def data(self, history: History, horizon: int) -> D:
        """Samples for forecasts of up to `horizon` days. Raises TrialError when the history does not do."""

    @abstractmethod
    def spec(self, data: D) -> TrainSpec:
        """The training program; the same for all tasks of one call."""

    @abstractmethod
    def state(self, data: D, result: FitResult, backend: str) -> State:
        """What a fit leaves behind."""

    @classmethod
    def usual_backend(cls, device: str) -> training.Backend:
        """What trains on this device unless a setting says otherwise; a model that names no numba has torch alone."""
        return training.default_backend(device) if "numba" in cls.libraries else "torch"

    @classmethod
    def gpu_count(cls) -> int:
        """GPUs of this machine that training can use."""
        return training.gpu_count()

    @classmethod
    def warm_up(cls, device: str) -> None:
        """Load or compile what training on this device needs."""
        training.warm_up(cls.usual_backend(device), device)

    def fits_per_batch(self, device: str) -> int | None:
        """See `StackedModel`."""
        return None if device.startswith("cuda") else training.CPU_FITS

    @abstractmethod
    def bytes_per_fit(self, n_periods: int, horizon: int) -> int:
        """See `StackedModel`."""

    def backend(self, device: str) -> training.Backend:
        """What trains on this device."""
        return self.usual_backend(device)

    def fit_many(self, tasks: Sequence[FitTask], device: str) -> list[State | TrialError]:
        """Train all tasks as one program; see `StackedModel`."""
        found = self._data_by_history(tasks)
        chosen = [found[_history_key(task)] for task in tasks]
        usable = [(task, data) for task, data in zip(tasks, chosen, strict=True) if not isinstance(data, TrialError)]
        if not usable:
            return [data for data in chosen if isinstance(data, TrialError)]
        backend = self.backend(device)
        fits = [data.fit(task.key) for task, data in usable]
        results = iter(training.train(self.spec(usable[0][1]), fits, backend, device))
        return [
            data if isinstance(data, TrialError) else self._state_or_error(data, next(results), backend)
            for data in chosen
        ]

    def _data_by_history(self, tasks: Sequence[FitTask]) -> dict[Any, D | TrialError]:
        first = {_history_key(task): task for task in reversed(tasks)}
        return {key: self._data_or_error(task) for key, task in first.items()}

    def _data_or_error(self, task: FitTask) -> D | TrialError:
        try:
            return self.data(task.history, task.horizon)
        except TrialError as error:
            return error

    def _state_or_error(self, data: D, result: FitResult, backend: str) -> State | TrialError:
        try:
            check_trained(result)
        except TrialError as error:
            return error
        return self.state(data, result, backend)


def check_trained(result: FitResult) -> None:
    """Raise TrialError when training diverged."""
    if not result.finite or result.epoch == 0:
        raise TrialError("training diverged: use a lower learning_rate or clip_norm")


def horizon_of(state: State) -> int:
    """Most periods ahead that a network was fitted for. Raises DamagedState where the state does not say."""
    horizon = fact_of(state.meta, "horizon", int)
    if not 1 <= horizon <= LONGEST:
        raise DamagedState(f"horizon is {horizon}")
    return horizon


def _history_key(task: FitTask) -> tuple[str, str, int]:
    return task.history.unique_id, str(task.history.cutoff), task.horizon
