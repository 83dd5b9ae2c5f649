"""A run directory that cannot be used: one sentence, nothing half-written, and the same command works afterwards."""

import errno
import os

import pytest

from cluster.rundir.storage import UNFINISHED, Storage
from tests.runs import run, write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")

CONFIG = """
data: {kind: table}
windows: {unit: day, n_windows: 2, horizon: 7}
members: [{model: seasonal-naive}, {model: calendar-level}, {model: weekday-median}]
"""


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """Inputs, and an undisturbed run in runs/calm."""
    folder = tmp_path_factory.mktemp("faults")
    write_inputs(folder)
    (folder / "config.yaml").write_text(CONFIG)
    done = run(folder, "runs/calm")
    assert done.returncode == 0, done.stderr
    return folder


def fails_from(call, error):
    """os.fsync that fails from its `call`-th call on, as a disk does that has become full."""
    fsync, calls = os.fsync, []

    def failing(handle):
        calls.append(handle)
        if len(calls) >= call:
            raise OSError(error, os.strerror(error))
        fsync(handle)

    return failing


def the_sentence(done):
    """The only line on stderr, but for what was understood of the data, of a command that ended with code 2."""
    lines = [line for line in done.stderr.splitlines() if "continuing" not in line and "reads 200 days" not in line]
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 1), done.stderr
    return lines[0]


def unfinished(folder):
    return [path for path in folder.rglob(f"{UNFINISHED}*") if path.is_file()]


# Calls: lease, run.json, two files per batch, events.jsonl, then the results, the report last.
@pytest.mark.parametrize("call", [1, 2, 4, 12, 20])
def test_a_full_disk_at_any_write_loses_nothing(calm, monkeypatch, call):
    run_dir = f"runs/full{call}"
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fails_from(call, errno.ENOSPC))
        done = run(calm, run_dir)
    assert "cannot be written: the disk is full; free some space" in the_sentence(done)
    assert not unfinished(calm)
    assert not (calm / run_dir / "lease.json").exists()
    if call == 1:
        assert not (calm / run_dir).exists()
    assert run(calm, run_dir).returncode == 0
    assert (calm / run_dir / "submission.csv").read_bytes() == (calm / "runs/calm/submission.csv").read_bytes()


@pytest.mark.parametrize("error", [errno.EROFS, errno.EACCES])
def test_storage_that_may_not_be_written(calm, monkeypatch, error):
    run_dir = f"runs/closed{error}"
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fails_from(1, error))
        done = run(calm, run_dir)
    assert "no permission; choose another folder or fix its permissions" in the_sentence(done)
    assert not (calm / run_dir).exists()
    assert run(calm, run_dir).returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(calm):
    folder = calm / "locked"
    folder.mkdir(mode=0o500)
    assert "no permission" in the_sentence(run(calm, "locked/run"))
    folder.chmod(0o700)
    assert run(calm, "locked/run").returncode == 0


def test_a_file_where_the_folder_should_be(calm):
    (calm / "taken").write_text("mine")
    assert "is in the way" in the_sentence(run(calm, "taken/run"))
    assert (calm / "taken").read_text() == "mine"


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc")
def test_a_place_where_nothing_can_be_made(calm):
    assert "the folder cannot be made there" in the_sentence(run(calm, "/proc/run"))


def test_what_a_killed_writer_left_is_removed_by_the_next_run(calm):
    run(calm, "runs/killed")
    left = [calm / "runs/killed" / f"{folder}{UNFINISHED}x.parquet.abc" for folder in ("", "batches/")]
    for path in left:
        path.write_bytes(b"half")
    assert Storage(str(calm / "runs/killed")).names("batches", ".abc") == []
    assert run(calm, "runs/killed").returncode == 0
    assert not unfinished(calm)
