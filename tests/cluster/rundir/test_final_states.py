from dataclasses import replace

import numpy as np
import pytest

from cluster.rundir.batch_file import write_batch
from cluster.rundir.final_states import find_fits
from cluster.rundir.store import RunStore
from ensembles.files.forecast_parquet import ForecastFile, TargetForecast
from forecasting.errors import StorageError
from forecasting.models.base import State
from forecasting.trial import Member, Trial, TrialFailure
from tests.cluster.batches import work_of
from tests.cluster.rundir.test_batch_file import MEMBER, result

WANTED = {(MEMBER.member_id, "purchase"): MEMBER}
END = np.datetime64("2024-02-29")


@pytest.fixture
def store(tmp_path):
    return RunStore(str(tmp_path))


def test_the_state_of_each_member_and_series_is_found(store):
    write_batch(store.storage, work_of(), [result("k1"), TrialFailure(Trial(MEMBER, "redeem", "k2"), "too short")])
    (fit,) = find_fits(store, WANTED, END)
    assert (fit.member, fit.unique_id, fit.state.meta) == (MEMBER, "purchase", {"order": [1, 0, 1]})


def test_of_several_trials_the_one_behind_the_forecast_is_used(store):
    write_batch(store.storage, work_of("b1"), [result("k1", 1.0)])
    write_batch(store.storage, work_of("b2"), [result("k2", 2.0)])
    part = TargetForecast(("purchase",), (MEMBER.name,), np.full((1, 31, 1), 2.0), np.full((1, 31), 2.0))
    store.write(ForecastFile.of_prediction([part], END + 1 + np.arange(31)))
    store.prune_states({"k2"})
    assert len(list(find_fits(store, WANTED, END))) == 1
    store.prune_states({"k1"})
    with pytest.raises(StorageError, match="no longer holds the fitted state of seasonal-naive on purchase"):
        list(find_fits(store, WANTED, END))


def test_a_state_of_other_code_is_refused(store, monkeypatch):
    write_batch(store.storage, work_of(), [result("k1")])
    monkeypatch.setattr("forecasting.models.naive.SeasonalNaive.version", 2)
    with pytest.raises(StorageError, match="fitted by version 1 of its model and this is version 2"):
        list(find_fits(store, WANTED, END))


def test_a_trial_that_is_not_there_is_a_sentence(store):
    with pytest.raises(StorageError, match="no longer holds the fit of seasonal-naive on purchase"):
        list(find_fits(store, WANTED, END))


def test_a_damaged_state_is_named_with_its_file(store):
    member = Member("periodic-factor", {}, 0, "periodic-factor", "naive")
    state = State({"weekday": np.zeros(7), "month_day": np.zeros(30)})
    write_batch(
        store.storage, work_of("b1"), [replace(result("k1"), trial=Trial(member, "purchase", "k1"), state=state)]
    )
    told = (
        r"/batches/b1\.\w+\.parquet is damaged \(periodic-factor: month_day is float64 \[30\], "
        r"not float64 \[31\]\): delete the files of this batch and run again"
    )
    with pytest.raises(StorageError, match=told):
        list(find_fits(store, {(member.member_id, "purchase"): member}, END))
