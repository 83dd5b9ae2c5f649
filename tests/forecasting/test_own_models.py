"""What a user's own model may do wrong: it is told, it is that model's failure alone, and nothing else is disturbed."""

import random
import signal
import sys
import threading
import warnings
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ConfigDict, Field

from forecasting.backtest import LONGEST_REASON, run_trials
from forecasting.errors import ConfigError
from forecasting.models import plugins
from forecasting.models.base import Settings, State
from forecasting.models.heard import caught_warnings
from forecasting.models.states import pack_states, unpack_states
from forecasting.testing import check_model, make_panel
from forecasting.trial import Member, Trial, TrialFailure, TrialResult
from forecasting.windows import WindowSpec, plan_windows
from tests.own_models import Median


def like(**facts):
    return type("Mine", (Median,), facts)


def predicting(change):
    return like(predict=lambda self, state, history, ds: change(Median.predict(self, state, history, ds)))


def fitting(change):
    return like(fit=lambda self, task: change(task))


def outcome(cls, panel=None):
    """The trial on the first series of a small panel."""
    panel = make_panel(days=100) if panel is None else panel
    windows = plan_windows(panel.ds, WindowSpec("day", 2, 7))
    with plugins.temporarily("mine", cls):
        trial = Trial(Member("mine", {}, 0, "mine", "mine"), "purchase", "key")
        return run_trials([trial], panel, windows, run_seed=1)[0]


def raising(error):
    def fit(_task):
        raise error

    return fitting(fit)


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda y: y * np.nan, "not finite"),
        (lambda y: y * 0 + 1e308, "not below 1e+150"),
        (lambda y: y[1:], r"has shape (6,), where (7,) is asked for"),
        (lambda y: y[:, None], "has shape (7, 1)"),
        (lambda _: None, "has shape ()"),
        (lambda y: y > 0, "values of type bool"),
        (lambda y: y + 1j, "values of type complex128"),
        (lambda y: [str(value) for value in y], "values of type <U"),
        (lambda y: np.full(len(y), "2024-01-01", "datetime64[D]"), "values of type datetime64[D]"),
        (lambda y: np.ma.masked_greater(y, 0), "masked values"),
    ],
)
def test_what_is_no_forecast_is_the_models_failure(change, sentence):
    failed = outcome(predicting(change))
    assert isinstance(failed, TrialFailure)
    assert sentence in failed.reason


@pytest.mark.parametrize("kind", [np.float32, np.int64, object])
def test_numbers_of_any_kind_are_a_forecast(kind):
    assert isinstance(outcome(predicting(lambda y: y.astype(kind))), TrialResult)
    assert isinstance(outcome(predicting(list)), TrialResult)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit(0), "SystemExit: 0"),
        (GeneratorExit(), "GeneratorExit"),
        (StopIteration(), "StopIteration"),
        (Unspeakable(), "Unspeakable"),
        (ValueError("a\x1b[31m\nb \ud800"), r"ValueError: a\x1b[31m b \ud800"),
        (ValueError("x" * 10**6), "ValueError: " + "x" * LONGEST_REASON),
    ],
)
def test_whatever_a_fit_raises_is_its_reason_in_text_that_can_be_stored(error, reason):
    failed = outcome(raising(error))
    assert isinstance(failed, TrialFailure)
    assert failed.reason.startswith(reason)
    assert len(failed.reason) < LONGEST_REASON + 100
    failed.reason.encode()


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interruption_and_a_lack_of_memory_are_not_the_models(error):
    with pytest.raises(error):
        outcome(raising(error()))


def test_an_exit_that_a_signal_asked_for_ends_the_process():
    def ask(_number, _frame):
        sys.exit("asked to end")

    def fit(_task):
        signal.raise_signal(signal.SIGUSR1)
        return State()

    before = signal.signal(signal.SIGUSR1, ask)
    try:
        with pytest.raises(SystemExit, match="asked to end"):
            outcome(fitting(fit))
    finally:
        signal.signal(signal.SIGUSR1, before)


def spoils_history(task):
    task.history.y[:] = 1.0
    return State({"level": np.ones(1)})


def spoils_days(_self, state, _history, ds):
    ds[:] = ds[0]
    return np.full(len(ds), state.arrays["level"][0])


def spoils_state(_self, state, _history, ds):
    state.arrays["level"] *= 2
    return np.full(len(ds), state.arrays["level"][0])


@pytest.mark.parametrize(
    "cls", [fitting(spoils_history), like(predict=spoils_days), like(predict=spoils_state)], ids=["y", "ds", "state"]
)
def test_no_model_writes_to_what_others_read(cls):
    panel = make_panel(days=100)
    kept = panel.y.copy()
    failed = outcome(cls, panel)
    assert isinstance(failed, TrialFailure)
    assert "read-only" in failed.reason
    assert np.array_equal(panel.y, kept)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (None, "gives a NoneType"),
        ({"level": 1}, "gives a dict"),
        (State({"level": np.ones(1), "text": np.array(["a"])}), "text of its state is an array of <U1"),
        (State({"level": np.ones(1), "other": np.ones(1, complex)}), "an array of complex128"),
        (State({"level": np.ones(1), "other": [1]}), "other of its state is a list"),
        (State({"level": np.ones(1)}, {"n": np.int64(1)}), "cannot be stored as JSON"),
        (State({"level": np.ones(1)}, {"days": {1, 2}}), "cannot be stored as JSON"),
        (State({"level": np.ones(1)}, {"warnings": 3}), "the fact warnings"),
        (State({"level": np.ones(1)}, {"train_loss": ["low"]}), "the fact train_loss"),
        (State({"level": np.ones(1)}, {"scales": {}}), "called scales, which the program itself uses"),
        (State({"level": np.ones(1)}, {"empty": True}), "called empty"),
    ],
)
def test_a_state_that_no_file_can_hold_is_the_models_failure(state, sentence):
    failed = outcome(fitting(lambda _task: state))
    assert isinstance(failed, TrialFailure)
    assert sentence in failed.reason


