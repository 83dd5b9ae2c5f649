"""Logical GPUs and CPU-only nodes: LSTM batches and the rest land where the plan says."""

import json
import os
import subprocess

import pytest

from tests.runs import ROOT, command, run, write_inputs

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]


def test_lstms_go_to_the_nodes_with_gpus_and_the_rest_to_cpus(tmp_path):
    from ray.cluster_utils import Cluster

    write_inputs(tmp_path)
    assert run(tmp_path, "runs/local").returncode == 0
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        gpu = cluster.add_node(num_cpus=2, num_gpus=2)
        cpu = cluster.add_node(num_cpus=1, num_gpus=0)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_ADDRESS": cluster.address}
        settings = [
            "cluster.gpus_per_worker=0.25",
            "cluster.device=cpu",
            "cluster.fits_per_batch=8",
            "cluster.workers=2",
        ]
        options = [word for setting in settings for word in ("--set", setting)]
        done = subprocess.run(
            command("run", "config.yaml", "--data", "data.csv", "--run-dir", "runs/mixed", *options),
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        placed = [json.loads(line) for line in (tmp_path / "runs/mixed/events.jsonl").read_text().splitlines()]
        assert {p["family"] for p in placed} == {"lstm", "gbm", "calendar", "naive"}
        for p in placed:
            assert (gpu if p["family"] == "lstm" else cpu).node_id in p["log"], p
    finally:
        cluster.shutdown()
    assert (tmp_path / "runs/mixed/submission.csv").read_bytes() == (
        tmp_path / "runs/local/submission.csv"
    ).read_bytes()
