"""One self-contained HTML page that says which blend was chosen, why, how good it is and what comes next."""

from __future__ import annotations

from ensembles.report.data import Curves, ReportData
from ensembles.report.on_paper import chart_files
from ensembles.report.page import liquidity_of, render, report_charts

__all__ = ["Curves", "ReportData", "chart_files", "liquidity_of", "render", "report_charts"]
