import errno
import os

import pytest

from cluster.rundir.storage import DISK, Storage
from forecasting.errors import StorageError


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.ENOSPC, "disk is full; free some space"),
        (errno.EFBIG, r"larger than this process may write \(ulimit -f\)"),
    ],
)
def test_nothing_half_written_when_the_disk_is_full(tmp_path, monkeypatch, code, says):
    def full(*_):
        raise OSError(code, "no")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match=says):
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


@pytest.fixture
def calls(monkeypatch):
    """Names of the calls to the disk, and the paths, in their order."""
    found = []

    def noted(name):
        really = getattr(DISK, name)

        def call(*arguments):
            found.append((name, *arguments))
            return really(*arguments)

        monkeypatch.setattr(DISK, name, call)

    for name in ("make_new", "write", "sync", "rename", "link", "sync_folder"):
        noted(name)
    return found


def test_a_file_is_on_disk_before_it_has_its_name_and_its_name_before_write_returns(tmp_path, calls):
    Storage(str(tmp_path)).write("a.csv", b"x")
    assert [call[0] for call in calls] == ["make_new", "write", "sync", "rename", "sync_folder"]
    assert calls[-1][1] == tmp_path


def test_new_folders_are_on_disk_too(tmp_path, calls):
    Storage(str(tmp_path / "a" / "b")).write("c/x.csv", b"x")
    synced = {call[1] for call in calls if call[0] == "sync_folder"}
    assert synced == {tmp_path, tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"}


def test_unfinished_files_have_names_of_their_own(tmp_path, calls):
    """Two machines may have equal pids."""
    storage = Storage(str(tmp_path))
    assert storage.create("x", b"1")
    assert not storage.create("x", b"2")
    made = [call[1] for call in calls if call[0] == "make_new"]
    assert len(set(made)) == 2
    assert storage.read("x") == b"1"


def test_creation_is_exclusive_without_hard_links(tmp_path, monkeypatch):
    def refused(source, target):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(DISK, "link", refused)
    storage = Storage(str(tmp_path))
    assert storage.create("x", b"1")
    assert not storage.create("x", b"2")
    assert storage.read("x") == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_file_is_not_created_otherwise_when_the_disk_is_full(tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(DISK, "link", full)
    with pytest.raises(StorageError, match="disk is full"):
        Storage(str(tmp_path)).create("x", b"1")
    assert not list(tmp_path.iterdir())


def test_a_sweep_of_another_driver_breaks_no_write(tmp_path, monkeypatch):
    storage, really_rename = Storage(str(tmp_path)), DISK.rename
    swept = []

    def rename(source, target):
        if not swept:
            storage.sweep("")
            swept.append(source)
        really_rename(source, target)

    monkeypatch.setattr(DISK, "rename", rename)
    storage.write("x", b"1")
    assert storage.read("x") == b"1"


def test_what_is_gone_can_be_deleted(tmp_path):
    Storage(str(tmp_path)).delete("x")


def test_folders_are_not_among_the_names(tmp_path):
    (tmp_path / "batches" / "a.parquet").mkdir(parents=True)
    assert Storage(str(tmp_path)).names("batches", ".parquet") == []
