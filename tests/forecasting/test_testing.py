"""The contract's checks as a user meets them: a class written outside passes with one import; each fault is said."""

from typing import ClassVar

import numpy as np
import pytest
from pydantic import Field

from forecasting.errors import ConfigError, TrialError
from forecasting.models import model_type, plugins, register
from forecasting.models.base import Settings, State
from forecasting.testing import check_model


class WeeksSettings(Settings):
    weeks: int = Field(3, ge=1, description="weeks averaged")


class LastWeeks:
    """The mean of the same weekday in the last weeks, as a user might write it."""

    family = "mine"
    version = 1
    libraries = ()
    seeded = False
    seconds_per_fit = 0.001
    settings_type = WeeksSettings

    def __init__(self, settings):
        self.settings = settings

    def fit(self, task):
        if len(task.history.y) < 7:
            raise TrialError("a week of history is needed")
        return State()

    def predict(self, state, history, ds):
        weeks = history.y[-7 * min(self.settings.weeks, len(history.y) // 7) :].reshape(-1, 7)
        return weeks.mean(axis=0)[((ds - history.cutoff).astype(int) - 1) % 7]


class Peeks(LastWeeks):
    def predict(self, state, history, ds):
        return np.full(len(ds), np.nanmean(history.y.base))  # the array that the history is a view of


class Remembers(LastWeeks):
    seen: ClassVar = []

    def predict(self, state, history, ds):
        self.seen.append(history.y[-1])
        return np.full(len(ds), np.mean(self.seen))


class Random(LastWeeks):
    def predict(self, state, history, ds):
        return super().predict(state, history, ds) * np.random.default_rng().uniform(0.9, 1.1)


class ClaimsSeeds(LastWeeks):
    seeded = True


class Forgets(LastWeeks):
    def fit(self, task):
        self.level = float(np.median(task.history.y))
        return State()

    def predict(self, state, history, ds):
        return np.full(len(ds), self.level)


class Breaks(LastWeeks):
    def predict(self, state, history, ds):
        return super().predict(state, history, ds) if np.ptp(history.y) else [1 / 0] * len(ds)


class Overflows(LastWeeks):
    def predict(self, state, history, ds):
        return np.full(len(ds), np.inf)


class Deaf(LastWeeks):
    def predict(self, state, history, ds):
        return np.full(len(ds), 1e6)


class Unexplained(LastWeeks):
    class Bare(Settings):
        weeks: int = 3

    settings_type = Bare


class Drifts(LastWeeks):
    def fit(self, task):
        return State({"level": np.array([1.0])})

    def predict(self, state, history, ds):
        return super().predict(state, history, ds) * state.arrays["level"][0]

    def update(self, state, history):
        return State({"level": state.arrays["level"] * 1.1})


def test_a_users_model_passes_with_one_import():
    check_model(LastWeeks, {"weeks": 4})


@pytest.mark.parametrize(
    ("cls", "sentence"),
    [
        (Peeks, "changes with values after its cutoff"),
        (Random, "two runs of one fit differ"),
        (Remembers, "and keep nothing"),
        (ClaimsSeeds, "seeded is True, and another seed gives the same forecast"),
        (Forgets, "all that a fit leaves behind belongs into its State"),
        (Breaks, "on fives it raised ZeroDivisionError"),
        (Overflows, "the model failed on seven months of ordinary days"),
        (Deaf, "it reads nothing"),
        (Unexplained, "setting weeks has no description"),
        (Drifts, "an update by the history it was fitted on"),
    ],
)
def test_each_fault_is_said(cls, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_model(cls)


@pytest.mark.parametrize("name", ["weekday-mean", "calendar-level", "periodic-factor"])
def test_built_in_models_pass_too(name):
    check_model(model_type(name))


def test_what_is_no_model_is_refused_with_what_it_lacks():
    class Half:
        family = "mine"

    with pytest.raises(ConfigError, match="lacks version"):
        register("half", Half)
    with pytest.raises(ConfigError, match="is no class"):
        register("made", LastWeeks(WeeksSettings()))
    with pytest.raises(ConfigError, match="arima' is built in"):
        register("arima", LastWeeks)
    with pytest.raises(ConfigError, match="must have one of fit, fit_many, fit_all"):
        check_model(type("Unfit", (), {k: getattr(LastWeeks, k) for k in (*plugins.FACTS,)}))


def test_a_registered_class_is_found_by_name_and_a_later_one_replaces_it(monkeypatch):
    monkeypatch.setattr(plugins, "_registered", {})
    register("last-weeks", LastWeeks)
    assert model_type("last-weeks") is LastWeeks
    register("last-weeks", Deaf)
    assert model_type("last-weeks") is Deaf
    with pytest.raises(ConfigError, match="did you mean last-weeks"):
        model_type("last-week")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package whose entry points name a model, and one that cannot be imported."""
    info = tmp_path / "weeks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: weeks\nVersion: 1.0\n")
    lines = "[tidecast.models]\npackaged-weeks = weeks_package:Packaged\ngone = weeks_package:Gone\n"
    (info / "entry_points.txt").write_text(lines)
    (tmp_path / "weeks_package.py").write_text(
        "from tests.forecasting.test_testing import LastWeeks\nclass Packaged(LastWeeks):\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins._entries.cache_clear()
    yield
    plugins._entries.cache_clear()


def test_an_entry_point_makes_a_model_known(package):
    assert model_type("packaged-weeks").__name__ == "Packaged"
    with pytest.raises(ConfigError, match="gone': its entry point weeks_package:Gone cannot be loaded"):
        model_type("gone")
    with pytest.raises(ConfigError, match="did you mean packaged-weeks"):
        model_type("package-weeks")
