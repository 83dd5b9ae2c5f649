"""The comparison of runs as a page of its own."""

from __future__ import annotations

from ensembles.evaluation.compare import Comparison
from ensembles.report.template import environment

__all__ = ["render_comparison"]


def render_comparison(found: Comparison) -> str:
    """HTML in one piece, without charts."""
    page: str = environment().get_template("compare.html.j2").render(found=found, first=found.runs[0])
    return page
