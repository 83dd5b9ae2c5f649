"""What was understood of the data, what is odd in them, and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass

from ensembles.report.context import ReportContext
from ensembles.report.section import Section
from forecasting.data.quality.finding import Finding

__all__ = ["SECTION", "QualityFacts"]

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
    run, broken = context.results.run, context.results.board.broken_series
    left_out = tuple(broken.items())[:MAX_SERIES]
    return QualityFacts(run.data.reading, run.data.notes, left_out, len(broken), run.quality)


SECTION = Section("quality", "Data", 90, "quality.j2", quality_facts)
