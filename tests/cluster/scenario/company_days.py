"""A run to ask what would be if, and how its files are read."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from forecasting.calendar import Calendar
from tests.runs import Done, tidecast

DAYS = pd.date_range("2022-01-01", "2024-04-24")
HOLIDAY, OTHER, TAX_DAY = "2024-05-01", "2024-05-02", "2024-05-06"
LAST = "2024-05-15"
MEMBERS = "members: [{model: seasonal-naive}, {model: calendar-level}, {model: lightgbm-direct, rounds: 20}]"
CONFIG = f"""
{MEMBERS}
seed: 3
calendar: DE
data: {{kind: table, targets: {{inflow: 0.5, outflow: 0.5}}, unit: EUR, events: events.csv, planned: planned.csv,
       balance: 500000, limits: {{minimum: 300000}}}}
windows: {{unit: day, n_windows: 3, horizon: 21}}
blend: {{candidates: [mean]}}
"""
PLAN = [
    "date,series,amount,known,until,kind,note",
    f"{TAX_DAY},outflow,250000.50,,,,tax",
    "2024-05-08,outflow,10,,,,one",
    "2024-05-08,outflow,20,,,,two",
    "2024-05-07,inflow,-1000,,2024-05-09,adjust,a strike",
]
ON_HOLIDAYS = 0.25


def write_inputs(folder: Path, config: str = CONFIG) -> None:
    """A week, holidays with a quarter of an ordinary day's amounts, and a payroll day a month."""
    rng = np.random.default_rng(3)
    facts = Calendar("DE").days(DAYS.to_numpy().astype("datetime64[D]"))
    week = np.array([1.3, 1.1, 1.0, 1.0, 1.1, 0.6, 0.5])[DAYS.day_of_week]
    usual = 1e5 * week * np.where([bool(name) for name in facts.holiday], ON_HOLIDAYS, 1.0)
    usual = usual * np.where(DAYS.day == 25, 1.8, 1.0)
    flows = {name: (usual * np.exp(rng.normal(0, 0.05, len(DAYS)))).round(2) for name in ("inflow", "outflow")}
    pd.DataFrame({"ds": DAYS.strftime("%Y-%m-%d"), **flows}).to_csv(folder / "data.csv", index=False)
    payroll = [str(day.date()) for day in pd.date_range("2022-01-25", "2024-06-25") if day.day == 25]
    pd.DataFrame({"ds": payroll, "name": "payroll"}).to_csv(folder / "events.csv", index=False)
    (folder / "planned.csv").write_text("\n".join(PLAN) + "\n")
    (folder / "config.yaml").write_text(config)


def ask(folder: Path, text: str, *arguments: str, run_dir: str = "r") -> Done:
    (folder / "what.yaml").write_text(text)
    return tidecast(folder, "scenario", run_dir, "what.yaml", *arguments)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rows(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    return {(row["target"], row["date"]): row for row in table(path)}
