"""The leaderboard: one row for the blend, for each losing candidate, and for each member, failed ones with
their reason.

Every score in a row's `score` is out of fold; the blend's and the candidates' are prequential as well: windows
their weights did not see. `score_in_sample` stands beside it, named as such. `score` is the column that sorts;
higher is better.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ensembles.blend.best_single import total_scores
from ensembles.blend.combination import Fitted
from ensembles.blend.fit import Blend
from ensembles.blend.tracks import Track
from ensembles.files.blend_json import DAYS_PER_MONTH, best_single_facts, coverage_facts, number, numbers, pair_facts
from ensembles.judging.window_scores import window_scores
from ensembles.oof import MemberInfo, OofCube, average_seeds
from forecasting.schema import BLEND, FloatArray, iso
from forecasting.score.metrics import bias, mape, mase, smape
from forecasting.score.points import Surrogate, round_submission
from forecasting.windows import Window

__all__ = ["LEADERBOARD_SCHEMA", "MemberFacts", "build_leaderboard"]

LEADERBOARD_SCHEMA = 1
"""Version of the layout of leaderboard.json."""
METRICS = ("score", "mape", "smape", "mase", "bias", "weight")

Row = dict[str, Any]


@dataclass(frozen=True)
class MemberFacts:
    """What is known of members beside their forecasts: by member_id seconds of work and device; failures with
    reasons.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    failed: Sequence[tuple[MemberInfo, str]] = ()


@dataclass(frozen=True)
class _Judge:
    """What it takes to fill in a row."""

    cubes: Mapping[str, OofCube]
    weights: Mapping[str, float]
    surrogate: Surrogate
    history: Mapping[str, FloatArray]

    def target(self, target: str, y_hat: FloatArray, weight: float | None) -> Row:
        """Scores and metrics of forecasts ``[n_series, n_windows, horizon]`` of one target."""
        cube = self.cubes[target]
        y_hat = round_submission(y_hat)
        scaled = [
            mase(y_hat[i], cube.y[i], self.history[uid]) for i, uid in enumerate(cube.unique_ids) if uid in self.history
        ]
        known = [value for value in scaled if not np.isnan(value)]
        return {
            "score": number(float(window_scores(y_hat, cube.y, self.surrogate).mean())),
            "mape": number(mape(y_hat, cube.y)),
            "smape": number(smape(y_hat, cube.y)),
            "mase": number(statistics.fmean(known)) if known else None,
            "bias": number(bias(y_hat, cube.y)),
            "weight": number(weight),
        }

    def total(self, y_hat: Mapping[str, FloatArray]) -> FloatArray:
        """Weighted total of each window."""
        scores = [self.weights[t] * window_scores(y_hat[t], cube.y, self.surrogate) for t, cube in self.cubes.items()]
        total: FloatArray = np.sum(scores, axis=0)
        return total

    def row(self, name: str, family: str, y_hat: Mapping[str, FloatArray], weights: Mapping[str, float | None]) -> Row:
        """A row; scores only when every target is forecast."""
        blank = dict.fromkeys(METRICS)
        complete = all(target in y_hat for target in self.weights)
        per_window = self.total(y_hat) if complete else None
        score = None if per_window is None else float(per_window.mean())
        return {
            "member": name,
            "family": family,
            "setting": None,
            "seed": None,
            "member_id": None,
            "status": "ok",
            "reason": None,
            "score": number(score),
            "score_x30": None if score is None else number(score * DAYS_PER_MONTH),
            "score_in_sample": None,
            "per_window": None if per_window is None else numbers(per_window),
            "targets": {t: self.target(t, y_hat[t], weights.get(t)) if t in y_hat else blank for t in self.weights},
            "seconds": None,
            "device": None,
        }


def build_leaderboard(
    cubes: Mapping[str, OofCube],
    weights: Mapping[str, float],
    surrogate: Surrogate,
    blend: Blend | None,
    windows: Sequence[Window],
    history: Mapping[str, FloatArray],
    facts: MemberFacts,
) -> dict[str, Any]:
    """Content of leaderboard.json.

    Parameters
    ----------
    cubes, weights
        Per target; a target without any member has a weight and no cube.
    blend
        None when there was nothing to blend.
    windows
        The backtest windows of the cubes.
    history
        Actual values of each series up to the first cutoff, ``[n]``: the scale of MASE.
    """
    judge = _Judge(cubes, weights, surrogate, history)
    rows = [*_member_rows(judge, blend, facts), *_failed_rows(judge, facts)]
    if blend is not None:
        rows += [_blend_row(judge, blend), *_candidate_rows(judge, blend)]
    choices = (
        [None] * len(windows)
        if blend is None
        else [{target: candidate.label for target, candidate in choice.items()} for choice in blend.prequential.choices]
    )
    return {
        "schema_version": LEADERBOARD_SCHEMA,
        "sort": "score",
        "surrogate": surrogate,
        "weights": dict(weights),
        "windows": [
            {"cutoff": iso(w.cutoff), "start": iso(w.start), "end": iso(w.end), "choice": choice}
            for w, choice in zip(windows, choices, strict=True)
        ],
        "pairs": [] if blend is None else [pair_facts(pair) for pair in blend.pairs],
        "coverage": {} if blend is None else {t: coverage_facts(c) for t, c in blend.coverage.items()},
        "best_single": None if blend is None else best_single_facts(blend.best_single),
        "settings": _setting_rows(cubes, weights, surrogate),
        "rows": sorted(rows, key=_rank),
    }


