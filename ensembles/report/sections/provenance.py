"""Where the numbers come from: data, program, machine, time."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ensembles.report.data import ReportData

__all__ = ["provenance_facts"]


def provenance_facts(data: ReportData) -> list[tuple[str, str]]:
    """Rows of (what, value)."""
    run, environment = data.run, data.run["environment"]
    of_data = run["data"]
    libraries = ", ".join(f"{name} {version}" for name, version in environment["libraries"].items() if version)
    seconds = run.get("seconds") or {}
    rows = [
        ("configuration", run["config_name"]),
        ("data", f"{of_data['path']} (fingerprint {of_data['fingerprint']}), {of_data['start']} to {of_data['end']}"),
        ("begun", run["created"]),
        ("finished", run.get("finished") or "not finished"),
        ("time", ", ".join(f"{part} {value:,.1f} s" for part, value in seconds.items())),
        ("time of members", _by_family(data)),
        ("program", f"tidecast {environment['tidecast'] or ''}, Python {environment['python']}"),
        ("commit", environment.get("commit") or ""),
        ("executor", f"{run['executor']}, LSTM on {run['device']}"),
        ("devices", _devices(data)),
        ("machine", f"{environment['processor']}, {environment['platform']}"),
        ("libraries", libraries),
        ("reproducible", _reproducible(run)),
    ]
    return [(name, value) for name, value in rows if value]


def _by_family(data: ReportData) -> str:
    total: Counter[str] = Counter()
    for row in data.board["rows"]:
        if row["seconds"]:
            total[row["family"]] += row["seconds"]
    return ", ".join(f"{family} {seconds:,.1f} s" for family, seconds in total.most_common())


def _devices(data: ReportData) -> str:
    count = Counter(row["device"] for row in data.board["rows"] if row["device"])
    return ", ".join(f"{n:,} members on {device}" for device, n in count.most_common())


def _reproducible(run: Any) -> str:
    if "reproducible" not in run:
        return ""
    return "yes" if run["reproducible"] else "no: work was lost to a dead process or a time-out; run again to add it"
