"""Run trials: fit a member at each cutoff, or at the first one only, and forecast what follows every cutoff.

In: trials, the panel, the windows. Out: one `TrialResult` or `TrialFailure` per trial.

`forecast_windows` is the one loop over windows. Models that are fitted one series at a time, many fits at a time or on
all series of a target differ only in the `StateFor` that gives the loop its states; so does a stored state.

A model sees `Panel.history(unique_id, cutoff)`, put in order by `forecasting.scale`, and nothing else. So no value
after a cutoff can reach a forecast made there.
"""

from __future__ import annotations

import signal
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

import numpy as np

from forecasting.errors import TrialError, UserError, visible
from forecasting.models.base import AnyModel, FitTask, Model, PanelTask, ReadsPeers, StackedModel, State, learns_across
from forecasting.models.heard import caught_warnings
from forecasting.models.states import check_storable
from forecasting.panel import History, Panel
from forecasting.places.uri import scrubbed
from forecasting.scale import members
from forecasting.schema import DateArray, FloatArray, iso
from forecasting.seeding import content_hash, fit_key
from forecasting.trial import Forecast, Trial, TrialFailure, TrialOutcome, TrialResult
from forecasting.windows import Window, WindowPlan

__all__ = [
    "Forecasts",
    "StateFor",
    "forecast_windows",
    "one_step_fits",
    "peers_of",
    "reason_of",
    "run_trials",
    "series_of",
]

StateFor = Callable[[Window, State | None], State]
"""Gives the state for a window, from the window and the state of the window before it (None at the first)."""


_Warning = warnings.WarningMessage
LONGEST_REASON = 1000
"""Characters of what an error says."""


@dataclass(frozen=True)
class Forecasts:
    """What `forecast_windows` made: forecasts by series, then by window; the last state; unique_id → why it failed."""

    made: tuple[Forecast, ...]
    state: State
    failed_series: Mapping[str, str]


def series_of(trial: Trial, panel: Panel) -> tuple[str, ...]:
    """The series a trial forecasts, in the panel's order."""
    if not trial.member.learns_across:
        return (trial.unique_id,)
    return tuple(s.unique_id for s in panel.series if s.target == trial.unique_id)


def peers_of(model: AnyModel, panel: Panel, target: str) -> tuple[str, ...]:
    """The sample of a target's series that a model reads besides the one it forecasts: by a hash of their ids, so that
    it is no matter of order.
    """
    n = model.n_peers if isinstance(model, ReadsPeers) else 0
    unique_ids = [s.unique_id for s in panel.series if s.target == target] if n else []
    return tuple(sorted(unique_ids, key=content_hash)[:n]) if len(unique_ids) > n else ()


def run_trials(
    trials: Sequence[Trial],
    panel: Panel,
    windows: WindowPlan,
    *,
    run_seed: int,
    device: str = "cpu",
    n_threads: int = 1,
) -> list[TrialOutcome]:
    """Run trials of one model, in order; those of a stacked model are fitted together on `device`.

    A model's failures are returned, never raised.

    Raises
    ------
    MemoryError
        The trials do not fit into memory. What to do about it depends on where they run.
    UserError
        A stacked model cannot be used at all, for example because its backend is not installed.
    """
    batch, started = _Batch(panel, windows, run_seed, n_threads), time.perf_counter()
    models = [trial.member.build() for trial in trials]
    if not (models and isinstance(models[0], StackedModel)):
        return [
            batch.outcome(trial, model, partial(batch.fit, trial, model))
            for trial, model in zip(trials, models, strict=True)
        ]
    with caught_warnings() as heard:
        fits = batch.fit_together(trials, models[0], device)
    share = (time.perf_counter() - started) / len(trials)
    return [batch.outcome(trial, models[0], fit, share, heard) for trial, fit in zip(trials, fits, strict=True)]


