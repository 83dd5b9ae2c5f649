"""The README's `ray job submit` on a head of this machine: done, continued, failed with a sentence."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.runs import ROOT, write_inputs

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]
RAY = Path(sys.executable).with_name("ray")
ADDRESS = "http://127.0.0.1:8265"


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """A head with two CPUs, and inputs in a folder of their own."""
    folder = tmp_path_factory.mktemp("job")
    write_inputs(folder)
    start = "start --head --num-cpus=2 --num-gpus=0 --port=6399 --dashboard-host=127.0.0.1 --disable-usage-stats"
    # A process of its own, and no `ray stop`: that would take every other Ray on this machine with it.
    process = subprocess.Popen([RAY, *start.split(), "--block"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until_it_answers()
    yield folder
    process.terminate()
    process.wait(timeout=120)


def wait_until_it_answers():
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{ADDRESS}/api/version", timeout=1)
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError("the head did not start within two minutes")


def submit(folder, *arguments):
    """The README's command; only the run's own arguments differ."""
    job = ["job", "submit", "--address", ADDRESS, "--working-dir", str(ROOT)]
    job += ["--runtime-env", str(ROOT / "configs/deploy/runtime-env.yaml"), "--"]
    tidecast = [sys.executable, "-m", "cluster.cli", "run", *arguments]
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    for _ in range(30):
        done = subprocess.run(
            [RAY, *job, *tidecast],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        if "No available agent" not in done.stderr:
            return done
        time.sleep(1)  # the head answers before it can take jobs
    raise AssertionError(done.stderr)


def test_a_job_runs_continues_and_fails_as_promised(head):
    place = head / "shared"
    arguments = [str(head / "config.yaml"), "--data", str(head / "data.csv"), "--run-dir", f"file://{place}"]
    done = submit(head, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "succeeded" in done.stdout
    assert "using the Ray cluster at" in done.stdout
    first = (place / "submission.csv").read_bytes()

    again = submit(head, *arguments)
    assert again.returncode == 0
    assert "26 trials reused, 0 to train" in again.stdout
    assert (place / "submission.csv").read_bytes() == first

    broken = submit(head, *arguments, "--set", "windows.n_window=2")
    assert broken.returncode == 1
    assert "did you mean n_windows" in broken.stdout
    assert "Traceback" not in broken.stdout.split("Job 'raysubmit")[0]

    relative = submit(head, *arguments[:3], "--run-dir", "runs/here")
    assert relative.returncode == 1
    assert "the working directory of a job is thrown away" in relative.stdout
    shutil.rmtree(place)
