"""Checks that every model must pass, for anybody's class, with one import:

    from forecasting.testing import check_model

    def test_my_model():
        check_model(MyModel, {"half_life": 14})

A check that fails raises AssertionError with a sentence. The checks run the class as a run would, on two series of
seven months with a weekday pattern, a slow level and a past covariate; then on the same amounts as work days and weeks,
with closed weekends, with unknown and with negative amounts. Choose settings that make a fit quick.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import ValidationError

from forecasting.axis import Axis, Freq
from forecasting.backtest import run_trials
from forecasting.calendar import Calendar, weekday_of
from forecasting.errors import ConfigError
from forecasting.models.base import GlobalModel, Model, StackedModel, State, Updatable, with_season
from forecasting.models.plugins import as_stored, check_class, temporarily
from forecasting.models.states import pack_states, unpack_states
from forecasting.panel import Panel, Series
from forecasting.scale import members
from forecasting.schema import BoolArray, FloatArray
from forecasting.trial import Member, Trial, TrialFailure, TrialOutcome, TrialResult
from forecasting.windows import WindowPlan, WindowSpec, plan_windows

__all__ = ["CHECKS", "NAME", "Subject", "check_model", "make_panel"]

WINDOWS = WindowSpec("month", 2)
NAME = "model under test"
"""The name of the class while it is checked."""


@dataclass(frozen=True)
class Subject:
    """A class with the settings and the panel it is checked with."""

    model: type[Any]
    settings: Mapping[str, Any]
    panel: Panel

    @property
    def plan(self) -> WindowPlan:
        return plan_windows(self.panel.ds, WINDOWS)

    def member(self, seed_index: int = 0) -> Member:
        """A member of this class; the class must be registered while it is used."""
        given = with_season(self.model.settings_type, self.settings, self.panel.axis.season_length)
        try:
            settings = self.model.settings_type.model_validate(given)
        except ValidationError as error:
            raise ConfigError(f"settings: {' '.join(str(error).split())}") from None
        return Member(NAME, as_stored(self.model, settings, "settings"), seed_index, NAME, self.model.family)

    def outcomes(
        self,
        panel: Panel | None = None,
        *,
        unique_ids: Sequence[str] = ("purchase",),
        seed_index: int = 0,
        run_seed: int = 1,
        windows: WindowPlan | None = None,
    ) -> list[TrialOutcome]:
        """Trials on these series, computed together."""
        panel = self.panel if panel is None else panel
        member = self.member(seed_index)
        trials = [Trial(member, member.unit(panel.series[panel.index(uid)]), f"key-{uid}") for uid in unique_ids]
        plan = windows or plan_windows(panel.ds, WINDOWS, panel.axis)
        return run_trials(trials, panel, plan, run_seed=run_seed)

    def result(self, panel: Panel | None = None, *, seed_index: int = 0, run_seed: int = 1) -> TrialResult:
        """The trial on the first series, which must not fail."""
        return _finished(self.outcomes(panel, seed_index=seed_index, run_seed=run_seed)[0])


def make_panel(seed: int = 0, days: int = 213) -> Panel:
    """Two series, 2023-12-01 to 2024-06-30 (the last `days` of it), with a past covariate."""
    draws = np.random.default_rng(seed)
    ds = np.arange("2023-12-01", "2024-07-01", dtype="datetime64[D]")[-days:]
    weekday = np.array([1.3, 1.2, 1.1, 1.0, 0.9, 0.5, 0.4])[weekday_of(ds)]
    level = 1e6 * np.exp(np.cumsum(draws.normal(0, 0.02, (2, len(ds))), axis=1))
    y = np.rint(level * weekday * np.exp(draws.normal(0, 0.1, (2, len(ds)))))
    past = draws.normal(size=(2, len(ds), 1))
    return Panel(ds, (Series("purchase"), Series("redeem")), y, past, ("rate",), Calendar("CN"))


def check_model(model_class: type[Any], settings: Mapping[str, Any] | None = None, panel: Panel | None = None) -> None:
    """Put a model's class through every check.

    Parameters
    ----------
    settings
        As in a configuration; by default the class's own defaults.
    panel
        Data to check with, for a model that needs others than `make_panel` has: the targets purchase and redeem, four
        months or more that end with a month.

    Raises
    ------
    AssertionError
        At the first check that fails.
    ConfigError
        When the class is no model at all, or cannot be made from these settings.
    """
    subject = Subject(model_class, settings or {}, make_panel() if panel is None else panel)
    with temporarily(NAME, model_class):
        for check in CHECKS:
            try:
                check(subject)
            except MemoryError as error:
                raise AssertionError(f"the model ran out of memory ({error}), on seven months of two series") from error


def follows_protocol(subject: Subject) -> None:
    """One kind of model, with facts of the right types and settings that explain themselves."""
    check_class(NAME, subject.model)
    model: Any = subject.member().build()
    kinds = [kind.__name__ for kind in (Model, StackedModel, GlobalModel) if isinstance(model, kind)]
    _must(len(kinds) == 1, f"a model is one of Model, StackedModel and GlobalModel, and this is {kinds or 'none'}")
    for name, field in subject.model.settings_type.model_fields.items():
        _must(bool(field.description), f"setting {name} has no description")


def covers_every_day_with_amounts(subject: Subject) -> None:
    """A forecast for every day of each month, finite, not negative, and of the size of the data."""
    for forecast, days in zip(subject.result().forecasts, (31, 30, 31), strict=True):
        _must(len(forecast.y_hat) == days, f"{len(forecast.y_hat)} days forecast where {days} were asked for")
        _must(bool(np.isfinite(forecast.y_hat).all()), "a forecast is not finite")
        usual = float(np.median(forecast.y_hat))
        _must(1e4 < usual < 1e8, f"the median forecast is {usual:g} where days of about 1e6 were seen")


def looks_at_nothing_after_a_cutoff(subject: Subject) -> None:
    """Other values after a cutoff change later forecasts, but not the one made at it."""
    panel = subject.panel
    later = panel.ds > subject.plan.backtest[0].cutoff
    changed = replace(panel, y=panel.y.copy(), past=panel.past.copy())
    changed.y[:, later] = changed.y[:, later][:, ::-1] * 3 + 17
    changed.past[:, later] = 99.0
    before, after = subject.result(), subject.result(changed)
    same = [_equal(a.y_hat, b.y_hat) for a, b in zip(before.forecasts, after.forecasts, strict=True)]
    _must(same[0], "a forecast changes with values after its cutoff: the model looks ahead")
    _must(not same[-1], "the final forecast stays the same whatever the last months were: it reads nothing")


def gives_the_same_again(subject: Subject) -> None:
    """A fit gives the same bits again, alone or together with another series."""
    alone = subject.result()
    _must(
        _same(subject.result(), alone), "two runs of one fit differ: draw from the task's key alone, and keep nothing"
    )
    together = _finished(subject.outcomes(unique_ids=("redeem", "purchase"))[1])
    _must(_same(together, alone), "a forecast changes with what else is computed: models keep nothing between calls")


def uses_its_seed_as_it_says(subject: Subject) -> None:
    """The seed matters exactly where `seeded` says so."""
    base, seeded = subject.result(), subject.model.seeded
    told = "another seed gives the same forecast" if seeded else "another seed gives another forecast"
    for other in (subject.result(seed_index=1), subject.result(run_seed=2)):
        _must(_same(other, base) != seeded, f"seeded is {seeded}, and {told}")


def leaves_the_process_as_it_was(subject: Subject) -> None:
    """Fits and forecasts change nothing that other code of the process goes by, and leave nothing running."""
    state, numpy_state, folder = random.getstate(), np.random.get_state(), os.getcwd()  # noqa: NPY002
    try:
        with tempfile.TemporaryDirectory() as elsewhere:
            os.chdir(elsewhere)  # and states in which no fit before this one can have left them
            random.random()
            np.random.random()  # noqa: NPY002
            before = _surroundings()
            subject.result()
            after = _surroundings()
            os.chdir(folder)
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        os.chdir(folder)
    for name, value in after.items():
        _must(value == before[name], f"a fit changes {name}: leave it as it was, other members go by it")


def _surroundings() -> dict[str, Any]:
    return {
        "the state of random": random.getstate(),
        "the state of numpy.random (draw from generator(task.key, ...))": repr(np.random.get_state()),  # noqa: NPY002
        "the working directory": os.getcwd(),
        "numpy's handling of floating-point errors": np.geterr(),
        "sys.path": list(sys.path),
        "how many threads run": threading.active_count(),
    }


def forecasts_the_same_from_a_stored_state(subject: Subject) -> None:
    """A state can be stored and read, and an update by its own history changes nothing."""
    result = subject.result()
    state = unpack_states(pack_states({"key": result.state}))["key"]
    model, history = subject.member().build(), subject.panel.history("purchase")

    def again(state: State) -> FloatArray:
        try:
            return members.predict(model, state, history, subject.plan.final.ds)
        except Exception as error:
            raise AssertionError(
                f"a fresh model cannot forecast from the stored state ({type(error).__name__}: {error}): "
                "all that a fit leaves behind belongs into its State"
            ) from error

    _must(_equal(again(state), result.forecasts[-1].y_hat), "the stored state forecasts something else")
    if isinstance(model, Updatable):
        same = _equal(again(members.update(model, state, history)), result.forecasts[-1].y_hat)
        _must(same, "an update by the history it was fitted on changes the forecast")


def fails_with_a_sentence(subject: Subject) -> None:
    """A series that cannot be learned from gives a finite forecast or a TrialError, never a library's error."""
    panel = replace(subject.panel, **_last(subject.panel, 70))
    short = np.where(np.arange(70) < 66, np.nan, panel.y)
    windows = plan_windows(panel.ds, WindowSpec("day", 1, 7))
    for what, y in (("zeros", np.zeros_like(panel.y)), ("four days", short), ("fives", np.full_like(panel.y, 5.0))):
        (outcome,) = subject.outcomes(replace(panel, y=y), windows=windows)
        if isinstance(outcome, TrialFailure):
            _must("Error:" not in outcome.reason, f"on {what} it raised {outcome.reason}: raise TrialError, saying why")
        else:
            finite = all(np.isfinite(forecast.y_hat).all() for forecast in outcome.forecasts)
            _must(finite, f"on {what} a forecast is not finite: raise TrialError instead")