def _rank(row: Row) -> tuple[bool, float, bool, str]:
    score = row["score"]
    return (score is None, 0.0 if score is None else -score, row["family"] != BLEND, row["member"])


def _member_rows(judge: _Judge, blend: Blend | None, facts: MemberFacts) -> list[Row]:
    members = {m.member_id: m for cube in judge.cubes.values() for m in cube.members}
    failed = {info.member_id for info, _ in facts.failed}
    # Once for all members: their shares are matrices of members by units.
    shares = {t: None if blend is None else _weights_by_member(blend.fitted[t]) for t in judge.cubes}
    columns = {t: {m.member_id: i for i, m in enumerate(cube.members)} for t, cube in judge.cubes.items()}
    rows = []
    for key, member in sorted(members.items()):
        if key in failed:
            continue
        mine = {target: places[key] for target, places in columns.items() if key in places}
        y_hat = {target: judge.cubes[target].y_hat[..., column] for target, column in mine.items()}
        weights = {t: None if (found := shares[t]) is None else found.get(key) for t in mine}
        rows.append(judge.row(member.name, member.family, y_hat, weights) | _identity(member, facts))
    return rows


def _weights_by_member(fitted: Fitted) -> dict[str, float] | None:
    """Weights by member_id; yardsticks have none, and stand among a cube's members all the same."""
    weights = fitted.member_weights
    if weights is None:
        return None
    return {m.member_id: float(weight) for m, weight in zip(fitted.members, weights, strict=True)}


def _failed_rows(judge: _Judge, facts: MemberFacts) -> list[Row]:
    return [
        judge.row(info.name, info.family, {}, {}) | _identity(info, facts) | {"status": "failed", "reason": reason}
        for info, reason in facts.failed
    ]


def _identity(member: MemberInfo, facts: MemberFacts) -> Row:
    return {
        "setting": member.setting,
        "seed": member.seed_index,
        "member_id": member.member_id,
        "seconds": number(facts.seconds.get(member.member_id), 3),
        "device": facts.devices.get(member.member_id),
    }


def _blend_row(judge: _Judge, blend: Blend) -> Row:
    row = judge.row(BLEND, BLEND, blend.prequential.y_hat, {})
    return row | {"score_in_sample": number(blend.score_in_sample)}


def _candidate_rows(judge: _Judge, blend: Blend) -> list[Row]:
    """Each candidate used for all targets alike, without the one that is the blend."""
    chosen = {fitted.candidate for fitted in blend.fitted.values()}
    rows = []
    for tracks in zip(*blend.tracks.values(), strict=True):
        candidate = tracks[0].candidate
        if chosen != {candidate}:
            row = judge.row(
                candidate.label, "candidate", dict(zip(blend.tracks, (t.y_hat for t in tracks), strict=True)), {}
            )
            rows.append(row | {"score_in_sample": number(_in_sample(judge, blend, tracks))})
    return rows


def _in_sample(judge: _Judge, blend: Blend, tracks: Sequence[Track]) -> float:
    return float(sum(judge.weights[t] * track.in_sample.mean() for t, track in zip(blend.tracks, tracks, strict=True)))


def _setting_rows(cubes: Mapping[str, OofCube], weights: Mapping[str, float], surrogate: Surrogate) -> list[Row]:
    """Per setting the spread of its seeds' scores, and the score of their averaged forecast; best first."""
    if not cubes or set(cubes) != set(weights):
        return []
    members, totals = total_scores(cubes, weights, surrogate)
    settings, averaged = total_scores({t: average_seeds(cube) for t, cube in cubes.items()}, weights, surrogate)
    rows = []
    for info, per_window in zip(settings, averaged, strict=True):
        seeds = [
            float(totals[i].mean())
            for i, m in enumerate(members)
            if (m.family, m.setting) == (info.family, info.setting)
        ]
        rows.append(
            {
                "setting": info.setting,
                "family": info.family,
                "n_seeds": len(seeds),
                "mean": number(statistics.fmean(seeds)) if seeds else None,
                "sd": number(statistics.stdev(seeds)) if len(seeds) > 1 else None,
                "score_of_average": number(float(per_window.mean())),
                "per_window": numbers(per_window),
            }
        )
    return sorted(rows, key=lambda row: (-row["score_of_average"], row["family"], row["setting"]))
