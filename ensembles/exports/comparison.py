"""comparison.csv: runs side by side, and the facts in which they differ."""

from __future__ import annotations

from ensembles.evaluation.compare import ComparedRun, Comparison
from ensembles.exports.layout import Cell, csv_for_people
from ensembles.files.stored import rounded
from ensembles.judging.judge import Measured

__all__ = ["comparison_csv", "comparison_rows"]


def comparison_csv(found: Comparison) -> bytes:
    """One row per run, an empty line, and the changes with one column per run."""
    rows = comparison_rows(found)
    changes: list[list[Cell]] = [[change.key, *change.values] for change in found.changes]
    names = [run.name for run in found.runs]
    return csv_for_people([list(rows[0]), *(list(row.values()) for row in rows), [], ["changed", *names], *changes])


def comparison_rows(found: Comparison) -> list[dict[str, Cell]]:
    """The cells of each run by the name of the column, as CSV and JSON give them; None where there is none."""
    return [_row(run) for run in found.runs]


def _row(run: ComparedRun) -> dict[str, Cell]:
    return {
        "run": run.name,
        **_measured("score", run.score),
        **_measured("ahead", run.ahead),
        "windows_shared": run.n_shared or None,
        "score_in_sample": run.score_in_sample,
        **{f"{target}_score": score for target, score in run.targets.items()},
        "methods": run.methods,
        "members": run.n_members,
        "failed": run.n_failed,
        "seconds": run.seconds,
        "note": run.note,
    }


def _measured(name: str, measured: Measured | None) -> dict[str, Cell]:
    """The value and the ends of its interval."""
    names = (name, f"{name}_low", f"{name}_high")
    if measured is None:
        return dict.fromkeys(names)
    values = (measured.value, *measured.interval)
    return {name: rounded(value) for name, value in zip(names, values, strict=True)}
