"""What ``--json`` prints, compared with cluster/screen/README.md: every key stands there, with its type."""

import csv
import json
import re

import pytest
import typer

from cluster.cli import app
from tests.cluster.terminal.hostile import RUN_DIR, run_hostile
from tests.runs import ROOT, run, tidecast, write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")

README = ROOT / "cluster/screen/README.md"
TYPES = {str: "text", bool: "truth", int: "whole", float: "number", type(None): "null"}
IF_ANY = "if any"
SMALL = "members=[{model: seasonal-naive}, {model: weekday-median}, {model: lightgbm-direct, rounds: 5, seeds: 2}]"
INPUTS = ("config.yaml", "--data", "data.csv")
CASES = {
    "run": [("run", *INPUTS, "--run-dir", "runs/a", "--executor", "local", "--set", SMALL)],
    "plan": [("plan", *INPUTS), ("plan", *INPUTS, "--run-dir", "runs/a")],
    "plan without CONFIG": [("plan",)],
    "validate": [("validate", "data.csv"), ("validate", "gap.csv")],
    "explore": [("explore", "data.csv")],
    "status": [("status", "runs/a"), ("status", "runs/failed"), ("status", RUN_DIR)],
    "leaderboard": [("leaderboard", "runs/a"), ("leaderboard", "runs/failed"), ("leaderboard", RUN_DIR)],
    "leaderboard of several runs": [("leaderboard", "runs/a", "runs/b"), ("leaderboard", "runs/a", "runs/failed")],
    "evaluate": [("evaluate", "runs/a"), ("evaluate", RUN_DIR)],
    "verify": [("verify", "runs/a"), ("verify", "runs/a", "--data", "data.csv")],
    "explain": [("explain", "runs/a"), ("explain", RUN_DIR)],
    "scenario": [("scenario", "runs/a", "asked.yaml"), ("scenario", RUN_DIR, "nothing.yaml")],
    "monitor": [
        ("monitor", "runs/a"),
        ("monitor", "runs/a", "--actuals", "actual.csv"),
        ("monitor", RUN_DIR, "--actuals", "odd.csv", "--labels", "labels.csv"),
    ],
    "monitor of a ledger": [
        ("monitor", "ledger", "--actuals", "actual.csv", "--day", "2024-05-11"),
        ("monitor", "ledger"),
    ],
    "monitor --heads": [("monitor", "ledger", "--heads")],
    "score": [("score", "runs/a/submission.csv", "actual.csv", "--config", "config.yaml")],
}
"""Heading in the README → command lines whose JSON it describes."""


def documented():
    """Heading → key → type, as the README says them."""
    found = {}
    for part in README.read_text().split("\n### ")[1:]:
        heading, _, body = part.partition("\n")
        found[heading] = dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", body, flags=re.MULTILINE))
    return found


def leaves(value, place=""):
    """Place and type of every value that holds no others; of an empty list or mapping the type is None."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{place}[]")
    else:
        yield place, TYPES[type(value)]
    if value in ({}, []):
        yield place, None


def says(key, kind, place, found):
    """Whether the README's `key` of type `kind` describes a value of type `found` at `place`."""
    pattern = re.sub(r"<\w+>", ".+", re.escape(key).replace(r"\<", "<").replace(r"\>", ">"))
    words = kind.replace(",", " ").split()
    if "object" in words and re.match(rf"{pattern}(\.|\[)", place):
        return True
    if found is None:  # empty: the keys of what it would hold stand there
        return re.match(rf"{re.escape(place)}(\.|\[|$)", re.sub(r"<\w+>", "x", key)) or re.fullmatch(pattern, place)
    fits = found in words or (found == "whole" and "number" in words)
    return fits and re.fullmatch(pattern, place)


def odd_rows(folder, source, target, factor):
    """The rows of a table, the last week times `factor`."""
    with (folder / source).open(newline="") as file:
        header, *rows = csv.reader(file)
    days = sorted({row[-3] for row in rows})[-7:]
    for row in rows:
        row[-2:] = [str(int(float(cell)) * (factor if row[-3] in days else 1)) for cell in row[-2:]]
    with (folder / target).open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return days


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs on a table, one with a failed member, and a run on a panel; actual values, some of them odd."""
    folder = tmp_path_factory.mktemp("json")
    run_hostile(folder)
    days = odd_rows(folder, "more.csv", "odd.csv", 9)
    (folder / "labels.csv").write_text(f"shop,ds,anomaly\n=1+1,{days[1]},leak\n=1+1,{days[2]},leak\n")
    write_inputs(folder, days=144)
    (folder / "nothing.yaml").write_text("{}")
    (folder / "asked.yaml").write_text("balance: 5000000\nadd: [{date: 2024-05-12, series: redeem, amount: 7000000}]")
    (folder / "actual.csv").write_text((folder / "data.csv").read_text())
    odd_rows(folder, "actual.csv", "actual.csv", 9)
    write_inputs(folder, days=130)
    lines = (folder / "data.csv").read_text().splitlines(keepends=True)
    (folder / "gap.csv").write_text("".join(lines[:50] + lines[51:]))
    few = "members=[{model: seasonal-naive}, {model: calendar-level}]"
    broken = "members=[{model: seasonal-naive}, {model: seasonal-naive, season_length: 366, name: long}]"
    assert run(folder, "runs/b", "--set", few).returncode == 0
    assert run(folder, "runs/failed", "--set", broken, "--set", "run.max_failed_share=1").returncode == 0
    assert run(folder, "runs/a", "--set", SMALL, "--ledger", "ledger").returncode == 0
    return folder


def no_json(constant):
    raise ValueError(f"{constant} is no JSON")


@pytest.fixture(scope="module")
def printed(folder):
    """Heading → what its command lines print."""
    found = {}
    for heading, lines in CASES.items():
        texts = [tidecast(folder, *line, "--json") for line in lines]
        assert all(done.returncode in (0, 2) and done.stdout.count("\n") == 1 for done in texts), texts
        found[heading] = [json.loads(done.stdout, parse_constant=no_json) for done in texts]
    return found


def test_every_command_with_json_is_described():
    names = {name for name, command in commands().items() if any(p.name == "as_json" for p in command.params)}
    assert {heading.split()[0] for heading in CASES} == names
    assert set(documented()) == set(CASES)


def commands():
    return typer.main.get_command(app).commands


@pytest.mark.parametrize("heading", CASES)
def test_what_is_printed_is_what_is_described(printed, heading):
    keys = documented()[heading]
    seen = {leaf for value in printed[heading] for leaf in leaves(value)}
    unknown = [leaf for leaf in sorted(seen, key=str) if not any(says(*row, *leaf) for row in keys.items())]
    assert unknown == []
    absent = [key for key, kind in keys.items() if not any(says(key, kind, *leaf) for leaf in seen if leaf[1])]
    assert [key for key in absent if IF_ANY not in keys[key]] == []


def test_a_run_prints_its_leaderboard_as_the_leaderboard_does(printed):
    assert printed["run"][0]["leaderboard"] == printed["leaderboard"][0]
