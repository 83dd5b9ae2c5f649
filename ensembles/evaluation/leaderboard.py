"""The leaderboard: one row for the blend, for each losing candidate, and for each member, failed ones with
their reason.

Every score in a row's `score` is out of fold. The blend's and the candidates' are prequential as well: their weights
come from earlier windows only. `score_in_sample` stands beside it, named as such. `score` is the column that sorts;
higher is better.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ensembles.blend.combination import Combination
from ensembles.blend.fit import Blend
from ensembles.blend.tracks import Track
from ensembles.files.blend_json import best_single_row, coverage_rows, pair_row
from ensembles.files.leaderboard_json import (
    CANDIDATE,
    BestSingleRow,
    CoverageRow,
    LeaderboardFile,
    LeaderboardRow,
    PairRow,
    SettingRow,
    TargetMeasures,
    WindowRow,
)
from ensembles.files.stored import rounded, rounded_all
from ensembles.judging.judge import DAYS_PER_MONTH, Forecasts, Judge
from ensembles.oof import MemberInfo, OofCube, average_seeds
from forecasting.schema import BLEND, FloatArray, iso
from forecasting.score.metrics import bias, mape, mase, smape
from forecasting.windows import Window

__all__ = ["MemberFacts", "build_leaderboard"]

SECONDS_DECIMALS = 3


@dataclass(frozen=True)
class MemberFacts:
    """What is known of members beside their forecasts: by member_id seconds of work, device and counts of
    warnings by category; failures with reasons.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    failed: Sequence[tuple[MemberInfo, str]] = ()
    warnings: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def build_leaderboard(
    cubes: Mapping[str, OofCube],
    judge: Judge,
    blend: Blend | None,
    windows: Sequence[Window],
    history: Mapping[str, FloatArray],
    facts: MemberFacts,
    *,
    season_length: int,
) -> LeaderboardFile:
    """Content of leaderboard.json.

    Parameters
    ----------
    cubes
        Per target; a target without any member has a weight and no cube.
    judge
        Of the cubes, with every target's weight.
    blend
        None when there was nothing to blend.
    windows
        The backtest windows of the cubes.
    history
        Actual values of each series up to the first cutoff without what was planned, ``[n]``: the scale of MASE.
    season_length
        Of the data's axis, in periods, for the same scale.
    """
    rows = _Rows(cubes, judge, history, facts, season_length)
    found = [*rows.members(blend), *rows.failed()]
    if blend is not None:
        found += [rows.blend(blend), *rows.candidates(blend)]
    of_blend = _OfBlend.of(blend, len(windows))
    return LeaderboardFile(
        schema_version=LeaderboardFile.SCHEMA,
        sort="score",
        surrogate=judge.points_score.name,
        weights=dict(judge.weights),
        windows=tuple(
            WindowRow(cutoff=iso(w.cutoff), start=iso(w.start), end=iso(w.end), choice=choice)
            for w, choice in zip(windows, of_blend.choices, strict=True)
        ),
        pairs=of_blend.pairs,
        coverage=of_blend.coverage,
        best_single=of_blend.best_single,
        settings=rows.settings(),
        rows=tuple(sorted(found, key=_rank)),
    )


def _rank(row: LeaderboardRow) -> tuple[bool, float, bool, str]:
    return (row.score is None, 0.0 if row.score is None else -row.score, row.family != BLEND, row.member)


@dataclass(frozen=True)
class _OfBlend:
    """What the leaderboard repeats of a blend's evidence; `choices` one per window."""

    choices: tuple[Mapping[str, str] | None, ...]
    pairs: tuple[PairRow, ...] = ()
    coverage: Mapping[str, Mapping[int, CoverageRow]] = field(default_factory=dict)
    best_single: BestSingleRow | None = None

    @classmethod
    def of(cls, blend: Blend | None, n_windows: int) -> _OfBlend:
        if blend is None:
            return cls((None,) * n_windows)
        evidence = blend.evidence
        return cls(
            choices=tuple({target: c.label for target, c in ch.items()} for ch in evidence.prequential.choices),
            pairs=tuple(pair_row(pair) for pair in evidence.pairs),
            coverage={target: coverage_rows(found) for target, found in evidence.coverage.items()},
            best_single=best_single_row(evidence.best_single),
        )


