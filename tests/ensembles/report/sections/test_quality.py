from __future__ import annotations

from dataclasses import replace

from ensembles.report.context import ReportContext
from ensembles.report.sections.quality import SECTION
from forecasting.data.quality.finding import Finding
from tests.ensembles.report.pages import Page, shown, small_context
from tests.ensembles.runs import changed


def with_findings(findings: tuple[Finding, ...] | None) -> Page:
    context = small_context()
    return shown(SECTION, replace(context, results=changed(context.results, quality=findings)))


def test_findings_are_told_with_their_place_and_remedy() -> None:
    page = with_findings((Finding("日期缺失 <i>", "error", 12345, "收益表.csv:3", "", "add it"),))
    for text in ("日期缺失 <i>", "12,345", "收益表.csv:3", "add it", "Amounts in fen."):
        assert text in page.text
    assert "i" not in page.tags


def test_nothing_found_and_nothing_looked_at_differ() -> None:
    assert "The checks found nothing." in with_findings(()).text
    assert "were not checked" in with_findings(None).text


def test_what_was_understood_and_left_out_stands_first() -> None:
    results = small_context().results
    facts = results.run.data.model_copy(
        update={"reading": "reads 523 work days, in EUR", "notes": ("branch is brought forward by 2 work days",)}
    )
    broken = {f"old-bank {i}/inflow": "ended on 2024-06-19" for i in range(50)}
    page = shown(SECTION, ReportContext.of(changed(results, data=facts, broken_series=broken)))
    assert page.text.index("reads 523 work days, in EUR") < page.text.index("branch is brought forward")
    assert "50 series left out, the first 40:" in page.text
    assert "old-bank 39/inflow: ended on 2024-06-19" in page.text
    assert "old-bank 40/inflow" not in page.text
