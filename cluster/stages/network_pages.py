"""Pictures of the networks of a run that fits once: read from its states and forecasts, written as figures.html."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cluster.plan import Plan
from cluster.rundir.final_states import checked_state
from cluster.rundir.run_facts import find_run
from cluster.rundir.store import RunStore, StoredTrial
from ensembles.evaluation.run_results import LearningCurve
from ensembles.files.amounts import Amounts
from ensembles.report.network_page import NetworkFit, network_html
from forecasting.backtest import one_step_fits
from forecasting.models.base import State
from forecasting.panel import Panel
from forecasting.schema import FloatArray, as_date
from forecasting.trial import Trial

__all__ = ["FIGURES", "fitted_members", "write_figures"]

FIGURES = "figures.html"
MOST = 8
"""Members shown."""
DAYS_BEFORE = 250
"""Days before the test at most, one forecast each."""


def write_figures(plan: Plan, panel: Panel, store: RunStore) -> bool:
    """Write the pictures; False where no member has any, as when members are fitted at every cutoff.

    Raises
    ------
    StorageError
        When the run directory cannot be read or written.
    """
    fits = list(fitted_members(plan, panel, store))
    if not fits:
        store.write_result(FIGURES, None)
        return False
    run = find_run(store)
    name = Path("run" if run is None else run.config_name).stem
    data = plan.config.data
    amounts = Amounts.of(data.kind, data.unit) if run is None else run.amounts
    page = network_html(name, fits, amounts)
    store.write_result(FIGURES, page.encode())
    return True


def fitted_members(plan: Plan, panel: Panel, store: RunStore) -> Iterator[NetworkFit]:
    """The first seed of each network that knows its training days, on the first series, in the order of names."""
    if plan.windows.refit:
        return
    stored = store.trials()
    trials = [
        trial
        for trial in plan.trials
        if trial.unique_id == panel.unique_ids[0] and trial.member.seed_index == 0 and trial.trial_key in stored
    ]
    shown, kept = 0, store.kept_states()
    for trial in sorted(trials, key=lambda trial: trial.member.name):
        found = stored[trial.trial_key]
        state = None if found.row.reason is not None else store.states(kept.get(found.file, ())).get(trial.trial_key)
        if state is not None and "days" in state.meta and shown < MOST:
            shown += 1
            yield _fitted(plan, panel, store, trial, found, checked_state(store, found.file, trial.member, state))


def _fitted(plan: Plan, panel: Panel, store: RunStore, trial: Trial, found: StoredTrial, state: State) -> NetworkFit:
    """One-step fits of the last days before the test, then the run's own forecasts of the test's days."""
    cutoff = plan.windows.backtest[0].cutoff
    first = max(as_date(state.meta["days"]["train"]), cutoff - DAYS_BEFORE)
    before, tested = panel.ds[(panel.ds >= first) & (panel.ds <= cutoff)], panel.ds[panel.ds > cutoff]
    forecasts = store.forecasts([found])[trial.trial_key, trial.unique_id]
    ahead = {window.start: forecasts[window.cutoff][0] for window in plan.windows.backtest}
    fits = one_step_fits(trial.member.build(), state, panel.history(trial.unique_id), before)
    ds = np.concatenate([before, tested])
    return NetworkFit(
        name=trial.member.setting,
        unique_id=trial.unique_id,
        losses=LearningCurve(state.meta["train_loss"], state.meta["valid_loss"]),
        epoch=int(state.meta["epoch"]),
        train=as_date(state.meta["days"]["train"]),
        valid=as_date(state.meta["days"]["valid"]),
        ds=ds,
        y=panel.truth(trial.unique_id, ds) - panel.planned_amounts(trial.unique_id, ds, panel.end),
        y_hat=np.array([*fits, *(ahead.get(day, np.nan) for day in tested)]),
        test=plan.windows.backtest[0].start,
        compounds=bool(state.meta.get("compounds")),
        claim=str(state.meta.get("claim", "")),
        published=_published(state, len(before), len(ds)),
    )


def _published(state: State, n_before: int, n: int) -> FloatArray | None:
    """The model's own fit as published, on the days before the test, ``[n]``; None if it has none."""
    if "published" not in state.arrays:
        return None
    shown = state.arrays["published"][-n_before:]
    days = np.full(n, np.nan)
    days[n_before - len(shown) : n_before] = shown
    return days