@dataclass(frozen=True)
class _Rows:
    """Makes the rows: `history` of each series and `season_length` are the scale of MASE."""

    cubes: Mapping[str, OofCube]
    judge: Judge
    history: Mapping[str, FloatArray]
    facts: MemberFacts
    season_length: int

    def members(self, blend: Blend | None) -> list[LeaderboardRow]:
        """Members that did not fail, with their weights in the blend."""
        members = {m.member_id: m for cube in self.cubes.values() for m in cube.members}
        failed = {info.member_id for info, _ in self.facts.failed}
        # Once for all members: their shares are matrices of members by units.
        shares = {t: None if blend is None else _weights_by_member(blend.targets[t].combination) for t in self.cubes}
        columns = {t: {m.member_id: i for i, m in enumerate(cube.members)} for t, cube in self.cubes.items()}
        rows = []
        for key, member in sorted(members.items()):
            if key in failed:
                continue
            mine = {target: places[key] for target, places in columns.items() if key in places}
            y_hat = {target: self.cubes[target].y_hat[..., column] for target, column in mine.items()}
            weights = {t: None if (found := shares[t]) is None else found.get(key) for t in mine}
            rows.append(self._with_member(self._row(member.name, member.family, y_hat, weights), member))
        return rows

    def failed(self) -> list[LeaderboardRow]:
        """Members that failed, with the reason."""
        return [
            self._with_member(self._row(info.name, info.family, {}), info).model_copy(
                update={"status": "failed", "reason": reason}
            )
            for info, reason in self.facts.failed
        ]

    def blend(self, blend: Blend) -> LeaderboardRow:
        """The blend's own row."""
        row = self._row(BLEND, BLEND, blend.evidence.prequential.y_hat)
        return row.model_copy(update={"score_in_sample": rounded(blend.evidence.score_in_sample)})

    def candidates(self, blend: Blend) -> list[LeaderboardRow]:
        """Each candidate used for all targets alike, without the one that is the blend."""
        chosen = {found.combination.candidate for found in blend.targets.values()}
        targets = tuple(blend.evidence.tracks)
        rows = []
        for tracks in zip(*blend.evidence.tracks.values(), strict=True):
            candidate = tracks[0].candidate
            if chosen != {candidate}:
                by_target: dict[str, Track] = dict(zip(targets, tracks, strict=True))
                row = self._row(candidate.label, CANDIDATE, {t: track.y_hat for t, track in by_target.items()})
                in_sample = self.judge.total({t: float(track.in_sample.mean()) for t, track in by_target.items()})
                rows.append(row.model_copy(update={"score_in_sample": rounded(in_sample)}))
        return rows

    def settings(self) -> tuple[SettingRow, ...]:
        """Per setting the spread of its seeds' scores, and the score of their averaged forecast; best first."""
        if not self.cubes or set(self.cubes) != set(self.judge.weights):
            return ()
        members, totals = self.judge.member_totals(self.cubes)
        seeds: dict[tuple[str, str], list[float]] = {}
        for member, per_window in zip(members, totals, strict=True):
            seeds.setdefault((member.family, member.setting), []).append(float(per_window.mean()))
        averaged = self.judge.member_totals({t: average_seeds(cube) for t, cube in self.cubes.items()})
        rows = [
            _setting_row(info, seeds.get((info.family, info.setting), []), per_window)
            for info, per_window in zip(*averaged, strict=True)
        ]
        return tuple(sorted(rows, key=lambda row: (-(row.score_of_average or 0.0), row.family, row.setting)))

    def _row(
        self, name: str, family: str, y_hat: Forecasts, weights: Mapping[str, float | None] | None = None
    ) -> LeaderboardRow:
        """A row; scores only when every target is forecast."""
        complete = all(target in y_hat for target in self.judge.weights)
        per_window = self.judge.per_window(y_hat) if complete else None
        score = None if per_window is None else float(per_window.mean())
        return LeaderboardRow(
            member=name,
            family=family,
            score=rounded(score),
            score_x30=None if score is None else rounded(score * DAYS_PER_MONTH),
            per_window=None if per_window is None else rounded_all(per_window),
            targets={
                t: self._measures(t, y_hat[t], (weights or {}).get(t)) if t in y_hat else TargetMeasures()
                for t in self.judge.weights
            },
        )

    def _measures(self, target: str, y_hat: FloatArray, weight: float | None) -> TargetMeasures:
        """Scores and metrics of forecasts ``[n_series, n_windows, horizon]`` of one target."""
        cube = self.cubes[target]
        y_hat = self.judge.submitted(y_hat)
        scaled = [
            mase(y_hat[i], cube.y[i], self.history[uid], self.season_length)
            for i, uid in enumerate(cube.unique_ids)
            if uid in self.history
        ]
        known = [value for value in scaled if not np.isnan(value)]
        return TargetMeasures(
            score=rounded(float(self.judge.target_scores(target, y_hat).mean())),
            mape=rounded(mape(y_hat, cube.y)),
            smape=rounded(smape(y_hat, cube.y)),
            mase=rounded(statistics.fmean(known)) if known else None,
            bias=rounded(bias(y_hat, cube.y)),
            weight=rounded(weight),
        )

    def _with_member(self, row: LeaderboardRow, member: MemberInfo) -> LeaderboardRow:
        return row.model_copy(
            update={
                "setting": member.setting,
                "seed": member.seed_index,
                "member_id": member.member_id,
                "seconds": rounded(self.facts.seconds.get(member.member_id), SECONDS_DECIMALS),
                "device": self.facts.devices.get(member.member_id),
                "warnings": dict(self.facts.warnings.get(member.member_id, {})),
            }
        )


def _weights_by_member(combination: Combination) -> dict[str, float] | None:
    """Weights by member_id; yardsticks have none, and stand among a cube's members all the same."""
    weights = combination.member_weights
    if weights is None:
        return None
    return {m.member_id: float(weight) for m, weight in zip(combination.members, weights, strict=True)}


def _setting_row(info: MemberInfo, seeds: Sequence[float], per_window: FloatArray) -> SettingRow:
    """`seeds` are their mean scores; `per_window` the totals of their averaged forecast."""
    return SettingRow(
        setting=info.setting,
        family=info.family,
        n_seeds=len(seeds),
        mean=rounded(statistics.fmean(seeds)) if seeds else None,
        sd=rounded(statistics.stdev(seeds)) if len(seeds) > 1 else None,
        score_of_average=rounded(float(per_window.mean())),
        per_window=rounded_all(per_window),
    )
