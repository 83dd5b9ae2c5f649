"""Whole runs on a local Ray: the same bytes as in process, with one worker or two, killed or not."""

import json
import os
import signal
import subprocess
import time

import pytest

from tests.runs import ROOT, command, run, write_inputs

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Inputs and the undisturbed submission, made in process."""
    folder = tmp_path_factory.mktemp("ray")
    write_inputs(folder)
    done = run(folder, "runs/local")
    assert done.returncode == 0, done.stderr
    return folder


def submission(folder, run_dir):
    return (folder / run_dir / "submission.csv").read_bytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_ray_gives_the_bytes_of_the_local_executor(folder, workers):
    done = run(folder, f"runs/ray{workers}", "--set", f"cluster.workers={workers}", executor="ray")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "the driver is quiet when it is not on a terminal"
    assert submission(folder, f"runs/ray{workers}") == submission(folder, "runs/local")


def start(folder, run_dir):
    arguments = ("run", "config.yaml", "--data", "data.csv", "--run-dir", run_dir, "--set", "cluster.fits_per_batch=4")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )


def hear_interrupts():
    """Shells start background jobs deaf to SIGINT, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for_batches(folder, run_dir, count):
    for _ in range(1200):
        done = len(list((folder / run_dir / "batches").glob("*.parquet")))
        if done >= count:
            return done
        time.sleep(0.05)
    raise AssertionError("no batch was finished in a minute")


@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_a_killed_driver_leaves_a_run_that_continues(folder, how, code):
    run_dir = f"runs/killed{int(how)}"
    process = start(folder, run_dir)
    wait_for_batches(folder, run_dir, 3)
    process.send_signal(how)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    if code == 130:
        assert "the same command continues" in stderr
        assert "Traceback" not in stderr
    finished = len(list((folder / run_dir / "batches").glob("*.parquet")))
    again = start(folder, run_dir)
    _, stderr = again.communicate(timeout=240)
    assert again.returncode == 0, stderr
    assert "trials reused" in stderr
    reused = int(stderr.split("continuing: ")[1].split(" ")[0])
    assert reused >= finished > 0
    assert submission(folder, run_dir) == submission(folder, "runs/local")


def test_killed_workers_cost_only_their_batch(folder):
    run_dir = "runs/workers"
    process = start(folder, run_dir)
    killed = 0
    for count in (1, 3, 5):
        wait_for_batches(folder, run_dir, count)
        killed += kill_a_worker(process.pid)
    _, stderr = process.communicate(timeout=240)
    assert process.returncode == 0, stderr
    assert killed > 0
    assert submission(folder, run_dir) == submission(folder, "runs/local")
    facts = json.loads((folder / run_dir / "run.json").read_text())
    assert facts["failed"] == 0
    lines = (folder / run_dir / "events.jsonl").read_text().splitlines()
    assert len({json.loads(line)["batch_id"] for line in lines}) == len(lines)


def kill_a_worker(driver: int) -> int:
    """SIGKILL one Ray process that is running our code; 0 when none was found."""
    listing = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        pid, _, text = line.strip().partition(" ")
        if "ray::_Worker" in text or "ray::_run_task" in text:
            os.kill(int(pid), signal.SIGKILL)
            return 1
    return 0
