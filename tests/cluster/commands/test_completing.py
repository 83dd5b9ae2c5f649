"""What a shell offers after Tab, asked as bash asks."""

import pytest

from tests.runs import tidecast


def offered(folder, monkeypatch, line):
    words = line.split(" ")
    monkeypatch.setenv("_TIDECAST_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    return tidecast(folder, *words[1:]).stdout.split()


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("tidecast lead", ["leaderboard"]),
        ("tidecast run --hor", ["--horizon"]),
        ("tidecast run yu", ["yuebao"]),
        ("tidecast run flo", ["flows.csv"]),
        ("tidecast plan articles/s", ["articles/single-series-lstm"]),
        ("tidecast config dem", ["demo"]),
        ("tidecast validate x --config nn", ["nn5"]),
        ("tidecast run --preset b", ["best"]),
        ("tidecast run yuebao --set windows.n_w", ["windows.n_windows="]),
        ("tidecast run yuebao --set windo", [f"windows.{name}=" for name in
                                             ("unit", "n_windows", "horizon", "step_size", "split", "refit")]),
        ("tidecast config --key lstm-direct.epo", ["lstm-direct.epochs"]),
        ("tidecast config --key windows.sp", ["windows.split"]),
    ],
)  # fmt: skip
def test_names_and_keys_are_completed(tmp_path, monkeypatch, line, some):
    (tmp_path / "flows.csv").touch()
    (tmp_path / ".hidden").touch()
    assert offered(tmp_path, monkeypatch, line) == some


def test_completion_can_be_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/bash")
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    script = tidecast(tmp_path, "--show-completion", "bash").stdout
    assert "_TIDECAST_COMPLETE=complete_bash" in script
