"""Help: the usual order, examples that can be typed, and hints at what was meant."""

import os
import shlex
import subprocess
import sys

import pytest
import typer

from cluster.cli import app
from cluster.commands.helping import AFTER, BEFORE, EXAMPLES, ORDER, RUN
from tests.runs import ROOT, tidecast

NAMES = [command.name or command.callback.__name__ for command in app.registered_commands]
LINES = [line for lines in EXAMPLES.values() for line in lines] + [line for line, _ in ORDER]
MOST_COMMANDS = 17


def test_there_are_few_commands_each_with_a_panel_and_examples():
    assert len(NAMES) <= MOST_COMMANDS
    assert set(EXAMPLES) == set(NAMES)
    panels = [command.rich_help_panel for command in app.registered_commands]
    assert list(dict.fromkeys(panels)) == [BEFORE, RUN, AFTER]


@pytest.mark.parametrize("line", sorted(set(LINES)))
def test_an_example_is_a_command_line_that_is_understood(line):
    program, name, *arguments = shlex.split(line)
    assert program == "tidecast"
    command = typer.main.get_command(app).commands[name]
    assert command.make_context(name, list(arguments)).params


def test_an_example_belongs_to_its_command():
    assert all(line.split()[1] == name for name, lines in EXAMPLES.items() for line in lines)


@pytest.mark.parametrize("arguments", [(), *((name,) for name in NAMES)], ids=["tidecast", *NAMES])
def test_help_fits_80_columns_and_ends_with_lines_to_copy(tmp_path, monkeypatch, arguments):
    monkeypatch.setenv("COLUMNS", "80")
    said = tidecast(tmp_path, *arguments, "--help").stdout
    assert max(map(len, said.splitlines())) <= 80
    lines = EXAMPLES[arguments[0]] if arguments else [f"{line} " for line, _ in ORDER]
    assert all(f"   {line}" in said.splitlines() or f"   {line}" in said for line in lines)
    assert "\n Examples:\n" in said if arguments else "\n The usual order:\n" in said


def test_the_usual_order_begins_with_the_demo_and_names_commands_that_exist():
    assert ORDER[0][0] == "tidecast run"
    assert {line.split()[1] for line, _ in ORDER} <= set(NAMES)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("run", "--horizn", "3"), "--horizon"),
        (("runn",), "'run'"),
        (("run", "--n-windows", "4"), "it is a key of the configuration: --set windows.n_windows=VALUE"),
        (("plan", "--max_failed_share=1"), "--set run.max_failed_share=VALUE"),
        (("config", "yuebo"), "did you mean yuebao?"),
        (("config", "yuebao", "--set", "windws.n_windows=3"), "did you mean windows?"),
        (("config", "yuebao", "--set", "windows.n_window=3"), "did you mean n_windows?"),
        (("config", "yuebao", "--set", "n_windows=3"), "did you mean windows.n_windows?"),
        (("config", "--key", "windows.n_window"), "did you mean windows.n_windows?"),
        (("config", "--key", "epoch"), "lstm-classic.epochs"),
    ],
)
def test_what_is_misspelled_gets_a_hint(tmp_path, arguments, hint):
    done = tidecast(tmp_path, *arguments)
    assert done.returncode == 2
    assert hint in done.stderr


def test_an_option_like_nothing_gets_no_hint(tmp_path):
    assert "key of the configuration" not in tidecast(tmp_path, "run", "--xyzzy").stderr
    assert "key of the configuration" not in tidecast(tmp_path, "report", "runs/a", "--n-windows", "4").stderr


def test_help_is_there_within_a_second():
    took = []
    for _ in range(3):
        before = os.times()  # CPU seconds: it waits for nothing else, and others may use the machine
        subprocess.run([sys.executable, "-m", "cluster.cli", "--help"], cwd=ROOT, capture_output=True, check=True)
        after = os.times()
        took.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert min(took) < 1
