import errno

import numpy as np
import pytest

from cluster.rundir.storage import Storage
from cluster.rundir.store import RunStore
from forecasting.errors import StorageError
from forecasting.models.base import State
from forecasting.schema import as_date
from forecasting.trial import Forecast, Member, Trial, TrialFailure, TrialResult

MEMBER = Member("seasonal-naive", {"season_length": 7}, 0, "seasonal-naive", "naive")


def result(key, value=1.0):
    forecasts = tuple(
        Forecast("purchase", as_date(c), np.full(n, value)) for c, n in (("2024-01-31", 29), ("2024-02-29", 31))
    )
    state = State({"w": np.arange(3, dtype=np.float32)}, {"order": [1, 0, 1]})
    return TrialResult(Trial(MEMBER, "purchase", key), forecasts, state, 0.5)


@pytest.fixture
def store(tmp_path):
    return RunStore(str(tmp_path / "run"))


def test_a_batch_comes_back_as_it_was_written(store):
    failed = TrialFailure(Trial(MEMBER, "redeem", "k2"), "too short")
    store.write_batch("b1", [result("k1", 7.5), failed], {"device": "cpu"})
    records = store.records()
    assert records["k1"].reason is None
    assert records["k2"].reason == "too short"
    forecasts = store.forecasts(records.values())
    assert list(forecasts) == [("k1", "purchase")]
    assert {str(c): len(v) for c, v in forecasts["k1", "purchase"].items()} == {"2024-01-31": 29, "2024-02-29": 31}
    state = store.states("batches/b1.parquet")["k1"]
    assert state.meta == {"order": [1, 0, 1]}
    np.testing.assert_array_equal(state.arrays["w"], [0, 1, 2])


def test_the_first_name_counts_where_two_files_hold_one_key(store):
    store.write_batch("b2", [result("k1", 2.0)], {"device": "cpu"})
    store.write_batch("b1", [result("k1", 1.0)], {"device": "cpu"})
    record = store.records()["k1"]
    assert record.file == "batches/b1.parquet"
    assert store.forecasts([record])["k1", "purchase"][as_date("2024-01-31")][0] == 1.0


def test_states_are_pruned_to_the_blend(store):
    store.write_batch("b1", [result("k1"), result("k2")], {"device": "cpu"})
    store.write_batch("b2", [result("k3")], {"device": "cpu"})
    store.prune_states({"k2"})
    assert list(store.states("batches/b1.parquet")) == ["k2"]
    assert store.storage.names("batches", ".safetensors") == ["batches/b1.safetensors"]


def test_a_damaged_batch_file_is_named_with_the_remedy(store, tmp_path):
    store.write_batch("b1", [result("k1")], {"device": "cpu"})
    (tmp_path / "run/batches/b1.parquet").write_bytes(b"garbage")
    with pytest.raises(StorageError, match=r"b1.parquet is damaged: delete it"):
        store.records()


def test_nothing_half_written_when_the_disk_is_full(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="disk is full; free some space"):
        Storage(str(tmp_path)).write("a/b.csv", b"x")
    assert not any(p.is_file() for p in tmp_path.rglob("*"))


def test_a_file_in_the_way_is_said(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(StorageError, match="is in the way"):
        Storage(str(tmp_path / "run")).write("x.json", b"{}")


def test_a_uri_means_the_same_place_as_its_path(tmp_path):
    Storage(f"file://{tmp_path}/run").write("sub/x.txt", b"hello")
    assert Storage(str(tmp_path / "run")).read("sub/x.txt") == b"hello"
    assert Storage(str(tmp_path / "run")).names("sub", ".txt") == ["sub/x.txt"]


def test_an_unknown_scheme_is_one_sentence():
    with pytest.raises(StorageError, match="not a place to store a run"):
        Storage("nonsense://x/y")


def test_an_unreachable_store_is_said_within_the_limit_of_the_uri():
    place = Storage("gs://anonymous@bucket/run?retry_limit_seconds=1&endpoint_override=127.0.0.1:9&scheme=http")
    with pytest.raises(StorageError, match="gs://bucket/run cannot be read"):
        place.exists("run.json")
