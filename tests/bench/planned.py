"""What a plan is worth: ``python -m tests.bench.planned [--seeds 20]``.

The account "operations" of the generated company pays a tax every third month, many times a day's outflow. Each seed is
run twice, with the tax planned and with nothing said of it, by the same cheap models on the same windows. Of the
blend's forecasts of outflow, which saw no window before it was judged, three figures are printed:

    tax days      mean absolute error on them, as a multiple of that on ordinary days
    ordinary days the same models with and without the plan: the mean error saved, paired by seed, with its interval
    alerts        in how many seeds every tax day in a window is named by an alert, without the plan and with it

The exit code is 1 unless the error of tax days is that of ordinary ones (0.5 to 2 times), the interval lies above 0,
and alerts name the days of the runs that had no plan.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from scipy.stats import t as student

from forecasting.sample.write import write_sample
from tests.runs import run

__all__ = ["Worth", "main", "measure"]

CONFIDENCE = 0.9
CONFIG = """
seed: 1
calendar: DE
data: {{kind: table, targets: {{inflow: 0.5, outflow: 0.5}}, unit: EUR{more}}}
windows: {{unit: day, n_windows: 12, horizon: 14}}
score: {{surrogate: wape}}
members:
  - {{model: weekday-mean}}
  - {{model: periodic-factor}}
  - {{model: calendar-level}}
blend: {{candidates: [mean]}}
run: {{keep: none}}
"""


@dataclass(frozen=True)
class Worth:
    """Errors of the blend by seed, ``[n_seeds]``: on tax days and on ordinary ones, with the plan and without; whether
    alerts name all tax days.
    """

    tax: np.ndarray
    ordinary: np.ndarray
    tax_unplanned: np.ndarray
    ordinary_unplanned: np.ndarray
    named: np.ndarray
    named_unplanned: np.ndarray

    @property
    def ratio(self) -> float:
        """Error of a tax day as a multiple of that of an ordinary day, with the plan."""
        return float(self.tax.mean() / self.ordinary.mean())

    @property
    def ratio_unplanned(self) -> float:
        """The same without a plan."""
        return float(self.tax_unplanned.mean() / self.ordinary_unplanned.mean())

    @property
    def saved(self) -> tuple[float, float, float]:
        """What the plan saves of the error of an ordinary day: mean over seeds as a share of that error, and the ends
        of its t interval.
        """
        gain = (self.ordinary_unplanned - self.ordinary) / self.ordinary_unplanned
        n = len(gain)
        half = float(student.ppf((1 + CONFIDENCE) / 2, n - 1) * gain.std(ddof=1) / np.sqrt(n))
        return float(gain.mean()), float(gain.mean()) - half, float(gain.mean()) + half

    @property
    def holds(self) -> bool:
        """Whether all is as it is meant to be."""
        return 0.5 < self.ratio < 2.0 and self.saved[1] > 0 and bool(self.named_unplanned.all())


def measure(seeds: int) -> Worth:
    """Run every seed with the plan and without."""
    rows = []
    for seed in range(1, seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_of_seed(Path(folder), seed))
    return Worth(*(np.array(column) for column in zip(*rows, strict=True)))


def _of_seed(folder: Path, seed: int) -> tuple[float, float, float, float, bool, bool]:
    write_sample(folder, kind="company", seed=seed)
    accounts = pd.read_csv(folder / "accounts.csv")
    mine = accounts[accounts["account"] == "operations"].drop(columns="account")
    mine.to_csv(folder / "data.csv", index=False)
    plan = pd.read_csv(folder / "planned.csv")
    plan.rename(columns={"target": "series"}).drop(columns="entity").to_csv(folder / "plan.csv", index=False)
    with_plan = _errors(folder, ", planned: plan.csv", set(plan["date"]))
    without = _errors(folder, "", set(plan["date"]))
    return (*with_plan[:2], *without[:2], with_plan[2], without[2])


def _errors(folder: Path, more: str, taxes: set[str]) -> tuple[float, float, bool]:
    """Mean absolute error on tax days and on ordinary days, and whether alerts name all tax days."""
    (folder / "config.yaml").write_text(CONFIG.format(more=more))
    name = "with" if more else "without"
    with patch("cluster.stages.reports.render", return_value=""):  # the page takes longer than all else
        done = run(folder, name)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    oof = pd.read_parquet(folder / name / "oof.parquet")
    oof = oof[(oof["member"] == "blend") & (oof["unique_id"] == "outflow")]
    error, days = (oof["y_hat"] - oof["y"]).abs(), oof["ds"].astype(str)
    tax = days.isin(taxes)
    alerts = pd.read_csv(folder / name / "alerts.csv")
    named = set(alerts.loc[alerts.isin(["outflow"]).any(axis=1)].astype(str).to_numpy().ravel())
    return float(error[tax].mean()), float(error[~tax].mean()), set(days[tax]) <= named


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    worth = measure(parser.parse_args().seeds)
    mean, low, high = worth.saved
    n = len(worth.tax)
    print(f"error of a tax day, in errors of an ordinary day: {worth.ratio:.2f} (no plan: {worth.ratio_unplanned:.2f})")
    print(
        f"error of an ordinary day that the plan saves: {mean:.1%} ({CONFIDENCE:.0%} interval {low:.1%} to {high:.1%})"
    )
    print(
        f"seeds in which alerts name every tax day: {worth.named.sum()} of {n} (no plan: {worth.named_unplanned.sum()})"
    )
    sys.exit(0 if worth.holds else 1)


if __name__ == "__main__":
    main()
