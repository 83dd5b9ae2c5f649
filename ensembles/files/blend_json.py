"""blend.json: what is used, how it was chosen, what it scored.

The readable part is rounded. Under each target's `apply` stand the same numbers as they were used, which JSON keeps to
the last bit: `BlendFile.target_blends` combines new forecasts exactly as the run did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ensembles.bands.rules import BandRule
from ensembles.blend.combination import Candidate, Combination, Layered, parse_candidate
from ensembles.blend.target_blend import TargetBlend
from ensembles.files.leaderboard_json import BestSingleRow, CoverageRow, PairRow
from ensembles.files.stored import Stored, StoredFile, rounded, rounded_all
from ensembles.judging.judge import DAYS_PER_MONTH
from ensembles.oof import MemberInfo
from forecasting.schema import FloatArray

if TYPE_CHECKING:
    from ensembles.bands.rules import Coverage
    from ensembles.blend.best_single_picks import BestSinglePicks
    from ensembles.blend.fit import Blend
    from ensembles.blend.pair import Pair
    from ensembles.blend.tracks import Track

__all__ = [
    "BandFacts",
    "BlendFile",
    "ChoiceRow",
    "EqualWeights",
    "ExactNumbers",
    "LearnedWeights",
    "MemberWeight",
    "PartNumbers",
    "TargetFacts",
    "UnitWeight",
    "best_single_row",
    "coverage_rows",
    "pair_row",
]


class UnitWeight(Stored):
    """A family or setting that is combined; `weight` None for methods that weigh by rank; `equal` its weight if all
    counted alike.
    """

    name: str
    family: str
    weight: float | None
    equal: float | None


class LearnedWeights(Stored):
    """A candidate with weights that are learned, chosen or not: `weights` by unit, None where a part weighs by rank.

    `held` is how far they are held back, 0 (not at all) to 1 (equal weights, or the simplest part of a second layer);
    None where a free fit would not move them. `parts` are the shares of what a second layer combines.
    """

    method: str
    level: str
    weights: Mapping[str, float | None] | None
    held: float | None
    parts: Mapping[str, float | None] = {}


class EqualWeights(Stored):
    """Scores of the mean over families, calibrated like the blend."""

    score: float | None
    score_x30: float | None
    per_window: tuple[float | None, ...]


class PartNumbers(Stored):
    """One of the combinations that a second layer combines, unrounded; `share` in the second layer."""

    method: str
    unit_weights: tuple[float, ...] | tuple[tuple[float, ...], ...] | None
    share: float


class MemberWeight(Stored):
    """A member and its share in the combination."""

    member: str
    member_id: str
    family: str
    setting: str
    weight: float | None


class BandFacts(Stored):
    """The rule of the bands, rounded: see `ensembles.bands.rules.BandRule`."""

    own: tuple[float | None, ...]
    slope: float | None
    centre: float | None
    quantiles: Mapping[int, float | None]


class ExactNumbers(Stored):
    """What forecasting takes, unrounded; None for what is not a number.

    `unit_weights` ``[n_units]`` or ``[n_series, n_units]``, None for methods that weigh by rank; `around_median` the
    quantiles of errors by the level of the band; `amounts` the sizes that the bands of series with negative amounts are
    measured by, None where no series has any; `parts` what a second layer combines, the simplest first.
    """

    unit_weights: tuple[float, ...] | tuple[tuple[float, ...], ...] | None
    factor: float
    own: tuple[float | None, ...]
    slope: float
    centre: float
    around_median: Mapping[int, float | None]
    amounts: tuple[float, ...] | None
    parts: tuple[PartNumbers, ...]

    @classmethod
    def of(cls, blend: TargetBlend) -> ExactNumbers:
        rule = blend.band_rule
        return cls(
            unit_weights=_listed(blend.combination.unit_weights),
            factor=float(blend.factor),
            own=tuple(_or_none(value) for value in rule.own),
            slope=float(rule.slope),
            centre=float(rule.centre),
            around_median={level: _or_none(q) for level, q in rule.quantiles.items()},
            amounts=None if rule.amounts is None else tuple(rule.amounts.tolist()),
            parts=_parts(blend.combination),
        )

    def combination(self, candidate: Candidate, members: tuple[MemberInfo, ...]) -> Combination:
        """What these numbers combine members with."""
        if not self.parts:
            return Combination(candidate, members, _array(self.unit_weights))
        parts = tuple(
            Combination(Candidate(part.method, candidate.level), members, _array(part.unit_weights))
            for part in self.parts
        )
        return Layered.of(candidate, parts, np.array([part.share for part in self.parts]))

    @property
    def band_rule(self) -> BandRule:
        own = np.array([_or_nan(value) for value in self.own])
        quantiles = {level: _or_nan(q) for level, q in self.around_median.items()}
        amounts = None if self.amounts is None else np.array(self.amounts)
        return BandRule(own, self.slope, self.centre, quantiles, amounts)


class TargetFacts(Stored):
    """One target's blend; `factor_gain` mean points won by the factor where it was tested."""

    method: str
    level: str
    units: tuple[UnitWeight, ...]
    members: tuple[MemberWeight, ...]
    factor: float | None
    factor_gain: float | None
    factor_per_window: tuple[float | None, ...]
    bands: BandFacts
    coverage: Mapping[int, CoverageRow]
    apply: ExactNumbers
    learned: tuple[LearnedWeights, ...]

    @classmethod
    def of(cls, blend: Blend, target: str) -> TargetFacts:
        found, calibration = blend.targets[target], blend.evidence.calibration[target]
        candidate = found.combination.candidate
        return cls(
            method=candidate.method,
            level=candidate.level,
            units=_units(found.combination),
            members=_members(found.combination),
            factor=rounded(calibration.final),
            factor_gain=rounded(calibration.gain),
            factor_per_window=rounded_all(calibration.factors),
            bands=_bands(found.band_rule),
            coverage=coverage_rows(blend.evidence.coverage[target]),
            apply=ExactNumbers.of(found),
            learned=tuple(_learned(track) for track in blend.evidence.tracks[target] if track.candidate.rule.learns),
        )

    def blend(self) -> TargetBlend:
        """What the file's numbers forecast with."""
        (candidate,) = parse_candidate(f"{self.method}/{self.level}")
        members = tuple(MemberInfo(m.member_id, m.member, m.family, m.setting) for m in self.members)
        return TargetBlend(self.apply.combination(candidate, members), self.apply.factor, self.apply.band_rule)


