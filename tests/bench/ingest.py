"""How fast the user table is read: ``python -m tests.bench.ingest [--users 28041] [--repeats 5]``.

Makes a full-size table (about 2.85 million rows, 165 MB), then times, interleaved in one process,

* Arrow parsing the file alone (`pyarrow.csv.read_csv`, all columns),
* this program summing it to daily totals,
* pandas reading it and grouping by day,

and measures the peak memory of a fresh process that does nothing but sum it, once for the table and once for a folder
of four such parts. Exits with 1 when a limit is missed: 1.5 times Arrow's time, a fifth of pandas' time, 600 MB,
or totals that differ from pandas' by a fen.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.csv as pacsv

from forecasting.data.formats.files import Folder, open_location
from forecasting.data.sources.aggregate import DailyTotals, TotalsQuery, sum_by_day
from forecasting.sample.write import write_sample

QUERY = TotalsQuery("report_date", ("total_purchase_amt", "total_redeem_amt"))
LIMITS = {"over_arrow": 1.5, "pandas_over_ours": 5.0, "peak_mb": 600.0}
PARTS = 4


def totals(folder: Path) -> DailyTotals:
    location = open_location(folder)
    assert isinstance(location, Folder)
    return sum_by_day(location.find("user_balance_table"), QUERY)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def by_pandas(csv: Path) -> pd.DataFrame:
    return pd.read_csv(csv).groupby(QUERY.date)[list(QUERY.amounts)].sum()


def peak_mb(folder: Path) -> float:
    """Peak memory of a process that only sums the folder."""
    command = [sys.executable, "-m", "tests.bench.ingest", "--only-sum", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def peaks(folder: Path) -> dict[str, float]:
    many = folder / "many/user_balance_table"
    many.mkdir(parents=True)
    for part in range(PARTS):
        os.link(folder / "user_balance_table.csv", many / f"part-{part}.csv")
    return {"peak_mb": peak_mb(folder), f"peak_mb_{PARTS}_parts": peak_mb(many.parent)}


def measure(folder: Path, repeats: int) -> dict[str, float]:
    csv = folder / "user_balance_table.csv"
    works: dict[str, Callable[[], object]] = {
        "arrow": lambda: pacsv.read_csv(csv),
        "ours": lambda: totals(folder),
        "pandas": lambda: by_pandas(csv),
    }
    wall: dict[str, list[float]] = {name: [] for name in works}
    cpu: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            before = time.process_time()
            spent = seconds(work)
            if turn:  # the first turn warms caches and imports
                wall[name].append(spent)
                cpu[name].append(time.process_time() - before)
    got, want = totals(folder), by_pandas(csv)
    exact = [str(d).replace("-", "") for d in got.ds] == [str(d) for d in want.index]
    exact = exact and np.array_equal(got.sums, want.to_numpy())
    return {
        "mb": csv.stat().st_size / 1e6,
        **{f"{name}_s": statistics.median(spent) for name, spent in wall.items()},
        **{f"{name}_cpu_s": statistics.median(spent) for name, spent in cpu.items()},
        "over_arrow": statistics.median(o / a for o, a in zip(wall["ours"], wall["arrow"], strict=True)),
        "pandas_over_ours": statistics.median(p / o for p, o in zip(wall["pandas"], wall["ours"], strict=True)),
        "exact": float(exact),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, default=28_041)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only-sum", type=Path)
    options = parser.parse_args()
    if options.only_sum:
        totals(options.only_sum)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spent = seconds(lambda: write_sample(folder, users=options.users))
        # Memory first: a child's peak counts the pages of the parent it was forked from.
        result = {"generate_s": spent} | peaks(folder) | measure(folder, options.repeats)
    print(json.dumps({k: round(v, 3) for k, v in result.items()}, indent=2))
    met = result["over_arrow"] <= LIMITS["over_arrow"] and result["pandas_over_ours"] >= LIMITS["pandas_over_ours"]
    peak = max(result["peak_mb"], result[f"peak_mb_{PARTS}_parts"])
    return 0 if met and peak <= LIMITS["peak_mb"] and result["exact"] else 1


if __name__ == "__main__":
    sys.exit(main())
