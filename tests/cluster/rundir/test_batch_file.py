import json
from contextlib import suppress

import numpy as np
import pyarrow.parquet as pq
import pytest

from cluster.rundir.batch_file import (
    KEY,
    batch_files,
    check_batch,
    prune_states,
    read_forecasts,
    read_header,
    read_states,
    state_files,
    write_batch,
)
from cluster.rundir.storage import Storage
from forecasting.errors import DamagedFile
from forecasting.models.base import State
from forecasting.schema import as_date
from forecasting.trial import Forecast, Member, Trial, TrialFailure, TrialResult
from tests.cluster.batches import WORK, work_of

MEMBER = Member("seasonal-naive", {"season_length": 7}, 0, "seasonal-naive", "naive")


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
    (file,), states = batch_files(storage), state_files(storage)
    assert file.startswith("batches/b1.")
    assert list(states) == [file]
    header = read_header(storage, file)
    assert header.wait_seconds == 1.5
    assert header.code.version == 1
    (done,), (failure,) = header.trials, header.failures
    assert (done.trial_key, done.member_id, done.seconds, done.reason) == ("k1", MEMBER.member_id, 0.5, None)
    assert done.failed_series == {"a/purchase": "is too young"}
    assert (failure.trial_key, failure.member, failure.reason) == ("k2", "seasonal-naive", "too short")
    found = [(key, uid, str(cutoff), len(y_hat)) for key, uid, cutoff, y_hat in read_forecasts(storage, file, {"k1"})]
    assert found == [("k1", "purchase", "2024-01-31", 29), ("k1", "purchase", "2024-02-29", 31)]
    assert not list(read_forecasts(storage, file, {"k2"}))
    state = read_states(storage, states[file])["k1"]
    assert state.meta == {"order": [1, 0, 1]}
    np.testing.assert_array_equal(state.arrays["w"], [0, 1, 2])


def test_the_layout_stays(storage):
    failed = TrialFailure(Trial(MEMBER, "redeem", "k2"), "too short")
    write_batch(storage, work_of(), [result("k1"), failed])
    schema = pq.read_schema(storage.local / batch_files(storage)[0])
    assert schema.names == ["trial_key", "unique_id", "cutoff", "y_hat"]
    facts = json.loads(schema.metadata[KEY])
    assert len(facts.pop("digest")) == 32
    assert facts.pop("code") == {"version": 1, "libraries": {}}
    assert facts.pop("trials") == [
        {"trial_key": "k1", "unique_id": "purchase", "member_id": MEMBER.member_id, "seconds": 0.5}
    ]
    assert facts.pop("failures") == [
        {"trial_key": "k2", "unique_id": "redeem", "member": "seasonal-naive", "reason": "too short"}
    ]
    assert facts == WORK | {"schema_version": 2, "wait_seconds": 0.0, "epochs": None, "loss": None}


def flipped(data, place):
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]


def test_changed_bytes_are_seen_and_named_with_the_remedy(storage):
    write_batch(storage, work_of(), [result("k1")])
    (file,), ((states,),) = batch_files(storage), state_files(storage).values()
    check_batch(storage, file, [states])
    for name in (file, states):
        whole = storage.read(name)
        changed = [flipped(whole, place) for place in (*range(0, len(whole), 17), len(whole) - 1)]
        for data in (b"", b"garbage", whole[:-1], whole + b"0", bytes(len(whole)), *changed):
            storage.write(name, data)
            with pytest.raises(DamagedFile, match=r"b1\.\w+\.\w+ is damaged \(its .+\): run the same command again"):
                check_batch(storage, file, [states])
        storage.write(name, whole)


def test_a_damaged_header_is_not_believed_when_it_is_read_alone(storage):
    write_batch(storage, work_of(), [result("k1")])
    (file,) = batch_files(storage)
    header, whole = read_header(storage, file), storage.read(file)
    for place in range(0, len(whole), 7):
        storage.write(file, flipped(whole, place))
        with suppress(DamagedFile):
            assert read_header(storage, file) == header


def test_a_batch_under_the_name_of_another_is_damaged(storage):
    write_batch(storage, work_of("b1"), [result("k1")])
    write_batch(storage, work_of("b2"), [result("k2")])
    first, second = batch_files(storage)
    storage.write(first, storage.read(second))
    storage.write(second.replace("/b2.", "/b3."), storage.read(second))
    for name in (first, second.replace("/b2.", "/b3.")):
        with pytest.raises(DamagedFile):
            check_batch(storage, name, [])


def test_a_batch_that_two_workers_finished_counts_once(storage):
    for seconds in (1.0, 2.0):
        write_batch(storage, work_of(train_seconds=seconds), [result("k1")])
    (file,), states = batch_files(storage), state_files(storage)
    assert len(storage.names("batches", ".parquet")) == 2
    assert list(states) == [file]


def test_states_are_pruned(storage):
    write_batch(storage, work_of("b1"), [result("k1"), result("k2")])
    write_batch(storage, work_of("b2"), [result("k3")])
    prune_states(storage, {"k2"})
    assert [list(read_states(storage, files)) for files in state_files(storage).values()] == [["k2"]]
    assert list(state_files(storage)) == batch_files(storage)[:1]


def test_a_batch_of_failures_has_no_states(storage):
    write_batch(storage, work_of(), [TrialFailure(Trial(MEMBER, "redeem", "k2"), "too short")])
    assert len(batch_files(storage)) == 1
    assert not state_files(storage)
