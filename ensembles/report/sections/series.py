"""Series of a panel: the errors of all together, and those of the best and the worst."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.evaluation.contenders import Contenders
from ensembles.report.context import ReportContext
from ensembles.report.money import Money
from ensembles.report.section import Section
from forecasting.schema import BoolArray, FloatArray

__all__ = ["SECTION", "SeriesErrors", "SeriesFacts", "TargetErrors"]

MOST = 10
"""Series shown at either end."""


@dataclass(frozen=True)
class SeriesErrors:
    """The blend's errors over all days of the backtest: `wape` Σ|ŷ - y| / Σ|y|, `bias` Σ(ŷ - y) / Σ|y|; `mean` the
    actual amount of a day.
    """

    name: str
    mean: str
    wape: float
    bias: float


@dataclass(frozen=True)
class TargetErrors:
    """`summed` the daily sums over series, `pooled` all days of all series; `best` and `worst` hold no series twice.

    `n_series` counts those with an amount to divide by.
    """

    target: str
    n_series: int
    summed: SeriesErrors
    pooled: SeriesErrors
    best: tuple[SeriesErrors, ...]
    worst: tuple[SeriesErrors, ...]


@dataclass(frozen=True)
class SeriesFacts:
    """None without a blend, and for a run without several series of a target."""

    targets: tuple[TargetErrors, ...] = ()


def series_facts(context: ReportContext) -> SeriesFacts:
    contenders = context.contenders
    if contenders is None:
        return SeriesFacts()
    several = [target for target, cube in contenders.cubes.items() if len(cube.unique_ids) > 1]
    return SeriesFacts(tuple(_of_target(target, contenders, context.money) for target in several))


def _of_target(target: str, contenders: Contenders, money: Money) -> TargetErrors:
    cube = contenders.cubes[target]
    known = ~np.isnan(cube.y)
    y, y_hat = np.where(known, cube.y, 0.0), np.where(known, contenders.submitted(target), 0.0)
    days = np.maximum(known.sum(axis=(1, 2)), 1)
    sizes = np.abs(y).sum(axis=(1, 2))
    judged = np.flatnonzero(sizes > 0)
    wape = np.abs(y_hat - y)[judged].sum(axis=(1, 2)) / sizes[judged]
    bias = (y_hat - y)[judged].sum(axis=(1, 2)) / sizes[judged]
    mean = y[judged].sum(axis=(1, 2)) / days[judged]

    def at(place: int) -> SeriesErrors:
        name = cube.unique_ids[judged[place]]
        return SeriesErrors(name, money.plain(float(mean[place])), float(wape[place]), float(bias[place]))

    order = np.argsort(wape, kind="stable")
    best = order[:MOST]
    worst = order[len(best) :][::-1][:MOST]
    return TargetErrors(
        target,
        len(judged),
        _errors("their sum", y_hat.sum(axis=0), y.sum(axis=0), np.any(known, axis=0), money),
        _errors("all days of all", y_hat, y, known, money),
        tuple(map(at, best.tolist())),
        tuple(map(at, worst.tolist())),
    )


def _errors(name: str, y_hat: FloatArray, y: FloatArray, known: BoolArray, money: Money) -> SeriesErrors:
    """Of forecasts and actual values of any shape, both 0 where nothing is known."""
    size, miss = float(np.abs(y).sum()), y_hat - y
    mean = float(y.sum()) / max(int(known.sum()), 1)
    if size == 0:
        return SeriesErrors(name, money.plain(mean), float("nan"), float("nan"))
    return SeriesErrors(name, money.plain(mean), float(np.abs(miss).sum()) / size, float(miss.sum()) / size)


SECTION = Section("series", "Series", 75, "series.j2", series_facts)
