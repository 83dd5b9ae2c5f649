"""What was understood of the data, what is odd in them, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ensembles.report.context import ReportContext
from ensembles.report.section import Section
from forecasting.data.quality.finding import Finding

__all__ = ["SECTION", "QualityFacts", "quality_facts_of"]

MAX_SERIES = 40


@dataclass(frozen=True)
class QualityFacts:
    """`reading` says what was understood, `notes` are further sentences; `left_out` are the first series that could not
    be forecast, with the reason, of `n_left_out`; `findings` are None where the data was not looked at.
    """

    reading: str | None
    notes: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    n_left_out: int
    findings: tuple[Finding, ...] | None


def quality_facts(context: ReportContext) -> QualityFacts:
    run = context.results.run
    return quality_facts_of(run.data.reading, run.data.notes, context.results.board.broken_series, run.quality)


def quality_facts_of(
    reading: str | None, notes: tuple[str, ...], left_out: Mapping[str, str], findings: tuple[Finding, ...] | None
) -> QualityFacts:
    """What the section says; `left_out` are all series that are not used, with the reason."""
    return QualityFacts(reading, notes, tuple(left_out.items())[:MAX_SERIES], len(left_out), findings)


SECTION = Section("quality", "Data", 90, "quality.j2", quality_facts)
