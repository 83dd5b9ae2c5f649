"""Where the numbers come from: data, program, machine, time."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from ensembles.evaluation.run_results import RunResults
from ensembles.report.context import ReportContext
from ensembles.report.section import Section

__all__ = ["SECTION", "ProvenanceFacts"]


@dataclass(frozen=True)
class ProvenanceFacts:
    """Rows of (what, value), and the configuration as JSON."""

    rows: tuple[tuple[str, str], ...]
    config: str


def provenance_facts(context: ReportContext) -> ProvenanceFacts:
    config = json.dumps(dict(context.results.run.config), indent=2, ensure_ascii=False)
    return ProvenanceFacts(_rows(context.results), config)


def _rows(results: RunResults) -> tuple[tuple[str, str], ...]:
    run, data, environment = results.run, results.run.data, results.run.environment
    libraries = ", ".join(f"{name} {version}" for name, version in environment.libraries.items() if version)
    rows = [
        ("configuration", run.config_name),
        ("data", f"{data.path} (fingerprint {data.fingerprint}), {data.start} to {data.end}"),
        ("begun", run.created),
        ("finished", run.finished or "not finished"),
        ("time", ", ".join(f"{part} {value:,.1f} s" for part, value in (run.seconds or {}).items())),
        ("time of members", _by_family(results)),
        ("program", f"tidecast {environment.tidecast or ''}, Python {environment.python}"),
        ("executor", f"{run.executor}, LSTM on {run.device}"),
        ("devices", _devices(results)),
        ("machine", f"{environment.processor}, {environment.platform}"),
        ("libraries", libraries),
        ("reproducible", _reproducible(run.reproducible)),
    ]
    return tuple((name, value) for name, value in rows if value)


def _by_family(results: RunResults) -> str:
    total: Counter[str] = Counter()
    for row in results.board.rows:
        if row.seconds:
            total[row.family] += row.seconds  # type: ignore[assignment]
    return ", ".join(f"{family} {seconds:,.1f} s" for family, seconds in total.most_common())


def _devices(results: RunResults) -> str:
    members = Counter(row.device for row in results.board.rows if row.device)
    return ", ".join(f"{n:,} members on {device}" for device, n in members.most_common())


def _reproducible(known: bool | None) -> str:
    if known is None:
        return ""
    return "yes" if known else "no: work was lost to a dead process or a time-out; run again to add it"


SECTION = Section("provenance", "Provenance", 100, "provenance.j2", provenance_facts)
