import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from cluster.rundir.batch_file import (
    KEY,
    batch_files,
    prune_states,
    read_forecasts,
    read_header,
    read_states,
    state_files,
    write_batch,
)
from cluster.rundir.storage import Storage
from forecasting.errors import StorageError
from forecasting.models.base import State
from forecasting.schema import as_date
from forecasting.trial import Forecast, Member, Trial, TrialFailure, TrialResult
from tests.cluster.batches import WORK, work_of

MEMBER = Member("seasonal-naive", {"season_length": 7}, 0, "seasonal-naive", "naive")
FILE = "batches/b1.parquet"


def result(key, value=1.0, failed_series=None):
    forecasts = tuple(
        Forecast("purchase", as_date(c), np.full(n, value)) for c, n in (("2024-01-31", 29), ("2024-02-29", 31))
    )
    state = State({"w": np.arange(3, dtype=np.float32)}, {"order": [1, 0, 1]})
    return TrialResult(Trial(MEMBER, "purchase", key), forecasts, state, 0.5, failed_series or {})


@pytest.fixture
def storage(tmp_path):
    return Storage(str(tmp_path / "run"))


def test_a_batch_comes_back_as_it_was_written(storage):
    failed = TrialFailure(Trial(MEMBER, "redeem", "k2"), "too short")
    write_batch(storage, work_of(wait_seconds=1.5), [result("k1", 7.5, {"a/purchase": "is too young"}), failed])
    assert batch_files(storage) == state_files(storage) == [FILE]
    header = read_header(storage, FILE)
    assert header.wait_seconds == 1.5
    assert header.code.version == 1
    (done,), (failure,) = header.trials, header.failures
    assert (done.trial_key, done.member_id, done.seconds, done.reason) == ("k1", MEMBER.member_id, 0.5, None)
    assert done.failed_series == {"a/purchase": "is too young"}
    assert (failure.trial_key, failure.member, failure.reason) == ("k2", "seasonal-naive", "too short")
    found = [(key, uid, str(cutoff), len(y_hat)) for key, uid, cutoff, y_hat in read_forecasts(storage, FILE, {"k1"})]
    assert found == [("k1", "purchase", "2024-01-31", 29), ("k1", "purchase", "2024-02-29", 31)]
    assert not list(read_forecasts(storage, FILE, {"k2"}))
    state = read_states(storage, FILE)["k1"]
    assert state.meta == {"order": [1, 0, 1]}
    np.testing.assert_array_equal(state.arrays["w"], [0, 1, 2])


def stored(storage):
    return json.loads(pq.read_schema(storage.local / FILE).metadata[KEY])


def test_the_layout_stays(storage):
    failed = TrialFailure(Trial(MEMBER, "redeem", "k2"), "too short")
    write_batch(storage, work_of(), [result("k1"), failed])
    assert pq.read_schema(storage.local / FILE).names == ["trial_key", "unique_id", "cutoff", "y_hat"]
    facts = stored(storage)
    assert facts.pop("code") == {"version": 1, "libraries": {}}
    assert facts.pop("trials") == [
        {"trial_key": "k1", "unique_id": "purchase", "member_id": MEMBER.member_id, "seconds": 0.5}
    ]
    assert facts.pop("failures") == [
        {"trial_key": "k2", "unique_id": "redeem", "member": "seasonal-naive", "reason": "too short"}
    ]
    assert facts == WORK | {"schema_version": 1, "wait_seconds": 0.0, "epochs": None, "loss": None}


def rewrite(storage, change):
    """The batch file with another header."""
    facts = stored(storage)
    change(facts)
    table = pq.read_table(storage.local / FILE).replace_schema_metadata({KEY: json.dumps(facts)})
    pq.write_table(table, storage.local / FILE)


def test_files_of_older_programs_are_read(storage):
    write_batch(storage, work_of(), [result("k1")])

    def older(facts):
        for name in ("code", "wait_seconds", "epochs", "loss"):
            del facts[name]
        del facts["trials"][0]["member_id"]

    rewrite(storage, older)
    header = read_header(storage, FILE)
    assert (header.code.version, header.code.libraries, header.loss) == (None, {}, None)
    assert header.trials[0].member_id is None


def test_files_of_other_layouts_are_refused(storage):
    write_batch(storage, work_of(), [result("k1")])
    rewrite(storage, lambda facts: facts.update(schema_version=2, trials="elsewhere"))
    with pytest.raises(StorageError, match=r"b1.parquet was written by another version of this program"):
        read_header(storage, FILE)


def test_a_damaged_file_is_named_with_the_remedy(storage):
    write_batch(storage, work_of(), [result("k1")])
    rewrite(storage, lambda facts: facts.update(trials="gone"))
    with pytest.raises(StorageError, match=r"b1.parquet is damaged: delete it"):
        read_header(storage, FILE)
    storage.write(FILE, b"garbage")
    with pytest.raises(StorageError, match=r"b1.parquet is damaged: delete it"):
        read_header(storage, FILE)


def test_states_are_pruned(storage):
    write_batch(storage, work_of("b1"), [result("k1"), result("k2")])
    write_batch(storage, work_of("b2"), [result("k3")])
    prune_states(storage, {"k2"})
    assert list(read_states(storage, FILE)) == ["k2"]
    assert state_files(storage) == [FILE]


def test_a_batch_of_failures_has_no_states(storage):
    write_batch(storage, work_of(), [TrialFailure(Trial(MEMBER, "redeem", "k2"), "too short")])
    assert (batch_files(storage), state_files(storage)) == ([FILE], [])
