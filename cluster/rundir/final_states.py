"""Fitted states found again: which stored trial made the run's forecast, and whether this program can still use it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cluster.rundir.store import RunStore, StoredTrial
from cluster.versions import code_of
from ensembles.files.forecast_parquet import ForecastFile
from forecasting.errors import StorageError
from forecasting.models.base import DamagedState, State
from forecasting.models.states import damaged
from forecasting.panel import Series
from forecasting.scale import members
from forecasting.schema import FloatArray
from forecasting.trial import Member

__all__ = ["Fit", "checked_state", "find_fits"]

Place = tuple[str, str]
"""member_id, unique_id."""


@dataclass(frozen=True)
class Fit:
    """A member as it was fitted on one series at the end of a run's data."""

    member: Member
    unique_id: str
    state: State


def find_fits(store: RunStore, wanted: Mapping[Place, Member], end: np.datetime64) -> Iterator[Fit]:
    """The fits of these members and series, file by file, so that a large run never lies in memory whole.

    Parameters
    ----------
    end
        Last day of the run's data.

    Raises
    ------
    StorageError
        When a state is gone or damaged, or was made by another version of the model or of a library it uses.
    """
    chosen = _trials(store, wanted, end)
    for place, trial in chosen.items():
        _check_code(store, wanted[place], trial)
    by_file: dict[str, list[Place]] = defaultdict(list)
    for place, trial in chosen.items():
        by_file[trial.file].append(place)
    kept = store.kept_states()
    for file, places in sorted(by_file.items()):
        states, checked = store.states(kept.get(file, ())), set()
        for place in places:
            key = chosen[place].row.trial_key
            if key not in states:
                raise StorageError(
                    f"{store.uri} no longer holds the fitted state of {wanted[place].name} on {place[1]}: "
                    "run again with another --run-dir"
                )
            if key not in checked:  # once for all series of a member that learns across them
                checked.add(key)
                checked_state(store, file, wanted[place], states[key])
            yield Fit(wanted[place], place[1], states[key])


def checked_state(store: RunStore, file: str, member: Member, state: State) -> State:
    """A state of a member from a batch file, once it was checked.

    Raises
    ------
    StorageError
        When it is damaged.
    """
    try:
        members.check(member.build(), state)
    except DamagedState as error:
        raise damaged(f"{store.uri}/{file}", f"{member.name}: {error}") from None
    return state


def _trials(store: RunStore, wanted: Mapping[Place, Member], end: np.datetime64) -> dict[Place, StoredTrial]:
    by_unit: dict[Place, list[StoredTrial]] = defaultdict(list)
    units: dict[str, set[str]] = defaultdict(set)
    for trial in store.trials().values():
        if trial.row.reason is None and trial.row.member_id is not None:
            by_unit[trial.row.member_id, trial.row.unique_id].append(trial)
            units[trial.row.member_id].add(trial.row.unique_id)
    found = {}
    for (member_id, uid), member in wanted.items():
        of_unit = by_unit[member_id, _unit(member, uid, units[member_id])]
        found[member_id, uid] = [trial for trial in of_unit if uid not in trial.row.failed_series]
    for place, trials in found.items():
        if not trials:
            raise StorageError(
                f"{store.uri} no longer holds the fit of {wanted[place].name} on {place[1]}: "
                "run the same command again, which trains only what is missing"
            )
    several = {place: trials for place, trials in found.items() if len(trials) > 1}
    return {place: trials[0] for place, trials in found.items()} | _settle(store, wanted, several, end)


def _unit(member: Member, uid: str, units: Collection[str]) -> str:
    """Of the units that a member was trained on, the one with the series; an id of one's own says no target."""
    if not member.learns_across:
        return uid
    return next(iter(units)) if len(units) == 1 else Series.named(uid).target


def _settle(
    store: RunStore, wanted: Mapping[Place, Member], several: Mapping[Place, Sequence[StoredTrial]], end: np.datetime64
) -> dict[Place, StoredTrial]:
    """Of several trials of one member on one series (the configuration was edited) the one the run's forecast is by."""
    if not several:
        return {}
    forecast = store.read(ForecastFile)
    made = store.forecasts(trial for trials in several.values() for trial in trials)
    chosen = {}
    for place, trials in several.items():
        mine = (forecast.member == wanted[place].name) & (forecast.unique_id == place[1])
        wants = forecast.y_hat[mine] if wanted[place].forecasts_whole else forecast.model[mine]
        fitting = [t for t in trials if _same(made[t.row.trial_key, place[1]].get(end), wants)]
        if not fitting:
            raise StorageError(f"{store.uri}/forecast.parquet and its batches do not belong together: run again")
        chosen[place] = fitting[0]
    return chosen


def _same(made: FloatArray | None, wants: FloatArray) -> bool:
    """Whether these are the forecasts stored, to and from which what is planned was added and taken off."""
    return made is not None and made.shape == wants.shape and np.allclose(made, wants, rtol=1e-9, atol=0.0)


def _check_code(store: RunStore, member: Member, trial: StoredTrial) -> None:
    """Refuse a state that this program's model, or the libraries installed, did not make."""
    then, now = trial.batch.code, code_of(member.model)
    if then.version != now.version:
        raise StorageError(
            f"{member.name} in {store.uri} was fitted by version {then.version} of its model and this is "
            f"version {now.version}: run again with another --run-dir"
        )
    for name, installed in now.libraries.items():
        if then.libraries.get(name) != installed:
            raise StorageError(
                f"{member.name} in {store.uri} was fitted with {name} {then.libraries.get(name)} and {installed} is "
                f"installed: install {name}=={then.libraries.get(name)}, or run again with another --run-dir"
            )
