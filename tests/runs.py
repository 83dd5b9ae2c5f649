"""Small runs through the real command line, for tests of whole runs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent

CONFIG = """
seed: 3
data: {kind: table}
windows: {unit: day, n_windows: 3, horizon: 14}
members:
  - {model: seasonal-naive}
  - {model: calendar-level, level: [recent, mean-reverting]}
  - {model: lightgbm-direct, rounds: 20, seeds: 2}
  - {model: lstm-direct, input_size: [7, 10], hidden_size: 6, epochs: 4, seeds: 4}
"""


def write_inputs(folder: Path, days: int = 200) -> None:
    """config.yaml and data.csv: two targets with a weekday pattern and a wandering level."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(5)
    ds = np.arange("2024-01-01", "2026-01-01", dtype="datetime64[D]")[:days]
    weekday = np.array([1.2, 1.1, 1.0, 1.0, 0.9, 0.5, 0.4])[(ds.astype(int) + 3) % 7]
    level = 1e6 * np.exp(np.cumsum(random.normal(0, 0.02, (2, days)), axis=1))
    y = np.rint(level * weekday * np.exp(random.normal(0, 0.1, (2, days)))).astype(int)
    rows = [f"{d},{a},{b}" for d, a, b in zip(ds, y[0], y[1], strict=True)]
    (folder / "data.csv").write_text("ds,purchase,redeem\n" + "\n".join(rows) + "\n")
    (folder / "config.yaml").write_text(CONFIG)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cluster.cli", *arguments]


def tidecast(folder: Path, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`, which holds `write_inputs`' files."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command(*arguments), cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )


def run(folder: Path, run_dir: str, *arguments: str, executor: str = "local") -> subprocess.CompletedProcess[str]:
    arguments = ("run", "config.yaml", "--data", "data.csv", "--run-dir", run_dir, "--executor", executor, *arguments)
    return tidecast(folder, *arguments)
