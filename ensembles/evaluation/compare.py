"""Runs side by side: what changed in their configurations, and what that was worth, paired day by day.

The others are compared with the first run. A difference is taken over the windows and series that both runs forecast
in their backtests. So runs with other members, blends or settings can be compared, and runs on other months only as
far as they overlap.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ensembles.evaluation.run_results import RunResults
from ensembles.files.oof_parquet import BlendGrid
from ensembles.judging.judge import Forecasts, Judge, Measured
from ensembles.oof import unit_factors
from forecasting.errors import ConfigError
from forecasting.schema import BLEND, DateArray
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


def compare(runs: Sequence[tuple[str, RunResults]]) -> Comparison:
    """Compare runs, given with the names to show.

    Raises
    ------
    ConfigError
        For fewer than two runs.
    """
    if len(runs) < FEWEST_RUNS:
        raise ConfigError("a comparison needs two runs: name another run directory")
    reference = runs[0][1]
    backtests = [_Backtest.of(results, reference.targets) for _, results in runs]
    return Comparison(
        surrogate=reference.board.surrogate,
        targets=reference.targets,
        runs=tuple(
            _compared(name, results, mine, reference, backtests[0] if place else None)
            for place, ((name, results), mine) in enumerate(zip(runs, backtests, strict=True))
        ),
        changes=_changes([results for _, results in runs]),
    )


@dataclass(frozen=True)
class _Backtest:
    """Blend forecasts and actual values by target, and the days of each window; `units` of the series."""

    grids: Mapping[str, BlendGrid]
    units: Mapping[str, str | None]

    @classmethod
    def of(cls, results: RunResults, targets: Sequence[str]) -> _Backtest | None:
        """None without a blend, or with other targets."""
        if results.oof is None or results.blend is None or set(results.targets) != set(targets):
            return None
        units = {uid: results.run.units.get(s.entity or "") for uid, s in results.oof.identities().items()}
        return cls({target: results.oof.blend_grid(target) for target in targets}, units)

    @property
    def cutoffs(self) -> DateArray:
        return self._first.cutoffs

    @property
    def n_steps(self) -> int:
        """Days of the longest window."""
        return int(self._first.y.shape[2])

    @property
    def y_hat(self) -> Forecasts:
        return {target: grid.y_hat for target, grid in self.grids.items()}

    @property
    def _first(self) -> BlendGrid:
        return next(iter(self.grids.values()))

    def judge(self, reference: RunResults) -> Judge:
        """Judges by the reference's weights and score."""
        y = {target: grid.y for target, grid in self.grids.items()}
        score = score_named(reference.board.surrogate)
        factors = {target: unit_factors(grid.y, self._units(target)) for target, grid in self.grids.items()}
        known = {target: found for target, found in factors.items() if found is not None}
        return Judge(y, reference.board.weights, score, self._first.ds, reference.run.rounding, known)

    def _units(self, target: str) -> tuple[str | None, ...]:
        return tuple(self.units.get(uid) for uid in self.grids[target].unique_ids)

    def only(self, series: Mapping[str, Sequence[str]], cutoffs: DateArray, n_steps: int) -> _Backtest:
        """Restricted to some series, windows and first days."""
        cut = {t: _cut(self.grids[t], unique_ids, cutoffs, n_steps) for t, unique_ids in series.items()}
        return _Backtest(cut, self.units)


def _cut(grid: BlendGrid, unique_ids: Sequence[str], cutoffs: DateArray, n_steps: int) -> BlendGrid:
    windows = np.searchsorted(grid.cutoffs, cutoffs)
    row_of = {uid: row for row, uid in enumerate(grid.unique_ids)}
    part = np.ix_(np.array([row_of[uid] for uid in unique_ids]), windows)
    return BlendGrid(
        unique_ids=tuple(unique_ids),
        cutoffs=cutoffs,
        horizons=np.minimum(grid.horizons[windows], n_steps),
        y_hat=grid.y_hat[part][..., :n_steps],
        y=grid.y[part][..., :n_steps],
        ds=grid.ds[windows, :n_steps],
    )


