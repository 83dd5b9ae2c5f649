"""A share of a run's trials trained again, and compared with what is stored to the last bit."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cluster.execution.resources import local_resources
from cluster.execution.worker import limited_threads, usable_threads
from cluster.plan import Plan
from cluster.rundir.run_facts import LIBRARIES, processor
from cluster.rundir.store import RunStore, StoredTrial
from cluster.verification.check import Check
from cluster.versions import installed
from ensembles.files.run_json import RunFile
from forecasting.backtest import run_trials
from forecasting.data.formats.columns import first_few
from forecasting.models.base import State
from forecasting.panel import Panel
from forecasting.schema import FloatArray
from forecasting.trial import Trial, TrialFailure, TrialOutcome, TrialResult

__all__ = ["changed_versions", "check_trials"]

WHAT = "trials"
MOST_NAMED = 5
"""Trials named that differ."""


def changed_versions(run: RunFile) -> list[str]:
    """Libraries with another version than the run had, in words."""
    then = run.environment.libraries
    return [
        f"{name} {then.get(name)} then, {installed(name)} now"
        for name in LIBRARIES
        if name != "ray" and then.get(name) != installed(name)  # Ray moves work and changes no number
    ]


def check_trials(store: RunStore, run: RunFile, plan: Plan, panel: Panel, share: float) -> Check:
    """Train a random `share` of the stored trials again, at least one; on a GPU whole batches, as they were stored."""
    if (why := _incomparable(run, plan)) is not None:
        return Check(WHAT, "not comparable", why)
    stored = store.trials()
    planned = [trial for trial in plan.trials if trial.trial_key in stored]
    if not planned:
        return Check(WHAT, "not comparable", "no stored trial is of this version of the models")
    n_again, differing, states = 0, [], _States(store)
    for chunk in _chunks(plan, planned, stored, share):
        device = stored[chunk[0].trial_key].batch.device
        with limited_threads(plan.config.cluster.cpus_per_worker):
            outcomes = run_trials(
                chunk,
                panel,
                plan.windows,
                run_seed=plan.config.seed,
                device=device,
                n_threads=usable_threads(plan.config.cluster.cpus_per_worker),
            )
        n_again += len(outcomes)
        differing += [_name(o.trial) for o in outcomes if not _same(o, store, stored[o.trial.trial_key], states)]
    if differing:
        named = first_few(differing, MOST_NAMED)
        return Check(WHAT, "differs", f"{len(differing)} of {n_again} trained again came out differently: {named}")
    return Check(
        WHAT, "ok", f"{n_again} of {len(planned)} trained again, the same to the last bit{_left_out(plan, planned)}"
    )


def _left_out(plan: Plan, planned: Sequence[Trial]) -> str:
    """How many trials of the run are not stored as they would be planned now."""
    n = len(plan.trials) - len(planned)
    return (
        f"; {n} of all {len(plan.trials)} are not stored by this version of their model, and not compared" if n else ""
    )


def _incomparable(run: RunFile, plan: Plan) -> str | None:
    if plan.device != "cpu" and not local_resources(plan.config).gpus:
        return "the run was trained on a GPU, and here is none"
    if run.environment.processor != processor():
        return f"the run was trained on {run.environment.processor}, and this is {processor()}"
    changed = changed_versions(run)
    return f"other libraries: {'; '.join(changed)}" if changed else None


def _chunks(
    plan: Plan, planned: Sequence[Trial], stored: dict[str, StoredTrial], share: float
) -> Iterator[list[Trial]]:
    """Trials to train together: of one model each, on a GPU whole batches."""
    draw = random.SystemRandom()
    if plan.device.startswith("cuda"):
        by_file: dict[str, list[Trial]] = defaultdict(list)
        order = {key: place for place, key in enumerate(stored)}
        for trial in sorted(planned, key=lambda trial: order[trial.trial_key]):
            by_file[stored[trial.trial_key].file].append(trial)
        yield from draw.sample(list(by_file.values()), max(1, math.ceil(share * len(by_file))))
        return
    by_setting: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for trial in draw.sample(planned, max(1, math.ceil(share * len(planned)))):
        by_setting[trial.member.model, trial.member.setting].append(trial)
    yield from by_setting.values()


@dataclass
class _States:
    """Stored states, of one batch at a time."""

    store: RunStore
    file: str = ""

    def __post_init__(self) -> None:
        self._kept, self._found = self.store.kept_states(), dict[str, State]()

    def of(self, trial: StoredTrial) -> State | None:
        """None where it was not kept."""
        if trial.file != self.file:
            self.file, self._found = trial.file, self.store.states(self._kept.get(trial.file, ()))
        return self._found.get(trial.row.trial_key)


def _same(outcome: TrialOutcome, store: RunStore, trial: StoredTrial, states: _States) -> bool:
    if isinstance(outcome, TrialFailure):
        return outcome.reason == trial.row.reason
    state = states.of(trial)
    return (
        trial.row.reason is None
        and dict(outcome.failed_series) == dict(trial.row.failed_series)
        and _same_forecasts(outcome, store.forecasts([trial]))
        and (state is None or _same_arrays(outcome.state, state))
    )


def _same_forecasts(result: TrialResult, stored: dict[tuple[str, str], dict[np.datetime64, FloatArray]]) -> bool:
    made = {(f.unique_id, f.cutoff): f.y_hat.tobytes() for f in result.forecasts}
    kept = {(uid, cutoff): y_hat.tobytes() for (_, uid), by in stored.items() for cutoff, y_hat in by.items()}
    return made == kept


def _same_arrays(made: State, kept: State) -> bool:
    return made.arrays.keys() == kept.arrays.keys() and all(
        np.asarray(array).tobytes() == kept.arrays[name].tobytes() for name, array in made.arrays.items()
    )


def _name(trial: Trial) -> str:
    return f"{trial.member.name} on {trial.unique_id}"