def forecast_windows(
    model: AnyModel, unique_ids: Sequence[str], panel: Panel, windows: WindowPlan, fit: StateFor
) -> Forecasts:
    """Forecast series over all windows, with a new state for each window, or with the first one if `refit` is off.

    A series whose forecast raises TrialError is left out of all windows; the others go on.

    Raises
    ------
    TrialError
        Nothing can be fitted, or no series is left.
    Exception
        Whatever else the model or its libraries raise.
    """
    made: dict[str, list[Forecast]] = {uid: [] for uid in unique_ids}
    failed: dict[str, str] = {}
    state = None
    for window in windows.all:
        state = fit(window, state) if state is None or windows.refit else state
        for uid in [uid for uid in made if uid not in failed]:
            try:
                made[uid].append(_forecast(model, state, panel.history(uid, window.cutoff), window))
            except TrialError as error:
                failed[uid] = reason_of(error)
                if len(failed) == len(made):
                    raise TrialError(next(iter(failed.values()))) from error
    if state is None or not made:
        raise TrialError("there is no series, or no window, to forecast")
    return Forecasts(tuple(f for uid in made if uid not in failed for f in made[uid]), state, failed)


def one_step_fits(model: AnyModel, state: State, history: History, ds: DateArray) -> FloatArray:
    """What a fitted member says of each of the days `ds`, given all days before it, ``[len(ds)]``.

    NaN where the history before a day is too short. The state does not change: on days it was trained on these are
    fits, on later days they are forecasts.
    """
    fits = np.full(len(ds), np.nan)
    for place, day in enumerate(ds):
        before = history.until(day - 1)
        if len(before.y) == 0:
            continue
        try:
            fits[place] = members.predict(model, state, before, ds[place : place + 1])[0]
        except TrialError:
            continue
    return fits


def reason_of(error: BaseException) -> str:
    """One sentence for a leaderboard row or for the user: why a member could not be fitted or forecast."""
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is not installed: install it, or leave this member out"
    try:
        text = visible(scrubbed(" ".join(str(error).split())))
    except Exception:  # the class is a user's own
        text = ""
    text = text[:LONGEST_REASON] or type(error).__name__
    return text if isinstance(error, TrialError) else f"{type(error).__name__}: {text}"


