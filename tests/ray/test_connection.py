"""One connection for all runs of a process, and clusters that are gone: with a real Ray."""

import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cluster.api import run as run_here
from tests.runs import run, write_inputs

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("connection")
    write_inputs(folder)
    assert run(folder, "runs/local").returncode == 0
    return folder


def on_ray(folder, run_dir):
    inputs = folder / "data.csv", folder / "config.yaml"
    run_here(*inputs, run_dir=folder / run_dir, executor="ray", quiet=True)
    return (folder / run_dir / "submission.csv").read_bytes()


def test_two_runs_in_two_threads_share_one_ray_and_both_finish_right(folder):
    import ray

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda name: on_ray(folder, name), ("runs/one", "runs/two")))
    assert both == [(folder / "runs/local/submission.csv").read_bytes()] * 2
    assert not ray.is_initialized()


def test_ray_outlives_the_run_that_started_it():
    """Another run may still use it: the kernel ends Ray's processes with the thread that started them."""
    import ray

    from cluster.execution.ray_connection import connected

    open_, shared = threading.Event(), threading.Event()

    def first():
        with connected():
            open_.set()
            assert shared.wait(240)

    thread = threading.Thread(target=first)
    thread.start()
    assert open_.wait(240)
    with connected():
        shared.set()
        thread.join(240)
        assert ray.get(ray.remote(lambda: 7).remote(), timeout=240) == 7
    assert not ray.is_initialized()


@pytest.mark.slow
def test_a_ray_that_the_caller_started_is_used_and_left_open(folder):
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        node = ray.get_runtime_context().get_node_id()
        assert on_ray(folder, "runs/theirs") == (folder / "runs/local/submission.csv").read_bytes()
        assert ray.get_runtime_context().get_node_id() == node
        assert f"node {node}" in (folder / "runs/theirs/events.jsonl").read_text()
    finally:
        ray.shutdown()


def refused(folder):
    """What a run says that cannot join."""
    done = run(folder, "runs/refused", executor="ray")
    assert done.returncode == 2, done.stderr
    assert not (folder / "runs/refused").exists()
    (sentence,) = [line for line in done.stderr.splitlines() if not line.startswith("tidecast: reads")]
    return sentence


@pytest.mark.slow
def test_a_cluster_that_is_frozen_or_dead_is_refused_in_time(folder, monkeypatch):
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
    heads = [int(pid) for pid, parent, name in map(str.split, listing.splitlines()) if name == "gcs_server"
             and int(parent) == os.getpid()]  # fmt: skip
    try:
        assert heads
        for head in heads:
            os.kill(head, signal.SIGSTOP)
        with monkeypatch.context() as patch:
            patch.setattr("cluster.execution.ray_connection.JOIN_SECONDS", 5.0)
            assert "(no answer within 5 s)" in refused(folder)
    finally:
        for head in heads:
            os.kill(head, signal.SIGCONT)
        cluster.shutdown()
    assert "(Connection refused)" in refused(folder)
