from __future__ import annotations

from dataclasses import replace

from ensembles.report.days_ahead import forecast_days
from forecasting.schema import iso
from tests.ensembles.report.pages import failed_context, small_context
from tests.ensembles.runs import changed


def test_every_day_has_its_flows_and_the_net_flow() -> None:
    context = small_context()
    days = forecast_days(context)
    first = context.histories[0]
    assert [day.date for day in days] == [iso(day) for day in first.next_ds]
    inward, outward = (history.next_y_hat[0] for history in context.histories)
    assert days[0].whole == tuple(f"{flow:,.0f}" for flow in (inward, outward, inward - outward))


def test_a_day_is_named_after_its_event() -> None:
    context = small_context()
    day = iso(context.histories[0].next_ds[3])
    named = replace(context, results=changed(context.results, events=((day, "双十一促销"),)))
    assert "双十一促销" in forecast_days(named)[3].note


def test_a_run_without_a_blend_has_no_days() -> None:
    assert forecast_days(failed_context()) == ()
