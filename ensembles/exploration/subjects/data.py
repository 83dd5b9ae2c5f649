"""What the data are: kind, periods, span, series, unit, gaps, zeros, and what the checks say."""

from __future__ import annotations

from collections import Counter

from ensembles.exploration.fact import Fact, Subject
from ensembles.exploration.material import Material, unknown_inside
from ensembles.exploration.words import and_list, numbered
from forecasting.data.quality.finding import Severity
from forecasting.schema import iso

__all__ = ["SUBJECT"]

KINDS = {"yuebao": "The competition's folder", "table": "One table", "panel": "A panel"}


def data_fact(material: Material) -> Fact:
    panel, loaded = material.panel, material.loaded
    missing, zeros = int(unknown_inside(panel.y).sum()), len(material.cases.zeros)
    severities: Counter[Severity] = Counter(finding.severity for finding in material.findings)
    numbers = {
        "name": material.name,
        "kind": material.kind,
        "freq": panel.freq,
        "periods": len(panel.ds),
        "start": iso(panel.ds[0]),
        "end": iso(panel.end),
        "series": len(panel.series),
        "entities": len({series.entity for series in panel.series}),
        "targets": list(material.targets),
        "unit": material.unit,
        "calendar": panel.calendar.country,
        "missing": missing,
        "zeros": zeros,
        "constant": [panel.unique_ids[row] for row in material.cases.constant],
        "short": [panel.unique_ids[row] for row in material.cases.short],
        "left_out": {problem.series.unique_id: problem.reason for problem in loaded.problems},
        "findings": dict(severities),
        "reading": loaded.reading,
        "notes": [*material.said, *loaded.notes],
    }
    return Fact(_sentence(material, missing, zeros, severities), numbers)


def _sentence(material: Material, missing: int, zeros: int, severities: Counter[Severity]) -> str:
    panel = material.panel
    span = f"{len(panel.ds):,} {panel.axis.noun}, {iso(panel.ds[0])} to {iso(panel.end)}"
    what = f" of {panel_size(material)}" if material.is_panel else ""
    unit = f" in {material.unit}" if material.unit else ", no unit named"
    holes = f"{missing:,} of {panel.y.size:,} amounts are missing" if missing else "no amount is missing"
    idle = f"{zeros:,} {'is' if zeros == 1 else 'are'} zero" if zeros else "none is zero"
    left = len(material.loaded.problems)
    rest = [f"{numbered(left, 'series')} {'is' if left == 1 else 'are'} left out"] if left else []
    same = len(material.cases.constant)
    rest += [f"{numbered(same, 'series')} {'is' if same == 1 else 'are'} constant"] if same else []
    rest += [_checks(severities)]
    targets = and_list(material.targets)
    kind = KINDS.get(material.kind, f"Data of kind {material.kind}")
    return f"{kind}{what} with {span}: {targets}{unit}; {holes}, {idle}, {and_list(rest)}."


def panel_size(material: Material) -> str:
    """As ``20 entities``; where each has several targets, with the number of series."""
    series = material.panel.series
    entities = len({one.entity for one in series})
    return f"{entities:,} entities" + (f" ({len(series):,} series)" if len(series) > entities else "")


def _checks(severities: Counter[Severity]) -> str:
    kinds: tuple[Severity, ...] = ("error", "warning")
    counts = [numbered(severities[kind], kind) for kind in kinds if severities[kind]]
    return f"the checks find {and_list(counts)}" if counts else "the checks find nothing wrong"


SUBJECT = Subject("data", "The data", 0, data_fact)
