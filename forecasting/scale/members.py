"""Models between histories as they are and histories that can be learned from.

Every fit, forecast and update of a member goes through here: the history is prepared (see `histories`), and what a
model says of the days ahead is brought back to the unit of the data. A state notes what later forecasts need to know:
the scale that amounts were seen on, or that nothing had flowed. States of ordinary histories stay as a model left them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecasting.errors import TrialError
from forecasting.models.base import (
    AnyModel,
    ChecksState,
    DamagedState,
    FitTask,
    GlobalModel,
    Model,
    PanelTask,
    StackedModel,
    State,
    Updatable,
    learns_across,
)
from forecasting.scale.histories import AS_IT_IS, PreparedHistory, Scale, prepare
from forecasting.schema import iso, locked

if TYPE_CHECKING:
    from forecasting.panel import History
    from forecasting.schema import DateArray, FloatArray

__all__ = ["VERSION", "check", "fit", "fit_all", "fit_many", "predict", "update"]

VERSION = 1
"""Raised when what models see of unknown, zero or negative amounts changes; part of the keys of such trials."""
MOST = 1e150
"""No amount is larger: sums and squares of larger ones are not finite."""
SCALES, EMPTY = "scales", "empty"
"""Facts of a state: unique_id → size and whether signed, of series seen on a scale; true where nothing had flowed."""


def fit(model: Model, task: FitTask) -> State:
    """As `Model.fit`, on the task's history as it is."""
    found = _for_fit(model, task.history)
    if found.empty:
        return _nothing()
    peers = [_for_fit(model, peer) for peer in task.peers]
    seen = _seen(task, found, tuple(peer.history for peer in peers if not peer.empty))
    return _noted(model.fit(seen), [found])


def fit_many(model: StackedModel, tasks: Sequence[FitTask], device: str) -> list[State | TrialError]:
    """As `StackedModel.fit_many`, on the tasks' histories as they are."""
    once = {_place(task.history): task.history for task in tasks}
    seen = {place: _for_fit(model, history) for place, history in once.items()}
    found = [seen[_place(task.history)] for task in tasks]
    asked = [_seen(task, one) for task, one in zip(tasks, found, strict=True) if not one.empty]
    fits = iter(model.fit_many(asked, device) if asked else ())
    return [_nothing() if one.empty else _state_or_error(next(fits), one) for one in found]


def fit_all(model: GlobalModel, task: PanelTask) -> State:
    """As `GlobalModel.fit_all`, on the task's histories as they are; those in which nothing flowed are left out."""
    found = [one for one in (_for_fit(model, history) for history in task.histories) if not one.empty]
    if task.histories and not found:
        return _nothing()
    seen = replace(task, histories=tuple(one.history for one in found), previous=_learned(task.previous))
    return _noted(model.fit_all(seen), found)


def check(model: AnyModel, state: State) -> None:
    """Check a stored state before it is used, as far as its model can tell (see `ChecksState`).

    Raises
    ------
    DamagedState
        Arrays or facts are missing, or not such as a fit leaves behind.
    """
    scales = state.meta.get(SCALES, {})
    if not isinstance(scales, dict) or not all(map(_is_scale, scales.values())):
        raise DamagedState(f"{SCALES} are no sizes")
    if EMPTY not in state.meta and isinstance(model, ChecksState):
        model.check(state)


def _is_scale(value: Any) -> bool:
    """Whether a fact is a size and whether amounts are signed."""
    if not (isinstance(value, list) and len(value) == 2):
        return False
    size, signed = value
    return type(size) in (int, float) and bool(np.isfinite(size)) and size > 0 and type(signed) is bool