class ChoiceRow(Stored):
    """The candidate of each target for one window; `real` whether there was anything to choose by."""

    methods: Mapping[str, str]
    real: bool


class BlendFile(StoredFile):
    """The whole blend of a run."""

    FILE: ClassVar[str] = "blend.json"
    SCHEMA: ClassVar[int] = 2

    surrogate: str
    weights: Mapping[str, float]
    targets: Mapping[str, TargetFacts]
    score: float | None
    score_x30: float | None
    score_in_sample: float | None
    per_window: tuple[float | None, ...]
    choices: tuple[ChoiceRow, ...]
    pairs: tuple[PairRow, ...]
    best_single: BestSingleRow | None
    equal_weights: EqualWeights

    @classmethod
    def of(cls, blend: Blend) -> BlendFile:
        """The file of a blend."""
        evidence = blend.evidence
        prequential = evidence.prequential
        return cls(
            schema_version=cls.SCHEMA,
            surrogate=evidence.surrogate,
            weights=dict(evidence.weights),
            targets={target: TargetFacts.of(blend, target) for target in blend.targets},
            score=rounded(prequential.score),
            score_x30=rounded(prequential.score * DAYS_PER_MONTH),
            score_in_sample=rounded(evidence.score_in_sample),
            per_window=rounded_all(prequential.per_window),
            choices=tuple(
                ChoiceRow(methods={target: c.label for target, c in choice.items()}, real=real)
                for choice, real in zip(prequential.choices, prequential.real, strict=True)
            ),
            pairs=tuple(pair_row(pair) for pair in evidence.pairs),
            best_single=best_single_row(evidence.best_single),
            equal_weights=_equal_weights(evidence.equal_weights),
        )

    def check(self) -> None:
        self.target_blends()

    def target_blends(self) -> dict[str, TargetBlend]:
        """By target what combines new forecasts."""
        return {target: facts.blend() for target, facts in self.targets.items()}


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _units(combination: Combination) -> tuple[UnitWeight, ...]:
    weights = _weights(combination.mean_unit_weights, len(combination.units))
    return tuple(
        UnitWeight(name=unit.name, family=unit.family, weight=weight, equal=equal)
        for unit, weight, equal in zip(combination.units, weights, rounded_all(combination.equal), strict=True)
    )


