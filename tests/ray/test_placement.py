"""A cluster of two nodes with logical GPUs and one without: who trains what, and in batches of what size."""

import json
import os
import subprocess
from collections import Counter, defaultdict

import pytest

from cluster.config import load_config
from cluster.cutting.batches import cut_batches
from cluster.plan import make_plan
from cluster.stages.input import load_data
from tests.runs import ROOT, command, run, write_inputs

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]

CONFIG = """
seed: 3
data: {kind: table}
windows: {unit: day, n_windows: 3, horizon: 14}
members:
  - {model: seasonal-naive}
  - {model: calendar-level, level: [recent, mean-reverting]}
  - {model: lstm-direct, input_size: [7, 10], hidden_size: 30, epochs: 150, seeds: 4}
cluster: {device: cpu, gpus_per_worker: 0.5, fits_per_batch: 8}
"""


@pytest.fixture
def nodes():
    """Two nodes with a GPU and two CPUs each, and one with a CPU; the driver's node has none."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        gpus = [cluster.add_node(num_cpus=2, num_gpus=1).node_id for _ in range(2)]
        yield cluster.address, gpus, cluster.add_node(num_cpus=1, num_gpus=0).node_id
    finally:
        cluster.shutdown()


def test_every_gpu_worker_trains_batches_as_planned_and_the_cpu_node_gets_the_rest(tmp_path, nodes):
    address, gpu_nodes, cpu_node = nodes
    write_inputs(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG)
    done = subprocess.run(
        command("run", "config.yaml", "--data", "data.csv", "--run-dir", "run"),
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_ADDRESS": address},
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    placed = [json.loads(line) for line in (tmp_path / "run/events.jsonl").read_text().splitlines()]
    config = load_config(str(tmp_path / "config.yaml"), ())
    plan = make_plan(config, load_data(config, str(tmp_path / "data.csv"), None).panel, "cpu")
    assert Counter(p["n_fits"] for p in placed) == Counter(b.n_fits for b in cut_batches(plan, plan.trials))
    workers = defaultdict(set)
    for p in placed:
        (node,) = [node for node in (*gpu_nodes, cpu_node) if node in p["log"]]
        assert (node in gpu_nodes) == (p["family"] == "lstm"), p
        workers[node].add(p["node"])
    assert {len(workers[node]) for node in gpu_nodes} == {2}
    assert run(tmp_path, "local").returncode == 0
    assert (tmp_path / "run/submission.csv").read_bytes() == (tmp_path / "local/submission.csv").read_bytes()


def test_nodes_without_a_driver_do_not_say_what_memory_their_gpus_have(nodes):
    import ray

    from cluster.execution.ray_pool import cluster_resources, with_gpu_memory

    ray.init(address=nodes[0], log_to_driver=False)
    try:
        found = cluster_resources()
        assert (len(found.nodes), found.cpus, found.gpus) == (4, 5, 2)
        assert with_gpu_memory(found) == found
    finally:
        ray.shutdown()
