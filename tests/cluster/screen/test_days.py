"""Alerts on a screen."""

from __future__ import annotations

import io

from cluster.screen.days import show_alerts
from cluster.stages.monitoring import Monitored
from cluster.terminal.screen import Screen
from ensembles.files.amounts import Amounts
from ensembles.risk.alerts import Alerts


def test_days_without_an_alert_have_a_sentence_and_no_empty_table() -> None:
    found = Alerts((), 28, {95: 28, 80: 26}, "2026-07-01", "2026-07-14")
    text = io.StringIO()
    show_alerts(Monitored(found, Amounts.of("table", "EUR"), {}), Screen(file=text, width=160), as_json=False)
    assert text.getvalue().splitlines() == [
        "no alert: no day is abnormal",
        "28 amounts of the days from 2026-07-01 to 2026-07-14: 28 (100%) inside the 95% band, 26 (93%) inside the 80% "
        "band",
    ]