@dataclass(frozen=True)
class _Batch:
    """What the trials of one call share."""

    panel: Panel
    windows: WindowPlan
    run_seed: int
    n_threads: int
    peers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Found so far, by target."""

    def outcome(
        self, trial: Trial, model: AnyModel, fit: StateFor, seconds: float = 0.0, before: Sequence[_Warning] = ()
    ) -> TrialOutcome:
        """Run one trial; `seconds` is what its share of earlier work took, `before` the warnings of that work."""
        started = time.perf_counter()
        try:
            unique_ids = series_of(trial, self.panel)
            with caught_warnings() as heard, np.errstate():
                forecasts = forecast_windows(model, unique_ids, self.panel, self.windows, fit)
            check_storable(forecasts.state)
        except MemoryError:
            raise
        except (
            BaseException
        ) as error:  # whatever a model raises, or its exit, is this trial's result, not the run's end
            _raise_interruption(error)
            return TrialFailure(trial, reason_of(error))
        seconds += time.perf_counter() - started
        counts = Counter(message.category.__name__ for message in (*before, *heard))
        counts.update(forecasts.state.meta.get("warnings", {}))
        return TrialResult(trial, forecasts.made, forecasts.state, seconds, forecasts.failed_series, counts)

    def fit(self, trial: Trial, model: AnyModel, window: Window, previous: State | None) -> State:
        """One fit of a model that is fitted one at a time, on a series or on all series of a target."""
        if learns_across(model):
            return members.fit_all(model, self._panel_task(trial, window, previous))
        task = self._task(trial, window, previous)
        if previous is None and (peers := self._peers(trial, model)):
            histories = [self.panel.history(uid, window.cutoff) for uid in peers]
            task = replace(task, peers=tuple(history for history in histories if len(history.y)))
        return members.fit(cast(Model, model), task)

    def fit_together(self, trials: Sequence[Trial], model: StackedModel, device: str) -> list[StateFor]:
        """Fit all trials at all cutoffs as one program; gives each trial a `StateFor` that looks its states up."""
        asked = [self._tasks_or_error(trial) for trial in trials]
        states = iter(_fit_many(model, [task for tasks in asked if isinstance(tasks, list) for task in tasks], device))
        cutoffs = [window.cutoff for window in self.windows.fitted]
        found = [{c: next(states) if isinstance(tasks, list) else tasks for c in cutoffs} for tasks in asked]
        return [partial(_look_up, mine) for mine in found]

    def _tasks_or_error(self, trial: Trial) -> list[FitTask] | TrialError:
        try:
            return [self._task(trial, window, None, n_threads=1) for window in self.windows.fitted]
        except TrialError as error:
            return error

    def _task(self, trial: Trial, window: Window, previous: State | None, n_threads: int | None = None) -> FitTask:
        history = _with_values(self.panel.history(trial.unique_id, window.cutoff), window)
        return FitTask(
            history, self.windows.max_horizon, self._key(trial, window), previous, n_threads or self.n_threads
        )

    def _peers(self, trial: Trial, model: AnyModel) -> tuple[str, ...]:
        target = self.panel.series[self.panel.index(trial.unique_id)].target
        if target not in self.peers:
            self.peers[target] = peers_of(model, self.panel, target)
        return self.peers[target]

    def _panel_task(self, trial: Trial, window: Window, previous: State | None) -> PanelTask:
        histories = [self.panel.history(uid, window.cutoff) for uid in series_of(trial, self.panel)]
        known = tuple(history for history in histories if len(history.y))
        return PanelTask(known, self.windows.max_horizon, self._key(trial, window), previous, self.n_threads)

    def _key(self, trial: Trial, window: Window) -> int:
        return fit_key(self.run_seed, trial.member.member_id, trial.unique_id, window.cutoff)


def _look_up(
    states: Mapping[np.datetime64, State | TrialError],
    window: Window,
    previous: State | None,  # noqa: ARG001 - part of `StateFor`
) -> State:
    state = states[window.cutoff]
    if isinstance(state, TrialError):
        raise state
    return state


def _fit_many(model: StackedModel, tasks: Sequence[FitTask], device: str) -> list[State | TrialError]:
    """All fits together. If that fails, each one by itself, so that only those to blame fail."""
    if not tasks:
        return []
    try:
        return members.fit_many(model, tasks, device)
    except (MemoryError, UserError):
        raise
    except BaseException as error:  # as in `_Batch.outcome`
        _raise_interruption(error)
        if len(tasks) == 1:
            return [TrialError(reason_of(error))]
        return [fit for task in tasks for fit in _fit_many(model, [task], device)]


def _raise_interruption(error: BaseException | None) -> None:
    """Raise what was meant for the process: an interruption, also one that a library made an error of, as numba does
    where it comes amid compiled code, and an exit that a handler of signals asked for, as Ray's does.
    """
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or (isinstance(error, SystemExit) and _is_of_a_signal(error)):
            raise error
        error = error.__cause__ or error.__context__


def _is_of_a_signal(error: SystemExit) -> bool:
    handlers = {getattr(signal.getsignal(number), "__code__", None) for number in signal.valid_signals()} - {None}
    return any(frame.f_code in handlers for frame, _ in traceback.walk_tb(error.__traceback__))


def _forecast(model: AnyModel, state: State, history: History, window: Window) -> Forecast:
    y_hat = members.predict(model, state, _with_values(history, window), window.ds)
    return Forecast(history.unique_id, window.cutoff, y_hat)


def _with_values(history: History, window: Window) -> History:
    if len(history.y) == 0:
        raise TrialError(f"{history.unique_id} has no values up to {iso(window.cutoff)}")
    return history
