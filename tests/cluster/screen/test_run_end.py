"""What is said at the end of a run."""

from __future__ import annotations

import io
import shlex
from dataclasses import replace

import numpy as np
import pytest

from cluster.screen.run_end import show_result
from cluster.stages.finish import RunResult
from cluster.terminal.screen import Screen
from tests.ensembles.runs import changed, small_run


def shown(recent: list[float], ahead: list[float], n_days: int = 10, **broken: str) -> str:
    board = changed(small_run(), broken_series=broken).board
    outlook = {"net": (np.array(recent), np.array(ahead))}
    result = RunResult("r", board, "blend mean", "2024-04-01", "2024-04-12", n_days, outlook, noun="work days")
    text = io.StringIO()
    show_result(result, Screen(file=text, width=200))
    return text.getvalue()


@pytest.mark.parametrize(
    ("recent", "ahead", "bars"),
    [
        ([0.0, 4.0], [8.0], "▁▅ → █"),
        ([-8.0, 0.0], [8.0], "▁▅ → █"),
        ([-4.0, -8.0], [-8.0], "▅▁ → ▁"),
        ([0.0, 0.0], [0.0], "▁▁ → ▁"),
        ([4.0, np.nan], [8.0], "▅  → █"),
    ],
)
def test_amounts_of_either_sign_are_drawn_on_one_scale(recent: list[float], ahead: list[float], bars: str) -> None:
    assert f"net {bars}" in shown(recent, ahead)


def test_series_left_out_are_named_and_periods_called_what_they_are() -> None:
    text = shown([1.0], [1.0], **{f"bank{i}": "closed" for i in range(9)})
    assert "forecast: 10 work days, 2024-04-01 to 2024-04-12, in r" in text
    assert "left out: 9 series (reasons in leaderboard.json): bank0, bank1, " in text
    assert "bank7 …; the first: bank0: closed" in text


def test_totals_of_groups_are_named_among_the_files() -> None:
    result = RunResult("r", small_run().board, "blend mean", "2024-04-01", "2024-04-12", 10, {})
    for has_totals in (False, True):
        text = io.StringIO()
        show_result(replace(result, has_totals=has_totals), Screen(file=text, width=200))
        assert ("totals.csv" in text.getvalue()) == has_totals


def test_one_period_is_singular() -> None:
    assert "forecast: 1 work day, 2024-04-01" in shown([1.0], [1.0], n_days=1)


def test_the_next_commands_can_be_pasted_into_a_shell() -> None:
    result = RunResult("my runs/a", small_run().board, "blend mean", "2024-04-01", "2024-04-12", 10, {})
    text = io.StringIO()
    show_result(result, Screen(file=text, width=200))
    commands = [line for line in text.getvalue().splitlines() if "tidecast" in line]
    assert ["my runs/a" in shlex.split(line) for line in commands] == [True, True]