def test_arrays_of_any_order_come_back_from_a_file():
    arrays = {
        "level": np.arange(9.0)[::-2],
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "none": np.zeros((0, 3)),
        "half": np.ones(2, np.float16),
        "big": np.arange(3, dtype=">f8"),
    }
    found = outcome(fitting(lambda _task: State(arrays)))
    assert isinstance(found, TrialResult)
    back = unpack_states(pack_states({"key": found.state}))["key"].arrays
    assert {name: array.tolist() for name, array in back.items()} == {n: a.tolist() for n, a in arrays.items()}


def test_what_a_fit_does_to_floating_point_errors_ends_with_it():
    def fit(task):
        np.seterr(all="raise")
        return Median.fit(None, task)

    before = np.geterr()
    assert isinstance(outcome(fitting(fit)), TrialResult)
    assert np.geterr() == before


class Unordered(Settings):
    names: frozenset[str] = Field(frozenset("ab"), description="names")


class NoJson(Settings):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    weights: np.ndarray = Field(default_factory=lambda: np.zeros(2), description="weights")


class Needed(Settings):
    weeks: int = Field(description="weeks")


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"version": "1"}, "version must be of type int"),
        ({"version": True}, "version must be of type int"),
        ({"family": None}, "family must be of type str"),
        ({"family": "blend"}, "family must be a name other than blend"),
        ({"family": "a\nb"}, "family must be a name"),
        ({"libraries": "numpy"}, "libraries must be of type tuple"),
        ({"libraries": (3,)}, "libraries must be names"),
        ({"seeded": None}, "seeded must be of type bool"),
        ({"on_log": "no"}, "on_log must be of type bool"),
        ({"seconds_per_fit": 0}, "seconds_per_fit must be a number above 0"),
        ({"seconds_per_fit": float("nan")}, "seconds_per_fit must be a number above 0"),
        ({"seconds_per_fit": property(lambda _: 1 / 0)}, "no model can be made of these settings (ZeroDivisionError"),
        ({"settings_type": dict}, "settings_type must be a class made from"),
        ({"settings_type": Settings()}, "settings_type must be a class made from"),
        ({"settings_type": Unordered}, "setting names is a set"),
        ({"settings_type": NoJson}, "nothing that JSON can hold"),
        ({"settings_type": Needed}, "settings: 1 validation error"),
        ({"predict": None}, "predict must be a method"),
        ({"__init__": lambda _: None}, "no model can be made of these settings (TypeError"),
        ({"n_peers": "few"}, "n_peers must be a whole number"),
    ],
)
def test_what_a_class_says_of_itself_wrongly_is_told(facts, sentence):
    with pytest.raises(ConfigError) as told:
        check_model(like(**facts))
    assert sentence in str(told.value)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 200, 3, None])
def test_a_models_name_is_text_that_can_be_seen(name):
    with pytest.raises(ConfigError, match="a name is text of 1 to 80 characters"):
        plugins.add(name, Median)


def seeds_all(task):
    random.seed(3)
    return Median.fit(None, task)


def seeds_numpy(task):
    np.random.seed(3)  # noqa: NPY002
    return Median.fit(None, task)


def goes_elsewhere(task):
    import os

    os.chdir("/")
    return Median.fit(None, task)


def leaves_a_thread(task):
    threading.Thread(target=threading.Event().wait, args=(0.5,), daemon=True).start()
    return Median.fit(None, task)


@pytest.mark.parametrize(
    ("fit", "sentence"),
    [
        (seeds_all, "the state of random"),
        (seeds_numpy, "the state of numpy.random"),
        (goes_elsewhere, "the working directory"),
        (leaves_a_thread, "how many threads run"),
    ],
)
def test_a_model_that_disturbs_its_process_is_told(fit, sentence):
    with pytest.raises(AssertionError, match=f"a fit changes {sentence}"):
        check_model(fitting(fit))


def test_a_lack_of_memory_is_told_by_the_check():
    with pytest.raises(AssertionError, match="ran out of memory"):
        check_model(raising(MemoryError("no room")))


def test_threads_that_catch_warnings_in_turn_leave_them_as_they_were():
    def work():
        for _ in range(200):
            with caught_warnings("always") as heard:
                warnings.warn("one", stacklevel=1)
            assert len(heard) == 1
            done.append(1)

    done: list[int] = []
    before = list(warnings.filters), warnings.showwarning
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 800
    assert (list(warnings.filters), warnings.showwarning) == before


def test_a_history_cannot_be_written_to_and_its_panel_can():
    panel = make_panel(days=50)
    history = panel.history("purchase")
    for array in (history.y, history.ds, history.past):
        assert not array.flags.writeable
    replace(panel, y=panel.y.copy()).y[0, 0] = 1.0