def _compared(
    name: str, results: RunResults, mine: _Backtest | None, reference: RunResults, first: _Backtest | None
) -> ComparedRun:
    board, blend, seconds = results.board, results.blend, results.run.seconds
    row = next((row for row in board.rows if row.family == BLEND), None)
    measures = row.targets if row else {}
    members = [row for row in board.rows if row.member_id]
    ahead, n_shared, note = _ahead(mine, first, reference)
    methods = {} if blend is None else {t: f"{made.method}/{made.level}" for t, made in blend.targets.items()}
    return ComparedRun(
        name=name,
        score=None if mine is None else mine.judge(reference).score(mine.y_hat),
        score_in_sample=row.score_in_sample if row else None,
        targets={t: measures[t].score if t in measures else None for t in reference.targets},
        methods=", ".join(f"{target} {method}" for target, method in methods.items()),
        n_members=len(members),
        n_failed=sum(row.status != "ok" for row in members),
        seconds=sum(seconds.values()) if seconds else None,
        ahead=ahead,
        n_shared=n_shared,
        note="no blend" if blend is None else note,
    )


def _ahead(mine: _Backtest | None, first: _Backtest | None, reference: RunResults) -> tuple[Measured | None, int, str]:
    """Paired difference over what both forecast, the number of windows, and why there is none."""
    if first is None:
        return None, 0, ""
    if mine is None:
        return None, 0, "other targets"
    cutoffs = np.intersect1d(mine.cutoffs, first.cutoffs)
    series = {t: _shared_series(grid, mine.grids[t]) for t, grid in first.grids.items()}
    if not len(cutoffs) or not all(series.values()):
        return None, 0, "no window of the same series in common"
    n_steps = min(mine.n_steps, first.n_steps)
    mine, first = mine.only(series, cutoffs, n_steps), first.only(series, cutoffs, n_steps)
    if not all(np.array_equal(mine.grids[t].y, grid.y, equal_nan=True) for t, grid in first.grids.items()):
        return None, 0, "other actual values on the same days"
    return first.judge(reference).ahead(mine.y_hat, first.y_hat), len(cutoffs), ""


def _shared_series(first: BlendGrid, other: BlendGrid) -> tuple[str, ...]:
    """In the order of the first."""
    there = set(other.unique_ids)
    return tuple(uid for uid in first.unique_ids if uid in there)


# -- what changed


def _changes(runs: Sequence[RunResults]) -> tuple[Change, ...]:
    facts = [_facts(results) for results in runs]
    keys = dict.fromkeys(key for found in facts for key in found)
    rows = [Change(key, tuple(found.get(key, ABSENT) for found in facts)) for key in keys]
    return tuple(row for row in rows if len(set(row.values)) > 1)


def _facts(results: RunResults) -> dict[str, str]:
    """Everything a run was made from, flat: members one by one, the rest by dotted key."""
    run, environment = results.run, results.run.environment
    found = _flat({key: value for key, value in run.config.items() if key != "members"}, "")
    for entry in run.config.get("members", ()):
        found[f"member {_member(entry)}"] = "yes"
    found["data"] = f"{run.data.start} to {run.data.end}, fingerprint {run.data.fingerprint}"
    found["device"] = run.device
    found["processor"] = environment.processor
    found["tidecast"] = str(environment.tidecast)
    return found | {f"library {name}": str(version) for name, version in environment.libraries.items()}


def _flat(values: Mapping[str, Any], prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        elif value is not None:  # unset keys are skipped, so that older runs compare equal
            found[f"{prefix}{key}"] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return found


def _member(entry: Mapping[str, Any]) -> str:
    """An entry of the configuration in one line, model first, without unset keys and usual values."""
    usual = {"model": entry["model"], "seeds": 1, "reference": False}
    told = {key: value for key, value in entry.items() if value is not None and usual.get(key) != value}
    rest = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in told.items()]
    return " ".join([str(entry["model"]), *rest])
