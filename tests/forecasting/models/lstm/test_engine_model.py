"""From tasks to the engine and back: who shares samples, who fails alone."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting.errors import TrialError
from forecasting.models.base import FitTask, State
from forecasting.models.lstm.direct import LstmDirect, LstmDirectSettings
from forecasting.models.lstm.engine.samples import FitResult
from forecasting.models.lstm.engine_model import check_trained
from tests.forecasting.histories import noisy_week

HISTORY = noisy_week(120)


class Counting(LstmDirect):
    prepared = 0

    def data(self, history, horizon):
        self.prepared += 1
        return super().data(history, horizon)


def model():
    return Counting(LstmDirectSettings(input_size=7, hidden_size=4, epochs=1, backend="torch"))


def test_seeds_share_their_samples_and_a_failure_stays_alone():
    pytest.importorskip("torch")
    short = replace(HISTORY.until(HISTORY.ds[9]))
    several = model()
    tasks = [FitTask(history, 7, key) for history, key in ((HISTORY, 1), (short, 1), (HISTORY, 2), (short, 2))]
    first, bad, second, worse = several.fit_many(tasks, "cpu")
    assert several.prepared == 2
    assert [type(found) for found in (first, bad, second, worse)] == [State, TrialError, State, TrialError]
    assert (first.arrays["parameters"] != second.arrays["parameters"]).any()
    (alone,) = model().fit_many([tasks[2]], "cpu")
    assert np.array_equal(alone.arrays["parameters"], second.arrays["parameters"])


def test_nothing_usable_trains_nothing():
    short = HISTORY.until(HISTORY.ds[9])
    (error,) = model().fit_many([FitTask(short, 7, 1)], "cpu")
    assert isinstance(error, TrialError)
    assert model().fit_many([], "cpu") == []


@pytest.mark.parametrize(("parameters", "epoch"), [([np.nan], 1), ([0.0], 0)])
def test_divergence_is_a_failure(parameters, epoch):
    nothing = np.zeros(0, np.float32)
    with pytest.raises(TrialError, match="diverged"):
        check_trained(FitResult(np.array(parameters, np.float32), nothing, nothing, epoch))
