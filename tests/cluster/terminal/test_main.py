"""The console script."""

import pytest
import typer

from cluster.cli import app
from tests.runs import tidecast

NAMES = [command.name or command.callback.__name__ for command in app.registered_commands]


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


@pytest.mark.parametrize("error", [KeyboardInterrupt, typer.Abort, EOFError])
def test_an_interruption_inside_a_command_is_code_130(tmp_path, monkeypatch, error):
    def interrupted(*_):
        raise error

    monkeypatch.setattr("cluster.rundir.status.read_status", interrupted)
    done = tidecast(tmp_path, "status", "runs/a")
    assert done.returncode == 130
    assert done.stderr.strip() == "tidecast: interrupted; finished batches are kept, and the same command continues"
