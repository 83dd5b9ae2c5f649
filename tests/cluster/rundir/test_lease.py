import json
import os
import socket
import subprocess
import sys

import pytest

from cluster.rundir.lease import LEASE, Lease, check_shared
from cluster.rundir.storage import Storage
from forecasting.errors import StorageError


@pytest.fixture
def storage(tmp_path):
    return Storage(str(tmp_path / "run"))


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
    storage.write(LEASE, json.dumps(owner).encode())
    said = []
    with Lease(storage, said.append, patience=1e9):
        pass
    assert "taking over" in said[0]


def test_a_reused_pid_does_not_pass_for_the_owner(storage):
    owner = {"host": socket.gethostname(), "pid": os.getpid(), "born": 1.0, "token": "x", "beat": 0}
    storage.write(LEASE, json.dumps(owner).encode())
    with Lease(storage, lambda text: None):
        pass


def test_an_owner_elsewhere_is_given_time_to_beat(storage):
    storage.write(LEASE, json.dumps({"host": "elsewhere", "pid": 7, "born": 1.0, "token": "x", "beat": 3}).encode())
    said = []
    with Lease(storage, said.append, patience=0.3):
        pass
    assert "waiting up to" in said[0]
    assert "taking over" in said[1]


def test_an_owner_elsewhere_that_beats_is_respected(storage, monkeypatch):
    owner = {"host": "elsewhere", "pid": 7, "born": 1.0, "token": "x", "beat": 3}
    storage.write(LEASE, json.dumps(owner).encode())
    beat = json.dumps({**owner, "beat": 4}).encode()
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
