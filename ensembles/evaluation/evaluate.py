"""What this configuration would have scored had it been used: window by window, from out-of-fold forecasts alone.

The blend stands against what one could have done instead: blend one family only, use the single member that
looked best at the time, repeat last week. Each contender is honest in the same way: nothing it did for a window
knew that window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ensembles.blend.fit import BlendSpec, fit_blend
from ensembles.judging.bootstrap import BLOCK, CONFIDENCE
from ensembles.judging.judge import Forecasts, Judge
from ensembles.oof import REFERENCE, OofCube
from forecasting.schema import BLEND, iso
from forecasting.score.points import Surrogate

__all__ = ["Contender", "Evaluation", "evaluate"]

NAIVE = "seasonal-naive"


@dataclass(frozen=True)
class Contender:
    """Scores of one way to forecast; `ahead` is how much the blend scored more, paired day by day.

    Intervals are block-bootstrap ones at `CONFIDENCE`.
    """

    name: str
    score: float
    low: float
    high: float
    per_window: tuple[float, ...]
    ahead: float
    ahead_low: float
    ahead_high: float


@dataclass(frozen=True)
class Evaluation:
    """The blend first, then the others, best first."""

    surrogate: Surrogate
    cutoffs: tuple[str, ...]
    n_days: int
    confidence: float
    block_days: int
    contenders: tuple[Contender, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def evaluate(
    cubes: Mapping[str, OofCube], weights: Mapping[str, float], spec: BlendSpec, surrogate: Surrogate
) -> Evaluation:
    """Judge the blend and its alternatives on every window.

    Parameters
    ----------
    cubes
        One per target, over the same windows.

    Raises
    ------
    TooManyFailures
        When a target has no member.
    """
    first = next(iter(cubes.values()))
    judge = Judge({t: cube.y for t, cube in cubes.items()}, weights, surrogate, first.horizons)
    forecasts = _forecasts(cubes, weights, spec, surrogate)
    rows = [_contender(name, y_hat, judge, forecasts[BLEND]) for name, y_hat in forecasts.items()]
    return Evaluation(
        surrogate=surrogate,
        cutoffs=tuple(iso(cutoff) for cutoff in first.cutoffs),
        n_days=int(first.horizons.sum()),
        confidence=CONFIDENCE,
        block_days=BLOCK,
        contenders=tuple(sorted(rows, key=lambda row: (row.name != BLEND, -row.score, row.name))),
    )


def _contender(name: str, y_hat: Forecasts, judge: Judge, blend: Forecasts) -> Contender:
    score, ahead = judge.score(y_hat), judge.ahead(blend, y_hat)
    per_window = tuple(float(v) for v in judge.per_window(y_hat))
    return Contender(name, score.value, score.low, score.high, per_window, ahead.value, ahead.low, ahead.high)


def _forecasts(
    cubes: Mapping[str, OofCube], weights: Mapping[str, float], spec: BlendSpec, surrogate: Surrogate
) -> dict[str, Forecasts]:
    blend = fit_blend(cubes, weights, spec, surrogate)
    found: dict[str, Forecasts] = {BLEND: blend.prequential.y_hat}
    for family in sorted({m.family for cube in cubes.values() for m in cube.members} - {REFERENCE}):
        own = {target: _only(cube, family) for target, cube in cubes.items()}
        if all(cube.members for cube in own.values()):
            found[f"{family} alone, blended"] = fit_blend(own, weights, spec, surrogate).prequential.y_hat
    if blend.best_single is not None:
        found["best single member, as picked"] = blend.best_single.y_hat
    naive = {
        target: cube.y_hat[..., i]
        for target, cube in cubes.items()
        for i, member in reversed(list(enumerate(cube.members)))  # of several, the first stands
        if member.setting.startswith(NAIVE)
    }
    return found | ({NAIVE: naive} if len(naive) == len(cubes) else {})


def _only(cube: OofCube, family: str) -> OofCube:
    rows = [i for i, m in enumerate(cube.members) if m.family == family]
    return replace(cube, members=tuple(cube.members[i] for i in rows), y_hat=cube.y_hat[..., rows])
