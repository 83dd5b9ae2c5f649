"""The work of a virtual run: small plans, and what each trial comes to.

Trials are real, and so are plans and batches; only the fits are left out. What a trial gives depends on its key alone
(that the real backtest keeps this promise is tested elsewhere), so it is made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from cluster.config import parse_config
from cluster.plan import Plan, make_plan
from cluster.rundir.run_facts import RunOrigin
from ensembles.files.run_json import DataFacts
from forecasting.models import register
from forecasting.models.base import Settings, State
from forecasting.panel import Panel
from forecasting.testing import make_panel
from forecasting.trial import Forecast, Trial, TrialFailure, TrialOutcome, TrialResult
from forecasting.windows import WindowPlan

__all__ = ["ORIGIN", "PANEL", "PLANS", "kept", "outcomes"]


class _Fake:
    """A model that is never fitted."""

    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    seeded: ClassVar[bool] = True
    seconds_per_fit: ClassVar[float] = 1.0
    settings_type: ClassVar[type[Settings]] = Settings

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def predict(self, state, history, ds):  # type: ignore[no-untyped-def]
        raise NotImplementedError


class Stacked(_Fake):
    """Trained many at a time, by long-lived workers."""

    family: ClassVar[str] = "stacked"

    def backend(self, device: str) -> str:
        return "none"

    def fits_per_batch(self, device: str) -> int:
        return 4

    def bytes_per_fit(self, n_periods: int, horizon: int) -> int:
        return 1

    def fit_many(self, tasks, device):  # type: ignore[no-untyped-def]
        raise NotImplementedError


class Plain(_Fake):
    """Fitted one at a time, in tasks."""

    family: ClassVar[str] = "plain"

    def fit(self, task):  # type: ignore[no-untyped-def]
        raise NotImplementedError


register("virtual-stacked", Stacked)
register("virtual-plain", Plain)


def _plan(stacked: int, plain: int) -> Plan:
    members = [{"model": "virtual-stacked", "seeds": stacked}, {"model": "virtual-plain", "seeds": plain}]
    keys = {
        "windows": {"unit": "day", "n_windows": 1, "horizon": 2},
        "members": [member for member in members if member["seeds"]],
    }
    return make_plan(parse_config(keys, "virtual"), PANEL, "cpu")


PANEL: Panel = make_panel()
PLANS: tuple[Plan, ...] = tuple(_plan(*seeds) for seeds in ((3, 2), (4, 0), (0, 4), (5, 3), (2, 1)))
"""Plans of two to eight batches of two trials."""
ORIGIN = RunOrigin("virtual", "virtual", DataFacts(fingerprint="none", path="none", start="", end="", series=2), (), ())


def outcomes(trials: Sequence[Trial], windows: WindowPlan) -> list[TrialOutcome]:
    """What these trials come to."""
    return [_outcome(trial, windows) for trial in trials]


_made: dict[str, TrialOutcome] = {}


def _outcome(trial: Trial, windows: WindowPlan) -> TrialOutcome:
    if trial.trial_key not in _made:
        _made[trial.trial_key] = _make(trial, windows)
    return _made[trial.trial_key]


def _make(trial: Trial, windows: WindowPlan) -> TrialOutcome:
    """One trial in a plan fails, as by a user's error."""
    if trial.member.seed_index == 1 and trial.unique_id == "redeem":
        return TrialFailure(trial, "TrialError: no luck")
    amounts = np.random.default_rng(int(trial.trial_key[:12], 16))
    forecasts = tuple(
        Forecast(trial.unique_id, window.cutoff, amounts.uniform(1, 2, window.horizon)) for window in windows.all
    )
    return TrialResult(trial, forecasts, State({"weights": amounts.uniform(1, 2, 3)}, {"fact": 1}), 0.5)


def kept(plan: Plan) -> set[str]:
    """Keys of the trials whose states are kept in the end: every other one."""
    return {trial.trial_key for trial in plan.trials[::2]}