def counts_periods(subject: Subject) -> None:
    """On work days and on weeks it forecasts every period asked for, from the past alone."""
    panel = subject.panel
    others: tuple[tuple[Freq, str], ...] = (("B", "work days"), ("W", "weeks"))
    for freq, what in others:
        ds = Axis(freq, panel.calendar).after(panel.ds[0], len(panel.ds))
        _is_honest(replace(subject, panel=replace(panel, ds=ds, freq=freq)), what)


def bears_any_amounts(subject: Subject) -> None:
    """Closed weekends are forecast as exactly 0; unknown and negative amounts are no obstacle."""
    panel = subject.panel
    weekend = weekday_of(panel.ds) >= 5
    unknown = np.random.default_rng(0).random(panel.y.shape) < 0.05
    _is_honest(replace(subject, panel=replace(panel, y=np.where(weekend, 0.0, panel.y))), "closed weekends", weekend)
    _is_honest(replace(subject, panel=replace(panel, y=np.where(unknown, np.nan, panel.y))), "unknown amounts")
    _is_honest(replace(subject, panel=replace(panel, y=panel.y - 0.8 * np.median(panel.y))), "negative amounts")


def _is_honest(subject: Subject, what: str, closed: BoolArray | None = None) -> None:
    """Forecasts of every period, finite, from the past alone; 0 on closed days of the panel ``[n]``."""
    panel = subject.panel
    plan = plan_windows(panel.ds, WindowSpec("day", 2, 7), panel.axis)
    later = panel.ds > plan.backtest[0].cutoff
    changed = replace(panel, y=np.where(later, 1.5 * panel.y[:, ::-1], panel.y))
    before, after = (_finished(subject.outcomes(p, windows=plan)[0], what).forecasts for p in (panel, changed))
    for forecast in before:
        _must(forecast.y_hat.shape == (7,), f"on {what}, {len(forecast.y_hat)} periods are forecast, and not 7")
    _must(_equal(before[0].y_hat, after[0].y_hat), f"on {what}, a forecast changes with values after its cutoff")
    if closed is not None:
        shut = closed[np.isin(panel.ds, plan.backtest[-1].ds)]
        _must(not before[-2].y_hat[shut].any(), f"on {what}, a closed day is not forecast as 0")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    follows_protocol,
    covers_every_day_with_amounts,
    gives_the_same_again,
    looks_at_nothing_after_a_cutoff,
    uses_its_seed_as_it_says,
    leaves_the_process_as_it_was,
    forecasts_the_same_from_a_stored_state,
    fails_with_a_sentence,
    counts_periods,
    bears_any_amounts,
)
"""All of them, cheapest first."""


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def _finished(outcome: TrialOutcome, what: str = "seven months of ordinary days") -> TrialResult:
    if isinstance(outcome, TrialFailure):
        raise AssertionError(f"the model failed on {what}: {outcome.reason}")
    return outcome


def _equal(a: FloatArray, b: FloatArray) -> bool:
    return a.tobytes() == b.tobytes()


def _same(a: TrialResult, b: TrialResult) -> bool:
    return all(_equal(x.y_hat, y.y_hat) for x, y in zip(a.forecasts, b.forecasts, strict=True))


def _last(panel: Panel, days: int) -> dict[str, Any]:
    return {"ds": panel.ds[-days:], "y": panel.y[:, -days:], "past": panel.past[:, -days:]}
