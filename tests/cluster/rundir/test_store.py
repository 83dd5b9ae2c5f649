from pathlib import Path

import pytest

from cluster.rundir.batch_file import write_batch
from cluster.rundir.storage import UNFINISHED
from cluster.rundir.store import RunStore
from forecasting.errors import DamagedFile, StorageError
from forecasting.schema import as_date
from forecasting.trial import Trial, TrialFailure
from tests.cluster.batches import work_of
from tests.cluster.rundir.test_batch_file import MEMBER, result


@pytest.fixture
def store(tmp_path):
    return RunStore(str(tmp_path / "run"))


def test_finished_trials_are_found_with_their_batch(store):
    failed = TrialFailure(Trial(MEMBER, "redeem", "k2"), "too short")
    write_batch(store.storage, work_of("b1", device="cuda:0"), [result("k1", 7.5), failed])
    trials = store.trials()
    assert {key: trial.row.reason for key, trial in trials.items()} == {"k1": None, "k2": "too short"}
    assert {trial.file[:11] for trial in trials.values()} == {"batches/b1."}
    assert trials["k1"].batch.device == "cuda:0"
    forecasts = store.forecasts(trials.values())
    assert list(forecasts) == [("k1", "purchase")]
    assert {str(c): len(v) for c, v in forecasts["k1", "purchase"].items()} == {"2024-01-31": 29, "2024-02-29": 31}


def test_the_first_name_counts_where_two_files_hold_one_key(store):
    write_batch(store.storage, work_of("b2"), [result("k1", 2.0)])
    write_batch(store.storage, work_of("b1"), [result("k1", 1.0)])
    trial = store.trials()["k1"]
    assert trial.file.startswith("batches/b1.")
    assert store.forecasts([trial])["k1", "purchase"][as_date("2024-01-31")][0] == 1.0


def test_states_are_found_by_the_file_of_their_trial(store):
    write_batch(store.storage, work_of("b1"), [result("k1"), result("k2")])
    write_batch(store.storage, work_of("b2"), [result("k3")])
    store.prune_states(["k2"])
    kept = store.kept_states()
    assert list(kept) == [store.trials()["k2"].file]
    assert list(store.states(kept[store.trials()["k2"].file])) == ["k2"]


def test_damaged_batches_are_dropped_with_their_states(store):
    for name in ("b1", "b2", "b3"):
        write_batch(store.storage, work_of(name), [result(f"k{name}")])
    trials, states = store.trials(), store.kept_states()
    store.storage.write(trials["kb1"].file, b"garbage")
    store.storage.write(states[trials["kb2"].file][0], b"garbage")
    dropped = store.drop_damaged()
    assert [error.where.rpartition("/")[2][:3] for error in dropped] == ["b1.", "b2."]
    assert list(store.trials()) == ["kb3"]
    assert list(store.kept_states()) == [trials["kb3"].file]
    assert not store.drop_damaged()


def test_a_damaged_batch_goes_whole_where_two_workers_finished_it(store):
    for seconds in (1.0, 2.0):
        write_batch(store.storage, work_of("b1", train_seconds=seconds), [result("k1")])
    first, _ = store.storage.names("batches", ".parquet")
    store.storage.write(first, b"garbage")
    assert len(store.drop_damaged()) == 1
    assert store.storage.names("batches", "") == []


def test_a_displaced_driver_leaves_what_its_heir_stored_again(store):
    for name in ("b1", "b2"):
        write_batch(store.storage, work_of(name), [result(f"k{name}")])
    store.storage.write(store.trials()["kb1"].file, b"garbage")
    states = store.storage.names("batches", ".safetensors")
    looks = iter([True, False])

    def check():
        if not next(looks):
            raise StorageError("another run took it over")

    with pytest.raises(StorageError, match="took it over"), store.held_by(check):
        store.drop_damaged()
    assert store.storage.names("batches", ".safetensors") == states


def test_a_displaced_driver_changes_nothing(store):
    write_batch(store.storage, work_of("b1"), [result("k1")])
    store.write_result("forecast.csv", b"a")
    store.seal()
    before = {path: path.read_bytes() for path in Path(store.uri).rglob("*") if path.is_file()}

    def check():
        raise StorageError("another run took it over")

    for change in (
        lambda: store.write_result("forecast.csv", b"b"),
        lambda: store.write_result("forecast.csv", None),
        store.seal,
        store.sweep,
        lambda: store.prune_states([]),
    ):
        with pytest.raises(StorageError, match="took it over"), store.held_by(check):
            change()
    assert {path: path.read_bytes() for path in Path(store.uri).rglob("*") if path.is_file()} == before
    store.prune_states([])
    assert store.storage.names("batches", ".safetensors") == []


def test_states_of_a_batch_that_was_never_finished_are_pruned_unread(store):
    write_batch(store.storage, work_of("b1"), [result("k1")])
    store.storage.write("batches/b2.0123.safetensors", b"garbage")
    store.prune_states(["k1"])
    assert len(store.storage.names("batches", ".safetensors")) == 1


def test_results_are_believed_as_they_were_sealed(store):
    store.write_result("a.csv", b"1")
    store.write_result("b.csv", b"2")
    assert store.read_result("a.csv") == b"1"
    store.seal()
    other = RunStore(store.uri)
    assert other.read_result("b.csv") == b"2"
    store.storage.write("a.csv", b"2")
    store.storage.write("stray.csv", b"1")
    for name in ("a.csv", "stray.csv"):
        with pytest.raises(DamagedFile, match=rf"{name} is damaged"):
            other.read_result(name)
    other.write_result("a.csv", None)
    other.seal()
    assert list(store.digests()) == ["b.csv"]
    store.storage.write("digests.json", store.storage.read("digests.json").replace(b"b.csv", b"c.csv"))
    with pytest.raises(DamagedFile, match=r"digests\.json is damaged"):
        other.read_result("b.csv")


def test_half_written_files_are_swept(store):
    for name in (f"{UNFINISHED}run.json.x", f"batches/{UNFINISHED}b1.parquet.x"):
        store.storage.write(name, b"half")
    store.sweep()
    assert not [path for path in store.storage.local.rglob("*") if path.is_file()]
