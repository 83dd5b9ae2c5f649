"""Whole runs on a local Ray: the same bytes as in process, with one worker or two, killed or not."""

import json
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.ray import chaos
from tests.runs import run, write_inputs

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


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_ray_gives_the_bytes_of_the_local_executor(folder, workers):
    done = run(folder, f"runs/ray{workers}", "--set", f"cluster.workers={workers}", executor="ray")
    assert done.returncode == 0, done.stderr
    (reading,) = done.stderr.splitlines()  # the driver says what it read, and is quiet when it is not on a terminal
    assert reading.startswith("tidecast: reads 200 days")
    assert submission(folder, f"runs/ray{workers}") == submission(folder, "runs/local")


@pytest.mark.slow
def test_the_timeline_holds_every_batch(folder):
    done = run(folder, "runs/timed", "--timeline", "times/timeline.json", executor="ray")
    assert done.returncode == 0, done.stderr
    (reads,) = done.stderr.splitlines()
    assert reads.startswith("tidecast: reads 200 days")
    events = json.loads((folder / "times/timeline.json").read_text())
    batches = [json.loads(line)["family"] for line in (folder / "runs/timed/events.jsonl").read_text().splitlines()]
    work = Counter(event["name"] for event in events if event["ph"] == "X" and event["dur"] > 0)
    assert work["work"] == len(batches) > batches.count("lstm") > 0, "without GPUs the workers do all"


@pytest.mark.slow
def test_storage_that_workers_do_not_see_is_refused(folder, monkeypatch):
    """The driver writes to one folder and the workers look into another, as where a folder is not shared."""
    with monkeypatch.context() as patch:
        patch.setattr("cluster.rundir.storage.Storage.address", str(folder / "elsewhere"))
        done = run(folder, "runs/alone", executor="ray")
    assert done.returncode == 2
    reads, refused = done.stderr.splitlines()
    assert reads.startswith("tidecast: reads 200 days")
    assert "elsewhere is not shared: the worker on" in refused
    assert not (folder / "elsewhere").exists()
    assert [path.name for path in (folder / "runs/alone").iterdir()] == ["run.json"]
    again = run(folder, "runs/alone")
    assert again.returncode == 0, again.stderr
    assert submission(folder, "runs/alone") == submission(folder, "runs/local")


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (signal.SIGKILL, -9),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 130, marks=pytest.mark.slow),
    ],
)
def test_a_killed_driver_leaves_a_run_that_continues(folder, how, code):
    run_dir = f"runs/killed{int(how)}"
    process = chaos.start(folder, run_dir)
    assert chaos.wait_for_batches(process, folder / run_dir, 3)
    process.send_signal(signal.SIGSTOP)  # it shall not be done before it is killed
    second = run(folder, run_dir)
    assert second.returncode == 2
    assert "is in use by another run" in second.stderr
    process.send_signal(how)
    process.send_signal(signal.SIGCONT)
    _, stderr = process.communicate(timeout=240)
    assert process.returncode == code, stderr
    if code == 130:
        assert "the same command continues" in stderr
        assert "Traceback" not in stderr
    finished = len(list((folder / run_dir / "batches").glob("*.parquet")))
    again = chaos.start(folder, run_dir)
    _, stderr = again.communicate(timeout=240)
    assert again.returncode == 0, stderr
    assert int(stderr.split("continuing: ")[1].split(" ")[0]) >= finished > 0
    assert submission(folder, run_dir) == submission(folder, "runs/local")
    assert not chaos.trained_twice(folder / run_dir)


@pytest.mark.parametrize("kind", ["worker", pytest.param("node", marks=pytest.mark.slow)])
def test_dead_workers_and_nodes_cost_only_their_batch(folder, kind):
    killed = chaos.disturb(kind, folder, f"runs/{kind}", random.Random(3))
    assert killed > 0
    assert submission(folder, f"runs/{kind}") == submission(folder, "runs/local")
    assert not chaos.trained_twice(folder / f"runs/{kind}")
    assert json.loads((folder / f"runs/{kind}/run.json").read_text())["failed"] == 0


@pytest.mark.slow
def test_workers_write_no_secret_into_their_logs(folder):
    """A worker reads one file member by a URI and cannot read the other; storage is a URI too."""
    started = time.time()
    (folder / "mine.csv").write_text("unique_id,ds,cutoff,y_hat\npurchase,2024-07-19,2024-07-18,1\n")
    paths = f"['file://{folder}/mine.csv?token=pl4nted', 's3://AKIAPLANTED:pl4nted@bucket/mine.csv?sig=pl4nted']"
    asked = ("--set", f"members.0={{model: file, path: {paths}}}", "--set", "run.max_failed_share=1")
    done = run(folder, f"file://{folder}/runs/hidden?token=pl4nted", *asked, executor="ray")
    assert done.returncode == 0, done.stderr
    sessions = [path for path in Path("/tmp/ray").glob("session_2*") if path.stat().st_mtime > started - 5]
    logs = [file for path in (folder / "runs/hidden", *sessions) for file in path.rglob("*") if file.is_file()]
    assert any("worker" in file.name for file in logs)
    for text in (done.stdout.encode(), done.stderr.encode(), *(file.read_bytes() for file in logs)):
        assert not any(secret in text.lower() for secret in (b"planted", b"pl4nted"))
