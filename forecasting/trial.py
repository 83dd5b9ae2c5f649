"""One trial: a member on one series, fitted at every cutoff or at the first. The unit of work, callable without Ray.

A member that learns across a panel has one trial per target, on all of its series at once.

In: trials, the panel, the windows. Out: one `TrialResult` or `TrialFailure` per trial. A model only ever sees
`Panel.history(unique_id, cutoff)`, so nothing after a cutoff can reach a forecast made at it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from forecasting.errors import TrialError, UserError
from forecasting.models import model_type
from forecasting.models.base import AnyModel, FitTask, GlobalModel, Model, PanelTask, StackedModel, State
from forecasting.panel import History, Panel, Series
from forecasting.schema import FloatArray, iso
from forecasting.seeding import content_hash, fit_key
from forecasting.windows import Window, WindowPlan

__all__ = ["Forecast", "Member", "Trial", "TrialFailure", "TrialOutcome", "TrialResult", "run_trials", "series_of"]


@dataclass(frozen=True)
class Member:
    """A model with its settings and a seed index; it spans all series and is one row of the leaderboard.

    `setting` is the readable name of model and settings without the seed; it is a label, not an identity.
    """

    model: str
    settings: Mapping[str, Any]
    seed_index: int
    setting: str
    family: str

    @cached_property
    def member_id(self) -> str:
        """Hash of model, settings and seed index, and of nothing else."""
        return content_hash(self.model, dict(self.settings), self.seed_index)

    @property
    def name(self) -> str:
        seeded = model_type(self.model).seeded
        return f"{self.setting}/s{self.seed_index:02d}" if seeded else self.setting

    @cached_property
    def learns_across(self) -> bool:
        """Whether it is fitted on all series of a target at once."""
        return isinstance(self.build(), GlobalModel)

    def unit(self, unique_id: str) -> str:
        """`Trial.unique_id` of the trial that forecasts this series: the series, or its target."""
        return Series.named(unique_id).target if self.learns_across else unique_id

    def build(self) -> AnyModel:
        """The model with these settings."""
        cls = model_type(self.model)
        return cls(cls.settings_type.model_validate(dict(self.settings)))


@dataclass(frozen=True)
class Trial:
    """A member on one series: all backtest windows and the final fit.

    `unique_id` names the series; of a member that learns across a panel, the target whose series it is on.
    """

    member: Member
    unique_id: str
    trial_key: str


@dataclass(frozen=True)
class Forecast:
    """Forecast of one series from one cutoff: `y_hat` ``[horizon]``, in the unit of y, at least 0."""

    unique_id: str
    cutoff: np.datetime64
    y_hat: FloatArray


@dataclass(frozen=True)
class TrialResult:
    """A finished trial: one forecast per series and window (backtest, then final), and the state of the final fit.

    `failed_series`: unique_id → why there is no forecast, for single series of a trial on many.
    """

    trial: Trial
    forecasts: tuple[Forecast, ...]
    state: State
    seconds: float
    failed_series: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialFailure:
    """A failed trial. `final`: the model's or the data's own error, not to be tried again."""

    trial: Trial
    reason: str
    final: bool = True


TrialOutcome = TrialResult | TrialFailure


def series_of(trial: Trial, panel: Panel) -> tuple[str, ...]:
    """The series a trial forecasts, in the panel's order."""
    if not trial.member.learns_across:
        return (trial.unique_id,)
    return tuple(s.unique_id for s in panel.series if s.target == trial.unique_id)


def run_trials(
    trials: Sequence[Trial],
    panel: Panel,
    windows: WindowPlan,
    *,
    run_seed: int,
    device: str = "cpu",
    n_threads: int = 1,
) -> list[TrialOutcome]:
    """Run trials, in order; those of a stacked model are computed together.

    Failures of a model are returned, never raised. Running out of memory is raised, since what to do about it depends
    on where the trials run; so is a ConfigError of a stacked model, such as a backend that is not installed.
    """
    if trials and isinstance(trials[0].member.build(), StackedModel):
        return _run_stacked(trials, panel, windows, run_seed, device)
    return [
        (_run_global if trial.member.learns_across else _run_one)(trial, panel, windows, run_seed, n_threads)
        for trial in trials
    ]


def _task(
    trial: Trial,
    panel: Panel,
    windows: WindowPlan,
    window: Window,
    run_seed: int,
    previous: State | None,
    n_threads: int,
) -> FitTask:
    history = _with_values(panel.history(trial.unique_id, window.cutoff), window)
    key = fit_key(run_seed, trial.member.member_id, trial.unique_id, window.cutoff)
    return FitTask(history, windows.max_horizon, key, previous, n_threads)


def _with_values(history: History, window: Window) -> History:
    if len(history.y) == 0:
        raise TrialError(f"{history.unique_id} has no values up to {iso(window.cutoff)}")
    return history


