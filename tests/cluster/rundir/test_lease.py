import json
import os
import socket
import subprocess
import sys

import pytest

from cluster.rundir.lease import LEASE, LOOKS, Lease, check_held, check_shared, read_lease
from cluster.rundir.machine import Machine
from cluster.rundir.storage import DISK, Storage
from forecasting.digests import seal
from forecasting.errors import StorageError

ELSEWHERE = {"host": "elsewhere", "pid": 7, "born": 1.0, "token": "x", "beat": 3}


@pytest.fixture
def storage(tmp_path):
    return Storage(str(tmp_path / "run"))


def sealed(owner):
    return seal(json.dumps(owner).encode() + b"\n", LEASE)


def owned_by(storage, owner):
    storage.write(LEASE, sealed(owner))


class ByHand(Machine):
    """A machine without a clock, on which the heart beats when the test says so."""

    def __init__(self):
        self.sleeps = []

    def monotonic(self):
        raise AssertionError("a clock that jumps must not decide who is alive")

    def sleep(self, seconds):
        self.sleeps.append(seconds)

    def every(self, seconds, act):
        self.beat = act
        return lambda: None


def test_a_second_driver_is_refused_while_the_first_lives(storage):
    with Lease(storage, print), pytest.raises(StorageError, match=f"in use by another run.*process {os.getpid()}"):
        Lease(storage, print).__enter__()
    with Lease(storage, print):
        pass


def test_nothing_stays_when_nothing_was_written(storage):
    with Lease(storage, print):
        assert storage.exists(LEASE)
    assert not storage.local.exists()


def test_a_dead_owner_on_this_machine_is_replaced_at_once(storage):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    owner = {"host": socket.gethostname(), "pid": process.pid, "born": 1.0, "token": "x", "beat": 0}
    owned_by(storage, owner)
    said = []
    with Lease(storage, said.append, patience=1e9):
        pass
    assert "taking over" in said[0]


def test_a_reused_pid_does_not_pass_for_the_owner(storage):
    owner = {"host": socket.gethostname(), "pid": os.getpid(), "born": 1.0, "token": "x", "beat": 0}
    owned_by(storage, owner)
    with Lease(storage, lambda text: None):
        pass


def test_an_owner_elsewhere_is_given_time_to_beat(storage):
    owned_by(storage, ELSEWHERE)
    said = []
    with Lease(storage, said.append, patience=0.3):
        pass
    assert "waiting up to" in said[0]
    assert "taking over" in said[1]


def test_an_owner_elsewhere_that_beats_is_respected(storage, monkeypatch):
    owner = {"host": "elsewhere", "pid": 7, "born": 1.0, "token": "x", "beat": 3}
    owned_by(storage, owner)
    beat = sealed({**owner, "beat": 4})
    monkeypatch.setattr("time.sleep", lambda _: storage.write(LEASE, beat))
    with pytest.raises(StorageError, match="in use by another run"):
        Lease(storage, lambda text: None, patience=0.5).__enter__()


def test_creation_is_exclusive(storage):
    assert storage.create("x", b"1")
    assert not storage.create("x", b"2")
    assert storage.read("x") == b"1"


def test_a_worker_that_sees_other_storage_says_so(storage, tmp_path, monkeypatch):
    with Lease(storage, print) as lease:
        check_shared(storage, lease.token)
        monkeypatch.setattr("time.sleep", lambda _: None)
        with pytest.raises(StorageError, match="is not shared"):
            check_shared(Storage(str(tmp_path / "local-to-the-worker")), lease.token)


def test_a_lease_is_given_back_where_an_interruption_keeps_it_from_its_end(tmp_path):
    code = (
        "import sys; from cluster.rundir.lease import Lease; from cluster.rundir.storage import Storage\n"
        "Lease(Storage(sys.argv[1]), print).__enter__(); Storage(sys.argv[1]).write('x', b'')\n"
        "raise KeyboardInterrupt"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=False, timeout=60)
    assert b"KeyboardInterrupt" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{}", b"[]", b"null", b"x", b"\xff\xfe", b"[" * 100_000, b"\x00" * 50,
        json.dumps(ELSEWHERE).encode(), sealed(ELSEWHERE).replace(b'"pid": 7', b'"pid": 6'),
        *(sealed({**ELSEWHERE, **odd}) for odd in (
            {"pid": -1}, {"pid": 10**30}, {"pid": "x"}, {"pid": None}, {"host": 1}, {"host": "a\x1b[31m"},
            {"host": "h" * 300}, {"born": float("nan")}, {"born": float("inf")}, {"born": "x"}, {"beat": -1},
            {"beat": []}, {"token": 5},
        )),
    ],
)  # fmt: skip
def test_what_is_no_lease_is_replaced_unless_its_owner_writes_it_anew(storage, content):
    storage.write(LEASE, content)
    assert read_lease(storage) is None
    machine = ByHand()
    with Lease(storage, lambda text: None, machine=machine) as lease:
        check_shared(storage, lease.token)
    assert len(machine.sleeps) == LOOKS
    storage.write(LEASE, content)
    machine.sleep = lambda _: owned_by(storage, ELSEWHERE)
    with pytest.raises(StorageError, match=r"in use by another run \(elsewhere, process 7\)"):
        Lease(storage, lambda text: None, machine=machine).__enter__()


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_something_in_the_place_of_the_lease_is_named(storage, kind):
    place = storage.local / LEASE
    storage.local.mkdir(parents=True)
    if kind == "folder":
        place.mkdir()
    else:
        place.symlink_to(storage.local / "nowhere")
    with pytest.raises(StorageError, match=r"lease\.json is in the way and no file: remove it"):
        Lease(storage, lambda text: None, machine=ByHand()).__enter__()


