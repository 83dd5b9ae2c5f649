"""What a panel costs: ``python -m tests.bench.panel --series 100 1000 10000 [--config FILE] [--days 400]``.

Makes a panel of synthetic funds with two series each, and runs `plan`, `run`, `report` and `predict` on it, each in a
fresh process of its own with `--executor local`. Prints JSON: for every size and command the seconds of wall time and
of CPU, and the largest sum of PSS over the command's processes, in MB (proportional set size: shared pages count once);
the size of the report; and how CPU and memory of the whole grow from each size to the next, as the exponent of a power
of the number of series (1: linear).

`--config` takes any configuration's `members` and `blend`, by default those of the preset `panel-fast`. Exits with 1
when `--limit-seconds` (of wall time) or `--limit-mb` is missed by the largest size.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from forecasting.sample.write import write_sample

ROOT = Path(__file__).parent.parent.parent
PRESET = ROOT / "configs/presets/panel-fast.yaml"
PANEL = {
    "seed": 1,
    "data": {
        "kind": "panel",
        "entity": "fund_code",
        "columns": {"ds": "transaction_date", "purchase": "apply_amt", "redeem": "redeem_amt"},
    },
    "calendar": "CN",
    "windows": {"unit": "day", "n_windows": 4, "horizon": 14, "step_size": 14},
    "score": {"surrogate": "wape"},
}
"""All but members and blend."""
SAMPLE_SECONDS = 0.2


def children_of(parents: set[int]) -> set[int]:
    """These processes and all that descend from them."""
    parent_of = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent_of[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has ended since
                continue
    found = set(parents)
    while more := {pid for pid, parent in parent_of.items() if parent in found} - found:
        found |= more
    return found


def pss_mb(pid: int) -> float:
    """Proportional set size of a process; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def measured(command: Sequence[str]) -> dict[str, float]:
    """Run a command; its wall seconds, CPU seconds and peak sum of PSS."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    peak, ended = 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(SAMPLE_SECONDS):
            peak = max(peak, sum(map(pss_mb, children_of({process.pid}))))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    said, _ = process.communicate()
    seconds = time.perf_counter() - started
    ended.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{said.decode(errors='replace')}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": round(seconds, 1), "cpu_s": round(cpu, 1), "pss_mb": round(peak)}


def measure(folder: Path, series: int, days: int, members: dict[str, Any]) -> dict[str, Any]:
    """All commands on one panel."""
    config, data, run = folder / "panel.yaml", folder / "data", folder / "run"
    config.write_text(yaml.safe_dump({**PANEL, **members}))
    write_sample(data, kind="funds", users=series // 2, days=days)
    tidecast = [sys.executable, "-m", "cluster.cli"]
    trained = [str(config), "--data", str(data), "--executor", "local"]
    commands = {
        "plan": [*tidecast, "plan", *trained[:3]],
        "run": [*tidecast, "run", *trained, "--run-dir", str(run)],
        "report": [*tidecast, "report", str(run)],
        "predict": [*tidecast, "predict", str(run), "--data", str(data)],
    }
    found: dict[str, Any] = {"series": series, "days": days}
    found |= {name: measured(command) for name, command in commands.items()}
    found["report_mb"] = round((run / "report.html").stat().st_size / 1e6, 2)
    parts = [found[name] for name in commands]
    found["total"] = {key: round(sum(part[key] for part in parts), 1) for key in ("wall_s", "cpu_s")}
    found["total"]["pss_mb"] = max(part["pss_mb"] for part in parts)
    return found


def growth(small: dict[str, Any], large: dict[str, Any]) -> dict[str, float]:
    """Exponents by which CPU and memory grow with the number of series."""
    ratio = math.log(large["series"] / small["series"])
    return {key: round(math.log(large["total"][key] / small["total"][key]) / ratio, 2) for key in ("cpu_s", "pss_mb")}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--config", type=Path, default=PRESET)
    parser.add_argument("--limit-seconds", type=float, default=900.0)
    parser.add_argument("--limit-mb", type=float, default=3000.0)
    options = parser.parse_args()
    keys = yaml.safe_load(options.config.read_text())
    members = {name: keys[name] for name in ("members", "blend") if name in keys}
    sizes = []
    for series in sorted(options.series):
        with tempfile.TemporaryDirectory() as folder:
            sizes.append(measure(Path(folder), series, options.days, members))
        print(json.dumps(sizes[-1]), file=sys.stderr)
    steps = [
        {"from": small["series"], "to": large["series"], **growth(small, large)}
        for small, large in itertools.pairwise(sizes)
    ]
    print(json.dumps({"config": options.config.name, "sizes": sizes, "growth": steps}, indent=2))
    total = sizes[-1]["total"]
    return 0 if total["wall_s"] <= options.limit_seconds and total["pss_mb"] <= options.limit_mb else 1


if __name__ == "__main__":
    sys.exit(main())