def predict(model: AnyModel, state: State, history: History, ds: DateArray) -> FloatArray:
    """Forecasts ``[len(ds)]`` of the periods `ds`, which follow the history, in the unit of the data.

    Raises
    ------
    TrialError
        The model cannot forecast the series, or what it says is no forecast.
    """
    found = _for_forecast(model, state, history)
    if found.empty or found.is_idle(ds):
        return np.zeros(len(ds))
    if EMPTY in state.meta:
        raise TrialError(
            f"nothing had flowed in {history.unique_id} when it was fitted, and something has by "
            f"{iso(history.cutoff)}: fit it again"
        )
    told = model.predict(state, found.history, locked(ds))
    return found.restore(_amounts(told, len(ds), f"the forecast of {history.unique_id} from {iso(history.cutoff)}"), ds)


def _amounts(told: Any, n: int, what: str) -> FloatArray:
    """What a model said as amounts ``[n]``; TrialError where it is something else."""
    given = np.asarray(told)
    if given.dtype.kind not in "fiuO" or np.ma.is_masked(told):
        kind = "masked values" if np.ma.is_masked(told) else f"values of type {given.dtype}"
        raise TrialError(f"{what} holds {kind}, which are no amounts")
    y_hat = given.astype(np.float64)
    if y_hat.shape != (n,):
        raise TrialError(f"{what} has shape {y_hat.shape}, where ({n},) is asked for")
    if not (np.abs(y_hat) < MOST).all():
        raise TrialError(f"{what} holds values that are not finite, or not below {MOST:g}")
    return y_hat


def update(model: AnyModel, state: State, history: History) -> State:
    """As `Updatable.update`, on the history as it is; unchanged where the model has no such method."""
    found = _for_forecast(model, state, history)
    if not isinstance(model, Updatable) or found.empty or EMPTY in state.meta:
        return state
    updated = model.update(state, found.history)
    return replace(updated, meta={**updated.meta, **{k: state.meta[k] for k in (SCALES,) if k in state.meta}})


def _for_fit(model: AnyModel, history: History) -> PreparedHistory:
    return prepare(history, on_log=_on_log(model))


def _for_forecast(model: AnyModel, state: State, history: History) -> PreparedHistory:
    """On the scale of the fit; a series that a model across series did not learn from is seen on its own."""
    stored = state.meta.get(SCALES, {}).get(history.unique_id)
    usual = None if learns_across(model) else AS_IT_IS
    return prepare(history, on_log=_on_log(model), scale=usual if stored is None else Scale(*stored))


def _on_log(model: AnyModel) -> bool:
    """Whether the model takes logarithms; one that does not say so does not."""
    return bool(getattr(model, "on_log", False))


def _seen(task: FitTask, found: PreparedHistory, peers: tuple[History, ...] = ()) -> FitTask:
    return replace(task, history=found.history, previous=_learned(task.previous), peers=peers)


def _learned(previous: State | None) -> State | None:
    if previous is None or EMPTY in previous.meta:
        return None
    return replace(previous, meta={name: fact for name, fact in previous.meta.items() if name != SCALES})


def _nothing() -> State:
    return State(meta={EMPTY: True})


def _state_or_error(fit: State | TrialError, found: PreparedHistory) -> State | TrialError:
    return fit if isinstance(fit, TrialError) else _noted(fit, [found])


def _noted(state: State, found: Iterable[PreparedHistory]) -> State:
    """A state with the scales that are not the usual one."""
    if not isinstance(state, State):
        raise TrialError(f"its fit gives a {type(state).__name__}, where a State is asked for")
    if kept := {SCALES, EMPTY} & state.meta.keys():
        raise TrialError(f"a fact of its state is called {min(kept)}, which the program itself uses: rename it")
    scales = {
        one.history.unique_id: [one.scale.size, one.scale.signed]
        for one in found
        if one.scale is not None and one.scale != AS_IT_IS
    }
    arrays = {name: locked(array) if isinstance(array, np.ndarray) else array for name, array in state.arrays.items()}
    return State(arrays, {**state.meta, SCALES: scales} if scales else state.meta)


def _place(history: History) -> tuple[str, str]:
    return history.unique_id, iso(history.cutoff)
