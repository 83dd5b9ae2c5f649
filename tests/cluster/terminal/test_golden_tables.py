"""Tables of the commands, kept as texts: ``python -m tests.cluster.terminal.test_golden_tables`` writes them anew.

At 80 columns nothing of a table may be lost: one line more is better than a number or a day that is cut.
"""

import io
from unittest.mock import patch

import pytest

from cluster.rundir.status import FamilyStatus, RunStatus
from cluster.screen.days import show_alerts
from cluster.screen.leaderboard import summary_table
from cluster.screen.scores import show_comparison, show_evaluation
from cluster.screen.work import show_plan, show_status
from cluster.stages.monitoring import Monitored
from cluster.terminal.screen import Screen
from ensembles.evaluation.compare import Change, ComparedRun, Comparison
from ensembles.evaluation.evaluate import Contender, Evaluation
from ensembles.files.amounts import Amounts
from ensembles.judging.judge import Measured
from ensembles.risk.alert_quality import AlertQuality, KindQuality
from ensembles.risk.alerts import Alert, Alerts
from tests.cluster.screen.test_leaderboard import BOARD
from tests.cluster.stages.test_plan_view import view
from tests.cluster.terminal.test_golden_screens import FOLDER, SCREENS

EVALUATION = Evaluation(
    "linear", ("2024-03-28", "2024-04-11", "2024-04-25"), 42, 0.9, "90% t intervals over 3 windows",
    (
        Contender("blend", 6.245, 3.92, 8.57, (5.05, 6.82, 6.86), 0.0, 0.0, 0.0),
        Contender("equal weights over families", 6.24, 3.91, 8.57, (5.05, 6.75, 6.92), 0.01, -0.14, 0.15),
        Contender("best single member, as picked", 5.67, None, None, (5.05, 6.14, 5.83), 0.56, None, None),
    ),
)  # fmt: skip
ALERTS = tuple(
    Alert("purchase", None, "purchase", day, weekday, kind, holiday, "", 12_838_213.0, 300_000.0, 95, 177_337.0,
          1_408_450.0, "above", severity)
    for day, weekday, kind, holiday, severity in (
        ("2024-05-19", "Sun", "day off", "", 2.45), ("2024-10-03", "Thu", "holiday", "National Day", 1.02)
    )
)  # fmt: skip
LEAK = KindQuality(2, (0, 3), "above", 14, 2)
QUALITY = AlertQuality(14, 2, 3, 2, 2, 1.5, {"leak": (2, 2)}, {"leak": LEAK}, {"above": (14, 2)})
MONITORED = Monitored(
    Alerts(ALERTS, 28, {95: 1, 80: 0}, "2024-04-01", "2024-10-07"), Amounts.of("table", "thousand EUR"),
    {0.0: QUALITY, 1.0: QUALITY, 1.5: QUALITY},
)  # fmt: skip
METHODS = "purchase mean/families, redeem inverse-error/families"
COMPARISON = Comparison(
    runs=(
        ComparedRun("runs/a", Measured(6.245, 3.9, 8.6), 6.3, {}, METHODS, 4, 0, 1.1, None, 0, ""),
        ComparedRun("runs/b", Measured(6.347, 4.7, 8.0), 6.4, {}, METHODS, 2, 1, 0.3, Measured(0.1, -0.59, 0.8), 3, ""),
    ),
    surrogate="linear",
    targets=("purchase", "redeem"),
    changes=(Change("member calendar-level", ("–", "yes")),),
)  # fmt: skip
STATUS = RunStatus(
    "running", "node-1:4711", {"gbm": FamilyStatus(16, 64, 1, 112.4)}, {"node-1:4711": 4}, ("long: ran out of memory",)
)


def shown(screen):
    screen.print(summary_table(BOARD, screen.width))
    show_evaluation(EVALUATION, screen, as_json=False)
    show_alerts(MONITORED, screen, as_json=False)
    show_comparison(COMPARISON, screen, as_json=False)
    show_status(STATUS, screen, as_json=False)


def made(options, term):
    """All that a screen of these options gets."""
    text = io.StringIO()
    with patch.dict("os.environ", {"TERM": term}):
        shown(Screen(file=text, _environ={"TERM": term}, **options))
    return text.getvalue()


@pytest.mark.parametrize("name", SCREENS)
def test_tables_are_as_they_were(name):
    assert made(*SCREENS[name]) == (FOLDER / f"tables-{name}.txt").read_bytes().decode()


def test_nothing_of_a_narrow_table_is_cut_or_broken_by_the_terminal():
    text = (FOLDER / "tables-dumb.txt").read_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_plan_is_whole_at_80_columns(tmp_path):
    text = io.StringIO()
    show_plan(view(tmp_path), Screen(file=text, width=80, force_terminal=False))
    assert "…" not in text.getvalue()
    assert "  lightgbm-direct   cpu  " in text.getvalue()


if __name__ == "__main__":
    for name, screen in SCREENS.items():
        (FOLDER / f"tables-{name}.txt").write_bytes(made(*screen).encode())
