"""What a run shows, kept as texts: ``python -m tests.cluster.terminal.test_golden_screens`` writes them anew.

A screen is made of the lines of the steps, the bars of a training half done, and the end of the run.
"""

import io
import re
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from cluster.execution.progress import RunProgress
from cluster.execution.remaining import Lane, Piece
from cluster.screen.run_end import show_result
from cluster.stages.finish import RunResult
from cluster.terminal.screen import Screen
from cluster.terminal.steps import Steps
from ensembles.report.plain_words import PlainWords, why_blend
from tests.cluster.batches import report_of
from tests.ensembles.runs import small_run

FOLDER = Path(__file__).with_name("golden")
TERMINAL = {"force_terminal": True, "color_system": "standard", "no_color": False, "legacy_windows": False}
SCREENS = {
    "80-columns": ({"width": 80, **TERMINAL}, "xterm"),
    "120-columns": ({"width": 120, **TERMINAL}, "xterm"),
    "200-columns": ({"width": 200, **TERMINAL}, "xterm"),
    "dumb": ({"width": 80, **TERMINAL, "color_system": "auto"}, "dumb"),
    "no-color": ({"width": 120, **TERMINAL, "no_color": True}, "xterm"),
    "piped": ({"width": 140, "force_terminal": False}, "xterm"),
}
WORDS = PlainWords(
    "in (purchase) 1.23 million CNY, out (redeem) 0.98 million CNY, net +250.00 thousand CNY",
    "In tests on 112 past days, the forecast of a day was off by 12% (purchase) and 15% (redeem) on average; repeating "
    "the last week would have been off by 20% (purchase) and 22% (redeem).",
)


def made(options, term):
    """All that a screen of these options gets."""
    text = io.StringIO()
    with patch.dict("os.environ", {"TERM": term}):
        screen = Screen(file=text, _environ={"TERM": term}, **options)
        Steps(screen).say("reads the data")
        show_training(screen)
        show_result(result(), screen)
    return re.sub(r"id=[\d-]+", "id=0", text.getvalue())  # rich numbers links by chance


def show_training(screen):
    """Bars of a training of which half came back, 12 s after it began."""
    lanes = [Lane((Piece("b1", "arima", 10.0), Piece("b2", "arima", 10.0)), 1)]
    clock = patch("cluster.execution.progress.time.perf_counter", return_value=0.0)
    with clock as now:
        progress = RunProgress({"arima": 10}, lanes, screen)
        progress._bar.get_time = lambda: 12.0
        for task in progress._bar.tasks:
            task.start_time, task._get_time = 0.0, lambda: 12.0
        now.return_value = 12.0
        progress.add(report_of("b1", family="arima", model="arima", n_fits=5, train_seconds=11.99))
        if screen.is_live:
            screen.print(progress._bar.get_renderable())
        progress._console.say(f"tidecast: {progress._n_done} of 10 fits trained, {progress.left()}")


def result():
    """A run on made-up files, of which a member failed."""
    board = small_run().board
    failed = board.rows[-1].model_copy(update={"status": "failed", "reason": "ran out of memory", "score": None})
    board = board.model_copy(update={"rows": (*board.rows[:-1], failed)})
    y = np.abs(np.sin(np.arange(60.0))) + 1
    words = PlainWords(WORDS.totals, WORDS.accuracy, why_blend(board))
    return RunResult(
        "runs/demo", board, "blend (plain mean of settings): 5.01 points a day on windows its weights did not see",
        "2014-09-01",
        "2014-09-30", 30, {"purchase": (y[:30], y[30:])}, words=words, report="/home/me/runs/demo/report.html",
    )  # fmt: skip


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_as_it_was(name):
    assert made(*SCREENS[name]) == (FOLDER / f"{name}.txt").read_bytes().decode()


def test_no_line_of_a_narrow_screen_is_broken_by_the_terminal():
    """Paths and commands are never wrapped, so that they can be copied; all else fits."""
    lines = (FOLDER / "dumb.txt").read_text().splitlines()
    assert [
        line for line in lines if len(line) > 80 and not line.startswith(("next:", "      ", "blend", "failed"))
    ] == []


def test_a_pipe_and_a_dumb_terminal_get_no_control_characters():
    for name in ("piped", "dumb"):
        assert "\x1b" not in (FOLDER / f"{name}.txt").read_text()


def test_links_are_of_terminals_alone():
    assert "\x1b]8;" in (FOLDER / "120-columns.txt").read_text()
    assert all("\x1b]8;" not in (FOLDER / f"{name}.txt").read_text() for name in ("piped", "dumb"))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, screen in SCREENS.items():
        (FOLDER / f"{name}.txt").write_bytes(made(*screen).encode())
