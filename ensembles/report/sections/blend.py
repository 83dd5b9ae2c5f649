"""What the blend is made of, and what else could have been chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ensembles.blend.combination import method_words
from ensembles.files.leaderboard_json import PairRow
from ensembles.judging.ranking import LISTED
from ensembles.report.context import ReportContext
from ensembles.report.section import Section

if TYPE_CHECKING:
    from ensembles.files.blend_json import BlendFile, EqualWeights, LearnedWeights

__all__ = ["SECTION", "BlendFacts", "BlendPart", "RankedPair", "UnitShare"]

MAX_PAIRS = 8


@dataclass(frozen=True)
class UnitShare:
    """A unit of the blend; `width` of its bar in percent of the heaviest unit's; `equal` its weight if all counted
    alike; `learned` its weight in each candidate of `BlendPart.learned`.
    """

    name: str
    weight: float
    width: float
    equal: float | None = None
    learned: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class BlendPart:
    """The blend of one target, its heaviest units first. `weighted` is False for methods without fixed weights.

    `learned` are the candidates over the same units that learn their weights and do not weigh by rank, chosen or not.
    """

    target: str
    words: str
    method: str
    level: str
    factor: float
    weighted: bool
    units: tuple[UnitShare, ...]
    learned: tuple[LearnedWeights, ...] = ()


class RankedPair(NamedTuple):
    """One candidate per target; `rank` is None where the list has gaps."""

    rank: int | None
    pair: PairRow


@dataclass(frozen=True)
class BlendFacts:
    """`others` are the surrogates beside the one in use; `tie` the difference within which the simplest is chosen."""

    parts: tuple[BlendPart, ...]
    pairs: tuple[RankedPair, ...]
    others: tuple[str, ...]
    tie: float | None
    equal: EqualWeights | None = None
    score: float | None = None


def blend_facts(context: ReportContext) -> BlendFacts:
    results = context.results
    listed = results.board.pairs
    return BlendFacts(
        parts=_parts(results.blend) if results.blend else (),
        pairs=_pairs(listed),
        others=tuple(name for name in listed[0].surrogates if name != results.board.surrogate) if listed else (),
        tie=(results.run.config.get("blend") or {}).get("tie"),
        equal=results.blend.equal_weights if results.blend else None,
        score=results.blend.score if results.blend else None,
    )


def _parts(blend: BlendFile) -> tuple[BlendPart, ...]:
    parts = []
    for target, made in blend.targets.items():
        units = sorted(made.units, key=lambda unit: (-(unit.weight or 0), unit.name))
        top = max((unit.weight or 0 for unit in units), default=0)
        learned = tuple(found for found in made.learned if found.level == made.level and found.weights is not None)
        bars = [
            UnitShare(
                name=unit.name,
                weight=unit.weight or 0,
                width=100 * (unit.weight or 0) / top if top else 0,
                equal=unit.equal,
                learned=tuple((found.weights or {}).get(unit.name) for found in learned),
            )
            for unit in units
        ]
        factor = 1.0 if made.factor is None else made.factor
        weighted = all(unit.weight is not None for unit in units)
        words = method_words(made.method, made.level)
        parts.append(BlendPart(target, words, made.method, made.level, factor, weighted, tuple(bars), learned))
    return tuple(parts)


def _pairs(listed: Sequence[PairRow]) -> tuple[RankedPair, ...]:
    """The best, the one chosen and the last listed, with their ranks as far as the list has no gaps."""
    ranked = [RankedPair(place if place <= LISTED else None, pair) for place, pair in enumerate(listed, start=1)]
    last = len(ranked) - 1
    return tuple(row for i, row in enumerate(ranked) if i < MAX_PAIRS or row.pair.chosen or i == last)


SECTION = Section("blend", "Blend", 50, "blend.j2", blend_facts)
