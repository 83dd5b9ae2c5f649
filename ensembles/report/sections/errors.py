"""Errors of the blend: day by day, by kind of day, by step, under each surrogate, and what is left over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ensembles.evaluation.contenders import Contenders
from ensembles.evaluation.residuals import FEWEST_DAYS, LAGS, Residuals
from ensembles.files.day_names import WEEKDAYS, day_kinds
from ensembles.oof import OofCube
from ensembles.report.charts.chart import Bars, Chart, Colour, Heat, Layer, Line
from ensembles.report.context import ReportContext
from ensembles.report.section import Section
from forecasting.calendar import Calendar
from forecasting.schema import BoolArray, DateArray, FloatArray, iso
from forecasting.score.metrics import bias, mape
from forecasting.score.points import FULL_MARK

__all__ = ["SECTION", "ContenderScores", "DayGroup", "ErrorFacts", "GroupErrors", "ResidualRow"]

WEEK = 7
BINS = np.arange(-0.65, 0.66, 0.1)
STEP_COLOURS: tuple[Colour, ...] = ("forecast", "backtest", "good", "second")


@dataclass(frozen=True)
class GroupErrors:
    """Errors of one target on the days of a group; MAPE and bias as fractions, None without a day to divide by."""

    days: int
    points: float
    mape: float | None
    bias: float | None


@dataclass(frozen=True)
class DayGroup:
    """Days of one kind (weekday, day or step); `targets` in their order, None for one without such a day."""

    kind: str
    name: str
    targets: tuple[GroupErrors | None, ...]

    @property
    def days(self) -> int:
        """Of the first target that has any."""
        return next(found.days for found in self.targets if found)


@dataclass(frozen=True)
class ContenderScores:
    """Scores of a contender under each surrogate."""

    name: str
    scores: tuple[float, ...]


@dataclass(frozen=True)
class ResidualRow:
    """Log errors of a target: centre, spread, correlation with the next day and with a week later."""

    target: str
    days: int
    mean: float
    sd: float
    skew: float
    next_day: float
    next_week: float
    missed: int


@dataclass(frozen=True)
class ErrorFacts:
    """All empty for a run without a blend. `by_surrogate` scores stand in the order of `surrogates`; `too_few` are the
    targets of which too few days have residuals.
    """

    heat: tuple[Chart, ...] = ()
    steps: tuple[Chart, ...] = ()
    groups: tuple[DayGroup, ...] = ()
    surrogates: tuple[str, ...] = ()
    by_surrogate: tuple[ContenderScores, ...] = ()
    residuals: tuple[ResidualRow, ...] = ()
    too_few: tuple[str, ...] = ()
    residual_charts: tuple[Chart, ...] = ()


def error_facts(context: ReportContext) -> ErrorFacts:
    contenders = context.contenders
    if contenders is None:
        return ErrorFacts()
    found = {t: Residuals.of(contenders.submitted(t), cube.y) for t, cube in contenders.cubes.items()}
    residuals = {target: residuals for target, residuals in found.items() if len(residuals.known) >= FEWEST_DAYS}
    return ErrorFacts(
        heat=tuple(_heat_charts(contenders)),
        steps=tuple(_step_charts(contenders)),
        groups=_groups_of_days(context.results.calendar, contenders),
        surrogates=contenders.judge.points_score.checked_with,
        by_surrogate=_by_surrogate(contenders),
        residuals=tuple(_residual_row(target, found) for target, found in residuals.items()),
        too_few=tuple(target for target in found if target not in residuals),
        residual_charts=tuple(_residual_charts(found)),
    )


def _heat_charts(contenders: Contenders) -> Iterator[Chart]:
    """Points of each day of each window, mean over series; a cross where all series earned nothing. Windows of a
    single day stand in one row.
    """
    for place, (target, cube) in enumerate(contenders.cubes.items(), start=1):
        earned = _mean(contenders.blend_points(target), axis=0)
        rows = [iso(day) for day in cube.ds[:, 0]]
        x_label = "day of the window"
        if earned.shape[1] == 1:
            earned, rows, x_label = earned.T, [f"from {rows[0]}"], "window"
        heat = Heat(rows, earned, earned == 0, 0.0, FULL_MARK)
        ticks = (1.0, *np.arange(5.0, earned.shape[1] + 1, 5 * np.ceil(earned.shape[1] / 100)).tolist())
        title, height = f"{target}: points of each day", 60 + 26 * len(rows)
        yield Chart(f"heat-{place}", title, "number", "", [heat], x_label=x_label, height=height, x_ticks=ticks)


def _step_charts(contenders: Contenders) -> Iterator[Chart]:
    """Points by days since the cutoff; none for windows of a single day."""
    if next(iter(contenders.cubes.values())).y.shape[2] == 1:
        return
    layers = []
    for target, colour in zip(contenders.cubes, STEP_COLOURS, strict=False):
        earned = _mean(contenders.blend_points(target), axis=(0, 1))
        layers.append(Line(target, np.arange(1, len(earned) + 1), earned, colour))
    yield Chart(
        "error-steps",
        "points by day of the horizon, mean over windows",
        "number",
        "points",
        layers,
        x_label="days after the cutoff",
        height=220,
        y_range=(0.0, FULL_MARK),
    )


def _groups_of_days(calendar: Calendar, contenders: Contenders) -> tuple[DayGroup, ...]:
    """Errors by weekday, type of day and week ahead; a group has a day of at least one target."""
    found: dict[tuple[str, str], dict[str, GroupErrors]] = {}
    for target, cube in contenders.cubes.items():
        earned, y_hat = contenders.blend_points(target), contenders.submitted(target)
        for key, days in _day_masks(calendar, _days_of(cube)).items():
            chosen = np.broadcast_to(days, cube.y.shape) & ~np.isnan(cube.y)
            if chosen.any():
                errors = _group_errors(earned[chosen], y_hat[chosen], cube.y[chosen])
                found.setdefault(key, {})[target] = errors
    return tuple(
        DayGroup(kind, name, tuple(errors.get(target) for target in contenders.cubes))
        for (kind, name), errors in found.items()
    )


def _group_errors(earned: FloatArray, y_hat: FloatArray, y: FloatArray) -> GroupErrors:
    return GroupErrors(len(y), float(earned.mean()), _number(mape(y_hat, y)), _number(bias(y_hat, y)))


def _days_of(cube: OofCube) -> DateArray:
    """Day of every window and step, ``[n_windows, horizon]``. Padding, which is never judged, repeats the first."""
    return np.where(np.isnat(cube.ds), cube.ds[:, :1], cube.ds)


def _day_masks(calendar: Calendar, days: Any) -> Mapping[tuple[str, str], BoolArray]:
    """Kind and name of a group → which of `days` ``[n_windows, horizon]`` belong to it."""
    facts = calendar.days(days.ravel())
    weekday = facts.weekday.reshape(days.shape)
    found = {("weekday", name): weekday == i for i, name in enumerate(WEEKDAYS)}
    found |= {("day", kind): mask.reshape(days.shape) for kind, mask in day_kinds(facts).items()}
    steps = np.broadcast_to(np.arange(1, days.shape[1] + 1), days.shape)
    for first in range(1, days.shape[1] + 1, WEEK) if days.shape[1] > WEEK else ():
        last = min(first + WEEK - 1, days.shape[1])
        found[("step", f"day {first} to {last} ahead")] = (steps >= first) & (steps <= last)
    return found


def _by_surrogate(contenders: Contenders) -> tuple[ContenderScores, ...]:
    judges = [contenders.judge.by(name) for name in contenders.judge.points_score.checked_with]
    return tuple(
        ContenderScores(name, tuple(judge.mean(y_hat) for judge in judges))
        for name, y_hat in contenders.forecasts.items()
    )


def _residual_row(target: str, found: Residuals) -> ResidualRow:
    return ResidualRow(
        target=target,
        days=len(found.known),
        mean=float(found.known.mean()),
        sd=float(found.known.std(ddof=1)),
        skew=found.skew,
        next_day=float(found.autocorrelation[0]),
        next_week=float(found.autocorrelation[6]),
        missed=found.n_missed,
    )


def _residual_charts(found: Mapping[str, Residuals]) -> Iterator[Chart]:
    """Per target how log errors scatter, and how alike those of days apart are."""
    for place, (target, residuals) in enumerate(found.items(), start=1):
        if len(residuals.known) >= FEWEST_DAYS:
            yield _scatter_chart(target, residuals.known, f"residuals-{place}")
            yield _lags_chart(target, residuals, f"residuals-lags-{place}")


def _scatter_chart(target: str, known: FloatArray, key: str) -> Chart:
    counts, _ = np.histogram(np.clip(known, BINS[0], BINS[-1]), BINS)
    middle = (BINS[:-1] + BINS[1:]) / 2
    normal = np.exp(-0.5 * ((middle - known.mean()) / known.std()) ** 2) if known.std() > 0 else np.zeros(len(middle))
    normal *= counts.sum() / max(float(normal.sum()), 1e-300)
    layers: list[Layer] = [
        Bars("days", middle, counts.astype(float), "forecast", 0.09),
        Line("normal", middle, normal, "backtest"),
    ]
    title = f"{target}: distribution of errors"
    return Chart(key, title, "number", "days", layers, x_label="log(actual / forecast)", height=220)


def _lags_chart(target: str, residuals: Residuals, key: str) -> Chart:
    lags, limit = np.arange(1, LAGS + 1), 1.96 / np.sqrt(len(residuals.known))
    layers: list[Layer] = [
        Bars("", lags, residuals.autocorrelation, "forecast", 0.5),
        Line("limits of chance", lags, np.full(LAGS, limit), "backtest", 1, dashed=True),
        Line("limits of chance", lags, np.full(LAGS, -limit), "backtest", 1, dashed=True),
    ]
    title = f"{target}: correlation of errors, by days apart"
    return Chart(key, title, "number", "", layers, x_label="days apart", height=220)


def _mean(values: FloatArray, axis: Any) -> FloatArray:
    """Without NaN; NaN where nothing is left."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: FloatArray = np.where(known, values, 0.0).sum(axis=axis) / known.sum(axis=axis)
    return mean


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value


def error_charts(facts: ErrorFacts) -> Sequence[Chart]:
    return (*facts.heat, *facts.steps, *facts.residual_charts)


SECTION = Section("errors", "Errors", 70, "errors.j2", error_facts, error_charts)
