import errno

import pytest

from cluster.rundir.storage import Storage
from forecasting.errors import StorageError


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
