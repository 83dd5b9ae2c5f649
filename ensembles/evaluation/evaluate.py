"""What this configuration would have scored had it been used: window by window, from out-of-fold forecasts alone.

The blend stands against what one could have done instead: weigh all families alike, blend one family only, use the
single member that looked best at the time, repeat last week. No contender knew a window that it forecast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ensembles.blend.combination import BASELINE
from ensembles.blend.fit import fit_blend
from ensembles.blend.spec import BlendSpec
from ensembles.evaluation.contenders import Contenders
from ensembles.judging.intervals import CONFIDENCE
from ensembles.judging.judge import Forecasts, Judge
from ensembles.judging.rivals import seasonal_naive
from ensembles.oof import REFERENCE, OofCube
from forecasting.schema import BLEND, iso
from forecasting.score.names import score_named

__all__ = ["Contender", "Evaluation", "evaluate_blend"]

EQUAL = "equal weights over families"
BEST_SINGLE = "best single member, as picked"
NAIVE = "seasonal-naive"


@dataclass(frozen=True)
class Contender:
    """Scores of one way to forecast; `ahead` is how much the blend scored more, paired day by day.

    Intervals are those of `judging.intervals`; None where the backtest is too short for one.
    """

    name: str
    score: float
    low: float | None
    high: float | None
    per_window: tuple[float, ...]
    ahead: float
    ahead_low: float | None
    ahead_high: float | None


@dataclass(frozen=True)
class Evaluation:
    """The blend first, then the others, best first; `intervals` says what they are, and `units` which unit scored worst
    where there are several; `noun`: what a period is called, in the plural.
    """

    surrogate: str
    cutoffs: tuple[str, ...]
    n_days: int
    confidence: float
    intervals: str
    contenders: tuple[Contender, ...]
    units: str = ""
    noun: str = "days"

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def evaluate_blend(
    cubes: Mapping[str, OofCube],
    weights: Mapping[str, float],
    spec: BlendSpec,
    surrogate: str,
    rounding: float | None = None,
) -> Evaluation:
    """Judge the blend and its alternatives on every window.

    Parameters
    ----------
    cubes
        One per target, over the same windows.
    surrogate
        Name of the score.
    rounding
        Smallest step of a submission: see `Judge`.

    Raises
    ------
    TooManyFailures
        When a target has no member.
    """
    first = next(iter(cubes.values()))
    judge = Judge.of(cubes, weights, score_named(surrogate), rounding)
    forecasts = _forecasts(cubes, judge, spec)
    rows = [_contender(name, y_hat, judge, forecasts[BLEND]) for name, y_hat in forecasts.items()]
    return Evaluation(
        surrogate=surrogate,
        cutoffs=tuple(iso(cutoff) for cutoff in first.cutoffs),
        n_days=int(first.horizons.sum()),
        confidence=CONFIDENCE,
        intervals=judge.parts.sentence,
        contenders=tuple(sorted(rows, key=lambda row: (row.name != BLEND, -row.score, row.name))),
        units=Contenders(cubes, judge, forecasts).units_in_words,
    )


def _contender(name: str, y_hat: Forecasts, judge: Judge, blend: Forecasts) -> Contender:
    score, ahead = judge.score(y_hat), judge.ahead(blend, y_hat)
    per_window = tuple(float(v) for v in judge.per_window(y_hat))
    ends = (*score.interval, per_window, ahead.value, *ahead.interval)
    return Contender(name, score.value, *ends)


def _forecasts(cubes: Mapping[str, OofCube], judge: Judge, spec: BlendSpec) -> dict[str, Forecasts]:
    weights, surrogate, rounding = judge.weights, judge.points_score.name, judge.rounding
    blend = fit_blend(cubes, weights, spec, surrogate, rounding).evidence
    equal = spec.model_copy(update={"candidates": (BASELINE.label,)})
    found: dict[str, Forecasts] = {
        BLEND: blend.prequential.y_hat,
        EQUAL: fit_blend(cubes, weights, equal, surrogate, rounding).evidence.prequential.y_hat,
    }
    for family in sorted({m.family for cube in cubes.values() for m in cube.members} - {REFERENCE}):
        own = {target: _only(cube, family) for target, cube in cubes.items()}
        if all(cube.members for cube in own.values()):
            alone = fit_blend(own, weights, spec, surrogate, rounding).evidence
            found[f"{family} alone, blended"] = alone.prequential.y_hat
    if blend.best_single is not None:
        found[BEST_SINGLE] = blend.best_single.y_hat
    naive = seasonal_naive(cubes)
    return found | ({} if naive is None else {NAIVE: naive})


def _only(cube: OofCube, family: str) -> OofCube:
    rows = [i for i, m in enumerate(cube.members) if m.family == family]
    return replace(cube, members=tuple(cube.members[i] for i in rows), y_hat=cube.y_hat[..., rows])
