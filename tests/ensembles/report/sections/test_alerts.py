from __future__ import annotations

from dataclasses import replace

from ensembles.report.sections.alerts import MAX_ALERTS, SECTION
from tests.ensembles.report.pages import failed_context, shown, small_context


def test_the_worst_days_are_listed() -> None:
    context = small_context()
    assert context.alerts is not None
    few = replace(context.alerts, alerts=context.alerts.alerts[:3])
    page = shown(SECTION, replace(context, alerts=few))
    assert page.tags.count("tr") == 1 + 3
    assert context.alerts.alerts[0].ds in page.text
    assert f"of {context.alerts.n_days} " in page.text


def test_many_alerts_are_cut() -> None:
    context = small_context()
    assert context.alerts is not None
    many = replace(context.alerts, alerts=context.alerts.alerts[:1] * (MAX_ALERTS + 1))
    page = shown(SECTION, replace(context, alerts=many))
    assert page.tags.count("tr") == 1 + MAX_ALERTS
    assert f"The worst {MAX_ALERTS}:" in page.text


def test_what_is_missing_is_said() -> None:
    assert "the first two windows have none" in shown(SECTION, small_context(n_windows=1)).text
    assert "There are no bands to compare with" in shown(SECTION, failed_context()).text
