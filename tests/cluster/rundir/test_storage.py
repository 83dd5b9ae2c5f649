import errno
import os

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


@pytest.fixture
def outside(tmp_path):
    """A storage in ``run``, and a folder beside it that `run/link` and `run/file.txt` lead to."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file.txt").write_bytes(b"theirs")
    storage = Storage(str(tmp_path / "run"))
    storage.write("own.txt", b"own")
    (tmp_path / "run/link").symlink_to(tmp_path / "outside")
    (tmp_path / "run/file.txt").symlink_to(tmp_path / "outside/file.txt")
    return storage, tmp_path / "outside"


@pytest.mark.parametrize("name", ["link/file.txt", "file.txt", "../outside/file.txt", "link/../../outside/file.txt"])
def test_nothing_is_read_outside_the_folder(outside, name):
    storage, _ = outside
    for read in (storage.read, storage.exists, storage.open):
        with pytest.raises(StorageError, match="leads out of the folder"):
            read(name)


def test_nothing_is_written_or_removed_outside_the_folder(outside):
    storage, folder = outside
    for write in (storage.write, storage.create):
        for name in ("link/new.txt", "../outside/new.txt"):
            with pytest.raises(StorageError, match="leads out of the folder"):
                write(name, b"x")
    for refused in (storage.sweep, lambda name: storage.names(name, ".txt"), lambda name: storage.delete(f"{name}/x")):
        with pytest.raises(StorageError, match="leads out of the folder"):
            refused("link")
    storage.write("file.txt", b"own")  # the link gives way to a file
    assert storage.read("file.txt") == b"own"
    assert [path.read_bytes() for path in folder.iterdir()] == [b"theirs"]


def test_links_inside_the_folder_and_to_the_folder_are_followed(outside, tmp_path):
    storage, _ = outside
    (tmp_path / "run/again.txt").symlink_to(tmp_path / "run/own.txt")
    assert storage.read("again.txt") == b"own"
    (tmp_path / "alias").symlink_to(tmp_path / "run")
    assert Storage(str(tmp_path / "alias")).read("own.txt") == b"own"


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(StorageError, match=r"run.json: it is no file: remove it"):
        Storage(str(tmp_path)).read("run.json")
