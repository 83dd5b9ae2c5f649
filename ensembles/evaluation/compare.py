"""Runs side by side: what changed in their configurations, and what that was worth, paired day by day.

The first run is the one the others are held against. A difference is taken over the windows and series both runs
forecast honestly, so runs with other members, blends or settings can be compared, and runs on other months only as
far as they overlap.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ensembles.judging.judge import Judge, Measured
from ensembles.report.data import ReportData
from forecasting.errors import ConfigError
from forecasting.schema import BLEND, DateArray, FloatArray
from forecasting.score.names import score_named

__all__ = ["Change", "ComparedRun", "Comparison", "compare"]

FEWEST_RUNS = 2
ABSENT = "–"


@dataclass(frozen=True)
class ComparedRun:
    """One run: `score` over all its windows; `ahead` of the first run over `n_shared` windows of both, None for the
    first itself and where `note` says why not.
    """

    name: str
    score: Measured | None
    score_in_sample: float | None
    targets: Mapping[str, float | None]
    methods: str
    n_members: int
    n_failed: int
    seconds: float | None
    ahead: Measured | None
    n_shared: int
    note: str


@dataclass(frozen=True)
class Change:
    """A fact in which runs differ; one value per run."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """`runs` in the order given; `surrogate` of the first, by which all are judged."""

    surrogate: str
    targets: tuple[str, ...]
    runs: tuple[ComparedRun, ...]
    changes: tuple[Change, ...]


def compare(runs: Sequence[tuple[str, ReportData]]) -> Comparison:
    """Compare runs, given with the names to show.

    Raises
    ------
    ConfigError
        For fewer than two runs.
    """
    if len(runs) < FEWEST_RUNS:
        raise ConfigError("a comparison needs two runs: name another run directory")
    reference = runs[0][1]
    honest = [_honest(data, reference.targets) for _, data in runs]
    return Comparison(
        surrogate=reference.board["surrogate"],
        targets=reference.targets,
        runs=tuple(
            _run(name, data, mine, reference, honest[0] if place else None)
            for place, ((name, data), mine) in enumerate(zip(runs, honest, strict=True))
        ),
        changes=_changes([data for _, data in runs]),
    )


@dataclass(frozen=True)
class _Honest:
    """Blend forecasts and actual values by target: ``[n_series, n_windows, horizon]``."""

    series: Mapping[str, tuple[str, ...]]
    cutoffs: DateArray
    y_hat: Mapping[str, FloatArray]
    y: Mapping[str, FloatArray]

    def judge(self, reference: ReportData) -> Judge:
        known = np.any([~np.isnan(y_hat).all(axis=0) for y_hat in self.y_hat.values()], axis=0)
        horizons = np.where(known, np.arange(1, known.shape[1] + 1), 0).max(axis=1)
        return Judge(self.y, reference.board["weights"], score_named(reference.board["surrogate"]), horizons)

    def only(self, series: Mapping[str, tuple[str, ...]], cutoffs: DateArray, horizon: int) -> _Honest:
        """Restricted to some series, windows and first days."""
        windows = np.searchsorted(self.cutoffs, cutoffs)
        rows = {t: np.array([self.series[t].index(uid) for uid in uids]) for t, uids in series.items()}
        parts = {t: np.ix_(places, windows) for t, places in rows.items()}
        cut = {t: (self.y_hat[t][part][..., :horizon], self.y[t][part][..., :horizon]) for t, part in parts.items()}
        return _Honest(series, cutoffs, {t: c[0] for t, c in cut.items()}, {t: c[1] for t, c in cut.items()})


def _honest(data: ReportData, targets: Sequence[str]) -> _Honest | None:
    """None without a blend, or with other targets."""
    if data.oof is None or data.blend is None or set(data.targets) != set(targets):
        return None
    grids = {target: data.oof.blend_grid(target) for target in targets}
    return _Honest(
        {target: grid.unique_ids for target, grid in grids.items()},
        next(iter(grids.values())).cutoffs,
        {target: grid.y_hat for target, grid in grids.items()},
        {target: grid.y for target, grid in grids.items()},
    )


def _run(
    name: str, data: ReportData, mine: _Honest | None, reference: ReportData, first: _Honest | None
) -> ComparedRun:
    board, blend = data.board, data.blend
    row = next((row for row in board["rows"] if row["family"] == BLEND), None)
    members = [row for row in board["rows"] if row["member_id"]]
    ahead, n_shared, note = _ahead(mine, first, reference)
    methods = {} if blend is None else {t: f"{f['method']}/{f['level']}" for t, f in blend["targets"].items()}
    return ComparedRun(
        name=name,
        score=None if mine is None else mine.judge(reference).score(mine.y_hat),
        score_in_sample=None if row is None else row["score_in_sample"],
        targets={t: row["targets"].get(t, {}).get("score") if row else None for t in reference.targets},
        methods=", ".join(f"{target} {method}" for target, method in methods.items()),
        n_members=len(members),
        n_failed=sum(row["status"] != "ok" for row in members),
        seconds=sum(data.run["seconds"].values()) if data.run.get("seconds") else None,
        ahead=ahead,
        n_shared=n_shared,
        note="no blend" if blend is None else note,
    )


def _ahead(mine: _Honest | None, first: _Honest | None, reference: ReportData) -> tuple[Measured | None, int, str]:
    """Paired difference over what both forecast, the number of windows, and why there is none."""
    if first is None:
        return None, 0, ""
    if mine is None:
        return None, 0, "other targets"
    cutoffs = np.intersect1d(mine.cutoffs, first.cutoffs)
    series = {t: tuple(uid for uid in first.series[t] if uid in set(mine.series[t])) for t in first.series}
    if not len(cutoffs) or not all(series.values()):
        return None, 0, "no window of the same series in common"
    horizon = min(next(iter(run.y.values())).shape[2] for run in (mine, first))
    mine, first = mine.only(series, cutoffs, horizon), first.only(series, cutoffs, horizon)
    if not all(np.array_equal(mine.y[t], first.y[t], equal_nan=True) for t in series):
        return None, 0, "other actual values on the same days"
    judge = first.judge(reference)
    return judge.ahead(mine.y_hat, first.y_hat), len(cutoffs), ""


# -- what changed


def _changes(runs: Sequence[ReportData]) -> tuple[Change, ...]:
    facts = [_facts(data) for data in runs]
    keys = dict.fromkeys(key for found in facts for key in found)
    rows = [Change(key, tuple(found.get(key, ABSENT) for found in facts)) for key in keys]
    return tuple(row for row in rows if len(set(row.values)) > 1)


def _facts(data: ReportData) -> dict[str, str]:
    """Everything a run was made from, flat: members one by one, the rest by dotted key."""
    config = {key: value for key, value in data.run["config"].items() if key != "members"}
    found = _flat(config, "")
    for entry in data.run["config"].get("members", ()):
        found[f"member {_member(entry)}"] = "yes"
    of_data, environment = data.run["data"], data.run["environment"]
    found["data"] = f"{of_data['start']} to {of_data['end']}, fingerprint {of_data['fingerprint']}"
    found["device"] = str(data.run["device"])
    found["processor"] = str(environment["processor"])
    found["tidecast"] = str(environment["tidecast"])
    return found | {f"library {name}": str(version) for name, version in environment["libraries"].items()}


def _flat(values: Mapping[str, Any], prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        elif value is not None:  # what is left open goes without saying, as in files of before there was such a key
            found[f"{prefix}{key}"] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return found


def _member(entry: Mapping[str, Any]) -> str:
    """An entry of the configuration in one line, model first, without what is left open or goes without saying."""
    plain = {"model": entry["model"], "seeds": 1, "reference": False}
    told = {key: value for key, value in entry.items() if value is not None and plain.get(key) != value}
    rest = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in told.items()]
    return " ".join([str(entry["model"]), *rest])
