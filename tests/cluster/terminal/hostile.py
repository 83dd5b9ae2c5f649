"""A small run whose names are what a terminal, rich or a spreadsheet could act on."""

import csv
from pathlib import Path

from tests.runs import tidecast, write_inputs

MARKUP, ESCAPES = "[/]", "[red]=a\x1b[2J\u202eb\u200b:smile:"
SHOWN = r"[red]=a\x1b[2J\u202eb\u200b:smile:"
RUN_DIR = "runs/[bold]"
AHEAD = "2024-04-02"
"""A day of the forecast."""
CONFIG = rf"""
data: {{kind: panel, entity: shop, targets: {{purchase: 0.45, redeem: 0.55}}, unit: "[/]"}}
windows: {{unit: day, n_windows: 3, horizon: 7}}
members:
  - {{model: seasonal-naive, name: "{MARKUP}"}}
  - {{model: weekday-median, name: "{SHOWN}"}}
"""


def write_hostile(folder: Path) -> None:
    """config.yaml, panel.csv and more.csv of two shops, the second a week longer, and scenario.yaml."""
    write_inputs(folder, days=98)
    with (folder / "data.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    for name, known in (("panel.csv", rows[:-7]), ("more.csv", rows)):
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows(
                [["shop", *header], *([shop, *row] for shop in (MARKUP, "=1+1") for row in known)]
            )
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "scenario.yaml").write_text(f'level: [{{series: "{MARKUP}/purchase", percent: 10, from: {AHEAD}}}]')


def run_hostile(folder: Path) -> None:
    """A finished run in `RUN_DIR`."""
    write_hostile(folder)
    done = tidecast(folder, "run", "config.yaml", "--data", "panel.csv", "--run-dir", RUN_DIR, "--executor", "local")
    assert done.returncode == 0, done.stderr