def _learned(track: Track) -> LearnedWeights:
    final, candidate = track.final, track.candidate
    weights = None if final.mean_unit_weights is None else rounded_all(final.mean_unit_weights)
    return LearnedWeights(
        method=candidate.method,
        level=candidate.level,
        weights=None if weights is None else dict(zip((u.name for u in final.units), weights, strict=True)),
        held=rounded(track.held),
        parts={part.candidate.method: rounded(share) for part, share in _shares(final)},
    )


def _shares(combination: Combination) -> list[tuple[Combination, float]]:
    """The parts of a second layer with their shares; none of any other combination."""
    if not isinstance(combination, Layered):
        return []
    return list(zip(combination.parts, combination.part_weights.tolist(), strict=True))


def _parts(combination: Combination) -> tuple[PartNumbers, ...]:
    return tuple(
        PartNumbers(method=part.candidate.method, unit_weights=_listed(part.unit_weights), share=share)
        for part, share in _shares(combination)
    )


def _equal_weights(per_window: FloatArray) -> EqualWeights:
    score = float(per_window.mean())
    return EqualWeights(
        score=rounded(score), score_x30=rounded(score * DAYS_PER_MONTH), per_window=rounded_all(per_window)
    )


def _listed(weights: FloatArray | None) -> Any:
    return None if weights is None else weights.tolist()


def _array(weights: Any) -> FloatArray | None:
    return None if weights is None else np.array(weights, dtype=np.float64)


def _members(combination: Combination) -> tuple[MemberWeight, ...]:
    weights = _weights(combination.member_weights, len(combination.members))
    return tuple(
        MemberWeight(member=m.name, member_id=m.member_id, family=m.family, setting=m.setting, weight=weight)
        for m, weight in zip(combination.members, weights, strict=True)
    )


def _weights(found: FloatArray | None, n: int) -> tuple[float | None, ...]:
    return (None,) * n if found is None else rounded_all(found)


def _bands(rule: BandRule) -> BandFacts:
    quantiles = {level: rounded(q) for level, q in rule.quantiles.items()}
    return BandFacts(
        own=rounded_all(rule.own), slope=rounded(rule.slope), centre=rounded(rule.centre), quantiles=quantiles
    )


def coverage_rows(coverage: Mapping[int, Coverage]) -> dict[int, CoverageRow]:
    """Measured coverage by level, as shares, with its interval; None without a window that has bands."""
    return {
        level: CoverageRow(
            share=rounded(found.share),
            low=rounded(found.low),
            high=rounded(found.high),
            days=found.n_days,
            windows=found.n_windows,
        )
        for level, found in coverage.items()
    }


def pair_row(pair: Pair) -> PairRow:
    """One row of `pairs`: `score` and `surrogates` over the windows that choose, None where there are none."""
    return PairRow(
        methods={target: candidate.label for target, candidate in pair.candidates.items()},
        score=rounded(pair.score),
        surrogates={name: rounded(score) for name, score in pair.by_surrogate.items()},
        score_in_sample=rounded(pair.score_in_sample),
        out=pair.out,
        chosen=pair.chosen,
    )


def best_single_row(best: BestSinglePicks | None) -> BestSingleRow | None:
    """The best single member as picked before each window; a pick is None where nothing could be picked by."""
    if best is None:
        return None
    return BestSingleRow(
        score=rounded(best.score),
        score_x30=rounded(best.score * DAYS_PER_MONTH),
        per_window=rounded_all(best.per_window),
        picks=tuple(None if pick is None else pick.name for pick in best.picks),
        member=best.final.name,
    )
