"""One self-contained HTML page that says which blend was chosen, why, how good it is and what comes next."""

from __future__ import annotations

from ensembles.report.data import ReportData
from ensembles.report.page import render

__all__ = ["ReportData", "render"]
