"""Whether common wishes stay small: each adds its files to a copy of this checkout, and the program uses them.

A wish is a folder of ``tests/wishes``. Its ``files/`` holds files to add, under the paths they have in the repository.
Its ``changes.patch``, if there is one, changes files that exist. It may touch as many files as its budget says. Then
the copy runs a small configuration by its command line, and the files of that run must show that the wish was used.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).parent.parent
WISHES = ROOT / "tests" / "wishes"
PACKAGES = ("cluster", "ensembles", "forecasting")

CONFIG: dict[str, Any] = {
    "data": {"kind": "table"},
    "windows": {"unit": "day", "n_windows": 3, "horizon": 14},
    "members": [
        {"model": "seasonal-naive"},
        {"model": "weekday-mean"},
        {"model": "calendar-level"},
    ],
}
OPTIONS = {"--data": "data.csv", "--executor": "local"}


@dataclass(frozen=True)
class Wish:
    """A folder of `tests/wishes`, and how to use what it adds.

    It may add or change `budget` files. `settings` replace sections of `CONFIG`, and `options` those of `OPTIONS`.
    `used` asserts on the run directory.
    """

    name: str
    budget: int
    used: Callable[[Path], None]
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def added(self) -> list[str]:
        """Files to add, as paths in the repository."""
        folder = WISHES / self.name / "files"
        return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())

    @property
    def patch(self) -> Path:
        return WISHES / self.name / "changes.patch"

    @property
    def changed(self) -> list[str]:
        """Files that the patch changes."""
        lines = self.patch.read_text().splitlines() if self.patch.exists() else []
        return [line.removeprefix("+++ b/") for line in lines if line.startswith("+++ ")]


# -- what shows that a wish was used


def read_json(run: Path, name: str) -> Any:
    return json.loads((run / name).read_text())


def score_is(name: str) -> Callable[[Path], None]:
    def used(run: Path) -> None:
        board = read_json(run, "leaderboard.json")
        assert board["surrogate"] == name
        assert all(np.isfinite(row["score"]) for row in board["rows"])

    return used


def section_stands(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert page.count('<section id="weeks">') == 1
    assert '<a href="#weeks">Weeks</a>' in page
    assert "2024-07-01" in page  # a Monday of the forecast


def method_is_a_candidate(run: Path) -> None:
    pairs = read_json(run, "blend.json")["pairs"]
    assert "winsorized-mean/families" in {label for pair in pairs for label in pair["methods"].values()}


def data_were_read(run: Path) -> None:
    facts = read_json(run, "run.json")
    assert facts["config"]["data"]["kind"] == "jsonlines"
    assert facts["data"]["end"] == "2024-06-28"
    assert (run / "submission.csv").stat().st_size


def threads_worked(run: Path) -> None:
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    logs = {event["log"] for event in events if "log" in event}
    assert logs
    assert all(log.startswith("trainer") for log in logs)


def model_has_a_row(run: Path) -> None:
    rows = read_json(run, "leaderboard.json")["rows"]
    (row,) = (row for row in rows if row["setting"] == "drift")
    assert row["status"] == "ok"
    assert np.isfinite(row["score"])


WISHED = (
    Wish("pointwise-score", 1, score_is("cubic"), {"score": {"surrogate": "cubic"}}),
    Wish("pooled-score", 1, score_is("squares"), {"score": {"surrogate": "squares"}}),
    Wish("report-section", 2, section_stands),
    Wish("blend-method", 1, method_is_a_candidate, {"blend": {"candidates": ["winsorized-mean"]}}),
    Wish("data-source", 2, data_were_read, {"data": {"kind": "jsonlines"}}, {"--data": "data.jsonl"}),
    Wish("executor", 2, threads_worked, options={"--executor": "threads"}),
    Wish("model", 1, model_has_a_row, {"members": [*CONFIG["members"], {"model": "drift"}]}),
)


# -- the copy


def copied_checkout(folder: Path) -> Path:
    """The program in a folder of its own, with what is compiled of it: that fits a file as long as its time stays."""
    half_written = shutil.ignore_patterns("*.pyc.*", "*.tmp.*")  # by another process of the tests
    for name in (*PACKAGES, "configs"):
        shutil.copytree(ROOT / name, folder / name, ignore=half_written)
    return folder


def grant(wish: Wish, checkout: Path) -> None:
    """Make the wish's changes."""
    for name in wish.added:
        assert not (checkout / name).exists(), f"{name} is there already: change it by a patch"
    shutil.copytree(WISHES / wish.name / "files", checkout, dirs_exist_ok=True)
    if wish.changed:
        done = subprocess.run(["git", "apply", wish.patch], cwd=checkout, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def write_data(folder: Path) -> None:
    """180 days of two targets with a weekday pattern, as a table and as JSON lines."""
    random = np.random.default_rng(5)
    ds = np.arange("2024-01-01", "2024-06-29", dtype="datetime64[D]")
    weekday = np.array([1.2, 1.1, 1.0, 1.0, 0.9, 0.5, 0.4])[(ds.astype(int) + 3) % 7]
    y = np.rint(1e6 * weekday * np.exp(random.normal(0, 0.1, (2, len(ds))))).astype(int)
    rows = [{"ds": str(d), "purchase": int(a), "redeem": int(b)} for d, a, b in zip(ds, *y, strict=True)]
    table = ["ds,purchase,redeem", *(",".join(str(value) for value in row.values()) for row in rows)]
    (folder / "data.csv").write_text("\n".join(table) + "\n")
    (folder / "data.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n")


def run(checkout: Path, work: Path, wishes: Sequence[Wish]) -> Path:
    """Run the copy as these wishes want it; the run directory."""
    config, options = CONFIG, OPTIONS
    for wish in wishes:
        config, options = config | wish.settings, options | wish.options
    write_data(work)
    (work / "config.yaml").write_text(yaml.safe_dump(config))
    arguments = ["config.yaml", "--run-dir", "out", *(word for option in options.items() for word in option)]
    done = subprocess.run(
        [sys.executable, "-m", "cluster.cli", "run", *arguments],
        cwd=work,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return work / "out"


@pytest.fixture
def checkout(tmp_path):
    return copied_checkout(tmp_path / "checkout")


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("wish", WISHED, ids=lambda wish: wish.name)
def test_a_wish_takes_few_files(wish):
    assert 0 < len({*wish.added, *wish.changed}) <= wish.budget


def test_wishes_are_granted_together(checkout, work):
    together = [wish for wish in WISHED if wish.name != "pooled-score"]  # a run has one score
    for wish in WISHED:
        grant(wish, checkout)
    out = run(checkout, work, together)
    for wish in together:
        wish.used(out)


@pytest.mark.slow
@pytest.mark.parametrize("wish", WISHED, ids=lambda wish: wish.name)
def test_a_wish_is_granted_alone(wish, checkout, work):
    grant(wish, checkout)
    wish.used(run(checkout, work, [wish]))


def test_every_folder_is_a_wish():
    assert {folder.name for folder in WISHES.iterdir()} == {wish.name for wish in WISHED}
