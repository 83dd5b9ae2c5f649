"""Scores on the screen."""

from __future__ import annotations

import io

from cluster.screen.scores import show_evaluation
from cluster.terminal.screen import Screen
from ensembles.evaluation.evaluate import Contender, Evaluation


def test_periods_go_by_their_name() -> None:
    blend = Contender("blend", 6.2, 3.9, 8.6, (5.1, 6.8), 0.0, 0.0, 0.0)
    found = Evaluation("linear", ("2024-03-28", "2024-04-25"), 8, 0.9, "90% t intervals", (blend,), noun="weeks")
    text = io.StringIO()
    show_evaluation(found, Screen(file=text, width=120), as_json=False)
    assert "; 8 weeks" in text.getvalue()
