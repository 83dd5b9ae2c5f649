"""What is odd in the data, and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass

from ensembles.report.context import ReportContext
from ensembles.report.section import Section
from forecasting.data.quality.finding import Finding

__all__ = ["SECTION", "QualityFacts"]


@dataclass(frozen=True)
class QualityFacts:
    """`findings` are None where the data was not looked at."""

    findings: tuple[Finding, ...] | None


def quality_facts(context: ReportContext) -> QualityFacts:
    return QualityFacts(context.results.run.quality)


SECTION = Section("quality", "Data", 90, "quality.j2", quality_facts)