def test_a_dead_lease_is_removed_by_one_of_two_drivers(storage):
    """The slower one finds the owner dead, and only then the faster one takes over."""
    dead = {"host": socket.gethostname(), "pid": 7, "born": 1.0, "token": "dead", "beat": 0}
    owned_by(storage, dead)
    faster = Lease(storage, lambda text: None)

    class Slower(Machine):
        def born(self, pid):
            if pid == 7 and read_lease(storage).token == "dead":
                faster.__enter__()
                return None
            return super().born(pid)

    with pytest.raises(StorageError, match="in use by another run"):
        Lease(storage, print, machine=Slower()).__enter__()
    assert read_lease(storage).token == faster.token
    faster.__exit__(None, None, None)


def test_a_heartbeat_never_overwrites_the_lease_of_another_driver(storage):
    machine = ByHand()
    with Lease(storage, print, machine=machine) as lease:
        machine.beat()
        assert read_lease(storage).beat == 2
        lease.check()
        owned_by(storage, ELSEWHERE)
        machine.beat()
        assert read_lease(storage).token == "x"
        with pytest.raises(StorageError, match="is no longer this run's"):
            lease.check()
    assert read_lease(storage).token == "x"


def test_a_lease_that_is_gone_is_not_taken_again(storage):
    """Another driver may have come and gone in between."""
    machine = ByHand()
    with Lease(storage, print, machine=machine) as lease:
        content = storage.read(LEASE)
        storage.delete(LEASE)
        machine.beat()  # it may only be seen late
        storage.write(LEASE, content)
        machine.beat()
        lease.check()
        storage.delete(LEASE)
        machine.beat()
        machine.beat()
        assert not storage.exists(LEASE)
        with pytest.raises(StorageError, match="is no longer this run's"):
            lease.check()


def test_a_driver_that_is_displaced_while_it_enters_does_not_enter(storage, monkeypatch):
    really_sync = DISK.sync_folder

    def stands_still(folder):
        really_sync(folder)
        if storage.exists(LEASE):
            (storage.local / LEASE).write_bytes(sealed(ELSEWHERE))

    monkeypatch.setattr(DISK, "sync_folder", stands_still)
    with pytest.raises(StorageError, match="is no longer this run's"):
        Lease(storage, print).__enter__()
    assert read_lease(storage).token == "x"


def test_patience_counts_looks_and_reads_no_clock(storage):
    owned_by(storage, ELSEWHERE)
    machine = ByHand()
    with Lease(storage, print, machine=machine):
        assert len(machine.sleeps) == LOOKS


def test_a_lease_that_is_not_seen_yet_is_not_removed(storage, monkeypatch):
    """On network storage the name is taken before this machine can read the file."""
    owner = Lease(storage, print).__enter__()
    hidden = iter([True] * 6)
    really_read, really_look = DISK.read, DISK.is_file

    def read(path):
        if path.name == LEASE and next(hidden, False):
            raise FileNotFoundError(path)
        return really_read(path)

    monkeypatch.setattr(DISK, "read", read)
    monkeypatch.setattr(
        DISK, "is_file", lambda path: path.name != LEASE or (not next(hidden, False) and really_look(path))
    )
    with pytest.raises(StorageError, match="in use by another run"):
        Lease(storage, print, machine=ByHand()).__enter__()
    assert read_lease(storage).token == owner.token
    owner.__exit__(None, None, None)


def test_a_token_names_no_path(storage, tmp_path):
    owned_by(storage, {**ELSEWHERE, "token": "/../../outside"})
    with Lease(storage, print, machine=ByHand()):
        assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_worker_stores_nothing_for_a_driver_that_was_displaced(storage):
    with Lease(storage, print) as lease:
        check_held(storage, lease.token)
        with pytest.raises(StorageError, match="is no longer this run's"):
            check_held(storage, "another")
    with pytest.raises(StorageError, match="is no longer this run's"):
        check_held(storage, lease.token)


def test_a_worker_waits_for_a_lease_that_is_seen_late(storage):
    lease = Lease(storage, print).__enter__()
    content = storage.read(LEASE)
    storage.delete(LEASE)

    class Late(Machine):
        def sleep(self, seconds):
            storage.write(LEASE, content)

    check_shared(storage, lease.token, Late())
    lease.__exit__(None, None, None)
