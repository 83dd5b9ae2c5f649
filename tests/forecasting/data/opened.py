"""What opening data gives, for tests: the panel, the panel with the series left out, the findings."""

from __future__ import annotations

from pathlib import Path

from forecasting.data.dataset import open_data
from forecasting.data.loaded import Loaded
from forecasting.data.quality.finding import Finding
from forecasting.data.spec import DataSpec
from forecasting.panel import Panel

__all__ = ["check", "load", "places", "read"]


def load(spec: DataSpec, path: str | Path, calendar: str | None, cache_dir: Path | None = None) -> Panel:
    return open_data(spec, path, calendar, cache_dir).panel


def read(spec: DataSpec, path: str | Path, calendar: str | None) -> Loaded:
    return open_data(spec, path, calendar).loaded


def check(spec: DataSpec, path: str | Path, calendar: str | None) -> list[Finding]:
    return open_data(spec, path, calendar, checked=True).findings


def places(findings: list[Finding], *severities: str) -> dict[str, tuple[int, str]]:
    """Check -> count and first place, of the findings of these severities."""
    return {f.check: (f.count, f.where) for f in findings if f.severity in severities}
