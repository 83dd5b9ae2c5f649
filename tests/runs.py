"""Small runs through the real command line, for tests of whole runs."""

import io
import json
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from cluster.rundir.store import RunStore
from cluster.terminal.main import run_command
from cluster.terminal.signals import StopSignals
from forecasting.digests import seal

ROOT = Path(__file__).parent.parent
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

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


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Another content for a JSON file of a run, with the digests of one that the program wrote."""
    facts = json.loads(path.read_text())
    del facts["digest"]
    change(facts)
    store = RunStore(str(path.parent))
    store.write_result(path.name, seal((json.dumps(facts, indent=1) + "\n").encode(), path.name))
    store.seal()


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


@contextmanager
def charts_as_text() -> Iterator[None]:
    """Pages are written with what would be drawn as text: drawing takes half the time of a small run."""

    def as_text(charts: Sequence[Any]) -> tuple[str, dict[str, str]]:
        return repr(charts), {chart.key: "" for chart in charts}

    with patch("ensembles.report.charts.bokeh_page.draw", as_text):
        yield


STEPS = re.compile(
    r"tidecast: (reads the (configuration of .*|data)|makes up the data .*|plans the work, .*|blends the forecasts .*"
    r"|trains \d+ fits? in .*|\d+ of \d+ fits? trained.*)\n"
)
"""Lines of a run that say what it is at."""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said; `stderr` without the lines of its steps, which are `steps`."""

    returncode: int
    stdout: str
    stderr: str
    steps: tuple[str, ...] = ()


def tidecast(folder: Path, *arguments: str) -> Done:
    """Run a command in `folder`, in this process (heavy libraries are loaded once for all tests)."""
    out, err = io.StringIO(), io.StringIO()
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    with chdir(folder), redirect_stdout(out), redirect_stderr(err), patch("sys.argv", ["tidecast", *arguments]):
        try:
            run_command(StopSignals())
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    said = err.getvalue()
    return Done(code, out.getvalue(), STEPS.sub("", said), tuple(step.group() for step in STEPS.finditer(said)))


def run(folder: Path, run_dir: str, *arguments: str, executor: str = "local") -> Done:
    arguments = ("run", "config.yaml", "--data", "data.csv", "--run-dir", run_dir, "--executor", executor, *arguments)
    return tidecast(folder, *arguments)
