"""One module of these tests at a time: heads that are started side by side take each other's ports."""

import fcntl
from pathlib import Path

import pytest


@pytest.fixture(scope="module", autouse=True)
def alone(tmp_path_factory, worker_id):
    base = Path(tmp_path_factory.getbasetemp())
    with (base if worker_id == "master" else base.parent).joinpath("ray.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the process gives it back when it ends, too
        yield