def _run_one(trial: Trial, panel: Panel, windows: WindowPlan, run_seed: int, n_threads: int) -> TrialOutcome:
    started = time.perf_counter()
    forecasts, state = [], None
    try:
        model = trial.member.build()
        assert isinstance(model, Model)
        for window in windows.all:
            task = _task(trial, panel, windows, window, run_seed, state, n_threads)
            if state is None or windows.refit:
                state = model.fit(task)
            forecasts.append(_forecast(model, state, task.history, window))
    except MemoryError:
        raise
    except Exception as error:  # whatever a model's library raises is this trial's result, not the run's end
        return TrialFailure(trial, _reason(error))
    assert state is not None
    return TrialResult(trial, tuple(forecasts), state, time.perf_counter() - started)


def _run_global(trial: Trial, panel: Panel, windows: WindowPlan, run_seed: int, n_threads: int) -> TrialOutcome:
    """One fit per cutoff on all series; a series that cannot be forecast at some cutoff fails alone."""
    started = time.perf_counter()
    made: dict[str, list[Forecast]] = {uid: [] for uid in series_of(trial, panel)}
    failed: dict[str, str] = {}
    state = None
    try:
        model = trial.member.build()
        assert isinstance(model, GlobalModel)
        for window in windows.all:
            histories = {uid: panel.history(uid, window.cutoff) for uid in made}
            if state is None or windows.refit:
                known = tuple(history for history in histories.values() if len(history.y))
                key = fit_key(run_seed, trial.member.member_id, trial.unique_id, window.cutoff)
                state = model.fit_all(PanelTask(known, windows.max_horizon, key, state, n_threads))
            for uid in [uid for uid in made if uid not in failed]:
                try:
                    made[uid].append(_forecast(model, state, _with_values(histories[uid], window), window))
                except TrialError as error:
                    failed[uid] = _reason(error)
    except MemoryError:
        raise
    except Exception as error:  # as in _run_one
        return TrialFailure(trial, _reason(error))
    assert state is not None
    forecasts = tuple(forecast for uid in made if uid not in failed for forecast in made[uid])
    if not forecasts:
        return TrialFailure(trial, next(iter(failed.values()), f"the panel holds no series of {trial.unique_id}"))
    return TrialResult(trial, forecasts, state, time.perf_counter() - started, failed)


def _run_stacked(
    trials: Sequence[Trial], panel: Panel, windows: WindowPlan, run_seed: int, device: str
) -> list[TrialOutcome]:
    started = time.perf_counter()
    tasks: dict[tuple[int, int], FitTask] = {}
    failed: dict[int, str] = {}
    for i, trial in enumerate(trials):
        try:
            for j, window in enumerate(windows.all):
                tasks[i, j] = _task(trial, panel, windows, window, run_seed, None, 1)
        except TrialError as error:
            failed[i] = _reason(error)
            tasks = {key: task for key, task in tasks.items() if key[0] != i}
    model = trials[0].member.build()
    assert isinstance(model, StackedModel)
    fitted = [key for key in tasks if key[1] < len(windows.fitted)]
    states = dict(zip(fitted, _fit_stacked(model, [tasks[key] for key in fitted], device), strict=True))
    share = (time.perf_counter() - started) / max(1, len(trials))
    outcomes: list[TrialOutcome] = []
    for i, trial in enumerate(trials):
        if i in failed:
            outcomes.append(TrialFailure(trial, failed[i]))
            continue
        mine = [states[i, j if windows.refit else 0] for j in range(len(windows.all))]
        outcomes.append(_stacked_outcome(trial, model, windows, [tasks[i, j] for j in range(len(mine))], mine, share))
    return outcomes


def _fit_stacked(model: StackedModel, tasks: Sequence[FitTask], device: str) -> list[State | TrialError]:
    """All fits together; where that fails, each by itself, so that only those to blame fail."""
    if not tasks:
        return []
    try:
        return model.fit_many(tasks, device)
    except (MemoryError, UserError):
        raise
    except Exception as error:  # as in _run_one
        if len(tasks) == 1:
            return [TrialError(_reason(error))]
        return [fit for task in tasks for fit in _fit_stacked(model, [task], device)]


def _stacked_outcome(
    trial: Trial,
    model: StackedModel,
    windows: WindowPlan,
    tasks: Sequence[FitTask],
    states: Sequence[State | TrialError],
    seconds: float,
) -> TrialOutcome:
    started = time.perf_counter()
    forecasts = []
    try:
        for window, task, state in zip(windows.all, tasks, states, strict=True):
            if isinstance(state, TrialError):
                raise state
            forecasts.append(_forecast(model, state, task.history, window))
    except MemoryError:
        raise
    except Exception as error:  # as in _run_one
        return TrialFailure(trial, _reason(error))
    last = states[-1]
    assert isinstance(last, State)
    return TrialResult(trial, tuple(forecasts), last, seconds + time.perf_counter() - started)


def _forecast(model: AnyModel, state: State, history: History, window: Window) -> Forecast:
    y_hat = np.asarray(model.predict(state, history, window.ds), dtype=np.float64)
    if y_hat.shape != (window.horizon,) or not np.isfinite(y_hat).all():
        raise TrialError(
            f"the forecast of {history.unique_id} from {iso(window.cutoff)} has shape {y_hat.shape} "
            "or values that are not finite"
        )
    return Forecast(history.unique_id, window.cutoff, np.maximum(y_hat, 0.0))


def _reason(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is not installed: install it, or leave this member out"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, TrialError) else f"{type(error).__name__}: {text}"
