"""Kill runs at random moments until enough was killed; every submission must be the undisturbed one's, to the byte.

    python -m tests.ray.chaos --kills 50 [--seed 1]

Kinds of death: a worker (SIGKILL), the driver (SIGKILL, then the same command at once), an interrupt (SIGINT, then
again), a node of a 3-node cluster removed while it works and another added, and the one process of a run by the local
executor (SIGKILL, after its first stored batch). Counted besides: no trial stands in two
batch files, so none that was finished was trained again, and no half-written file stays.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from cluster.execution.retry import MAX_ATTEMPTS
from cluster.rundir.batch_file import read_header
from cluster.rundir.storage import UNFINISHED
from cluster.rundir.store import RunStore
from tests.runs import ROOT, command, run, write_inputs

ARGUMENTS = ("run", "config.yaml", "--data", "data.csv", "--set", "cluster.fits_per_batch=4", "--run-dir")
KINDS = ("worker", "driver", "interrupt", "node", "local")


def start(folder: Path, run_dir: str, address: str | None = None, executor: str = "ray") -> subprocess.Popen[str]:
    """A driver of its own, on a Ray of its own or on the cluster at `address`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if address is not None:
        environment["RAY_ADDRESS"] = address
    return subprocess.Popen(
        command(*ARGUMENTS, run_dir, "--executor", executor),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )


def hear_interrupts() -> None:
    """Shells start background jobs deaf to SIGINT, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a driver that must end well."""
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr


def wait_for_batches(process: subprocess.Popen[str], folder: Path, count: int) -> bool:
    """True when `count` batches are on disk while the driver still runs."""
    while process.poll() is None:
        if len(list((folder / "batches").glob("*.parquet"))) >= count:
            return True
        time.sleep(0.02)
    return False


def kill_worker(driver: subprocess.Popen[str]) -> bool:
    """SIGKILL the next Ray process that runs our code below this driver; False when the driver ended before."""
    while driver.poll() is None:
        if _kill_one(driver.pid):
            return True
        time.sleep(0.02)
    return False


def _kill_one(driver: int) -> bool:
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listing.splitlines()]
    parents = {pid: parent for pid, parent, *_ in rows}
    for pid, _, *text in rows:
        ours = text and ("ray::_Worker" in text[0] or "ray::_run_task" in text[0])
        if ours and str(driver) in _ancestors(pid, parents):
            with suppress(ProcessLookupError):  # it ended by itself meanwhile
                os.kill(int(pid), signal.SIGKILL)
                return True
    return False


def _ancestors(pid: str, parents: Mapping[str, str]) -> Iterator[str]:
    while pid in parents:
        pid = parents[pid]
        yield pid


def disturb(kind: str, folder: Path, run_dir: str, chance: random.Random) -> int:
    """One run with deaths of one kind, run to its end; returns how often it was killed."""
    killed = 0
    if kind == "node":
        return _remove_nodes(folder, run_dir, chance)
    executor = "local" if kind == "local" else "ray"
    process = start(folder, run_dir, executor=executor)
    kills = MAX_ATTEMPTS - 1 if kind == "worker" else 3  # one more on the same batch would rightly give it up
    for count in sorted(chance.sample(range(1, 9), kills)):
        if not wait_for_batches(process, folder / run_dir, count):
            break
        time.sleep(chance.uniform(0, 0.5))
        if kind == "worker":
            killed += kill_worker(process)
            continue
        process.send_signal(signal.SIGINT if kind == "interrupt" else signal.SIGKILL)
        process.communicate(timeout=120)
        killed += process.returncode != 0
        process = start(folder, run_dir, executor=executor)
    finish(process)
    return killed


def _remove_nodes(folder: Path, run_dir: str, chance: random.Random) -> int:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)]
    killed = 0
    try:
        process = start(folder, run_dir, cluster.address)
        for count in sorted(chance.sample(range(1, 9), 2)):
            if wait_for_batches(process, folder / run_dir, count):
                cluster.remove_node(nodes.pop(0), allow_graceful=False)
                nodes.append(cluster.add_node(num_cpus=1))
                killed += 1
        finish(process)
    finally:
        cluster.shutdown()
    return killed


def trained_twice(run_dir: Path) -> list[str]:
    """Trials that stand in more than one batch file."""
    storage = RunStore(str(run_dir)).storage
    batches = [read_header(storage, file) for file in storage.names("batches", ".parquet")]
    keys = Counter(trial.trial_key for batch in batches for trial in batch.trials)
    return [key for key, count in keys.items() if count > 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    write_inputs(folder)
    assert run(folder, "runs/calm").returncode == 0
    expected = (folder / "runs/calm/submission.csv").read_bytes()
    counts: Counter[str] = Counter()
    runs = 0
    while sum(counts.values()) < options.kills:
        kind = options.kinds[runs % len(options.kinds)]
        run_dir = f"runs/{runs}-{kind}"
        counts[kind] += disturb(kind, folder, run_dir, chance)
        runs += 1
        same = (folder / run_dir / "submission.csv").read_bytes() == expected
        again = trained_twice(folder / run_dir)
        print(
            json.dumps({"run": run_dir, "kills": dict(counts), "same": same, "trained_twice": len(again)}), flush=True
        )
        assert same, f"{folder / run_dir}: the submission differs"
        assert not again, f"{folder / run_dir}: trained twice: {again}"
        left = list((folder / run_dir).rglob(f"{UNFINISHED}*"))
        assert not left, f"half-written files: {left}"
    shutil.rmtree(folder)
    print(f"{sum(counts.values())} kills over {runs} runs: every submission as the undisturbed one's")


if __name__ == "__main__":
    main()
