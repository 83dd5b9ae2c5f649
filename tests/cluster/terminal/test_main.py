"""The console script."""

import logging
import os
import signal
import subprocess
import sys
import time
import tomllib
import warnings
from contextlib import nullcontext
from pathlib import Path

import pytest
import typer

from cluster.cli import app
from cluster.terminal.main import main
from tests.runs import tidecast

pytestmark = pytest.mark.usefixtures("without_charts")

ROOT = Path(__file__).parents[3]
NAMES = [command.name or command.callback.__name__ for command in app.registered_commands]


def test_the_installed_command_handles_signals_before_it_loads_the_commands():
    script = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["tidecast"]
    assert script == f"{main.__module__}:{main.__name__}"
    code = f"import {main.__module__}, sys; print({{'typer', 'rich', 'numpy', 'logging'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_process_ends_after_the_functions_that_libraries_registered_and_frees_nothing():
    code = (
        "import atexit, sys\n"
        "from cluster.terminal import main\n"
        "class Heavy:\n"
        "    def __del__(self): print('freed')\n"
        "heavy, command = Heavy(), main.run_command\n"
        "main.run_command = lambda signals: (atexit.register(print, 'left'), command(signals))\n"
        "sys.argv = ['tidecast', 'leaderboard', 'no such run']\n"
        "main.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "left\n")


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help(tmp_path, name):
    done = tidecast(tmp_path, name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert name in done.stdout


def test_without_a_command_there_is_help(tmp_path):
    done = tidecast(tmp_path)
    assert all(name in done.stdout + done.stderr for name in NAMES)
    assert done.returncode in (0, 2)  # as click has it since 8.2


@pytest.mark.parametrize(
    "arguments", [("score",), ("score", "--no-such-option"), ("none",), ("sample", "x", "--users", "0")]
)
def test_a_command_line_that_is_not_understood_ends_with_code_2(tmp_path, arguments):
    done = tidecast(tmp_path, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "--help" in done.stderr


def hidden():
    """An interruption that a library turns into an error of its own."""
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
    except KeyboardInterrupt:
        raise RuntimeError("import failed") from None


def raising(error):
    def raise_it(*_):
        raise error

    return raise_it


@pytest.mark.parametrize(
    "how",
    [raising(KeyboardInterrupt), raising(typer.Abort), raising(EOFError), raising(SystemExit(15)), lambda *_: hidden()],
    ids=["Ctrl-C", "Abort", "EOF", "Ray's own handler", "hidden"],
)
def test_an_interruption_inside_a_command_is_code_130(tmp_path, monkeypatch, how):
    monkeypatch.setattr("cluster.rundir.status.read_status", how)
    done = tidecast(tmp_path, "status", "runs/a")
    assert done.returncode == 130
    assert done.stderr.strip() == "tidecast: interrupted; finished batches are kept, and the same command continues"


@pytest.mark.parametrize("error", [RuntimeError("a fault of ours"), SystemExit(7)])
def test_other_errors_are_not_hidden(tmp_path, monkeypatch, error):
    monkeypatch.setattr("cluster.rundir.status.read_status", raising(error))
    with pytest.raises(type(error)) if isinstance(error, RuntimeError) else nullcontext():
        assert tidecast(tmp_path, "status", "runs/a").returncode == 7


def test_messages_of_libraries_act_on_nothing(tmp_path, monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(
        "cluster.rundir.status.read_status", lambda *_: logging.warning("two\nlines \x1b[2J") or raising(EOFError)()
    )
    assert "two\nlines \\x1b[2J\n" in tidecast(tmp_path, "status", "runs/a").stderr


@pytest.mark.parametrize("asked", [[], ["default"]])
def test_warnings_of_libraries_are_counted_and_shown_to_who_asks(tmp_path, monkeypatch, asked):
    monkeypatch.setattr(sys, "warnoptions", asked)

    def warn(*_):
        with warnings.catch_warnings(action="always"):
            warnings.warn("of a library", RuntimeWarning, stacklevel=1)
        raise typer.Exit(0)

    monkeypatch.setattr("cluster.rundir.status.read_status", warn)
    if asked:
        with pytest.warns(RuntimeWarning, match="of a library"):
            tidecast(tmp_path, "status", "runs/a")
        return
    said = "tidecast: 1 warning of libraries (RuntimeWarning): PYTHONWARNINGS=default shows them\n"
    assert tidecast(tmp_path, "status", "runs/a").stderr == said
