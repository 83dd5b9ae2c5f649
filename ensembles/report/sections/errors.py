"""Where the blend errs: day by day, by kind of day, by step, under each surrogate, and what is left over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ensembles.evaluation.contenders import Honest
from ensembles.files.day_names import WEEKDAYS, day_types
from ensembles.oof import OofCube, log_errors
from ensembles.report.charts.chart import Bars, Chart, Colour, Heat, Layer, Line
from ensembles.report.data import ReportData
from forecasting.schema import BoolArray, FloatArray, as_dates, iso
from forecasting.score.metrics import bias, mape
from forecasting.score.points import FULL_MARK, TOLERANCE, round_submission

__all__ = ["error_groups", "heat_charts", "residual_charts", "residual_rows", "step_chart", "surrogate_rows"]

LAGS, WEEK = 14, 7
BINS = np.arange(-0.65, 0.66, 0.1)


def _days_of(cube: OofCube) -> Any:
    """Day of every window and step, ``[n_windows, horizon]``."""
    return as_dates(cube.cutoffs)[:, None] + np.arange(1, cube.y.shape[2] + 1)


def _points(honest: Honest, target: str) -> FloatArray:
    """Points of each day; linear ones where the score in use has none per day."""
    return honest.judge.day_points(target, honest.blend[target])


def heat_charts(honest: Honest) -> list[Chart]:
    """Points of each day of each window, mean over series; a cross where all series earned nothing. Windows of a
    single day stand in one row.
    """
    charts = []
    for place, (target, cube) in enumerate(honest.cubes.items(), start=1):
        earned = _mean(_points(honest, target), axis=0)
        rows = [iso(cutoff + np.timedelta64(1, "D")) for cutoff in as_dates(cube.cutoffs)]
        x_label = "day of the window"
        if earned.shape[1] == 1:
            earned, rows, x_label = earned.T, [f"from {rows[0]}"], "window"
        heat = Heat(rows, earned, earned == 0, 0.0, FULL_MARK)
        ticks = (1.0, *np.arange(5.0, earned.shape[1] + 1, 5 * np.ceil(earned.shape[1] / 100)).tolist())
        title, height = f"{target}: points of each day", 60 + 26 * len(rows)
        charts.append(
            Chart(f"heat-{place}", title, "number", "", [heat], x_label=x_label, height=height, x_ticks=ticks)
        )
    return charts


def step_chart(honest: Honest) -> Chart | None:
    """Points by days since the cutoff; None for windows of a single day."""
    if next(iter(honest.cubes.values())).y.shape[2] == 1:
        return None
    layers = []
    colours: tuple[Colour, ...] = ("ahead", "honest", "good", "second")
    for target, colour in zip(honest.cubes, colours, strict=False):
        earned = _mean(_points(honest, target), axis=(0, 1))
        steps = np.arange(1, len(earned) + 1)
        layers.append(Line(target, steps, earned, colour))
    return Chart(
        "error-steps",
        "points by day of the horizon, mean over windows",
        "number",
        "points",
        layers,
        x_label="days after the cutoff",
        height=220,
        y_range=(0.0, FULL_MARK),
    )


def error_groups(data: ReportData, honest: Honest) -> list[dict[str, Any]]:
    """Per group of days and target: days, points, MAPE, bias; groups by weekday, type of day and week ahead."""
    groups: dict[tuple[str, str], None] = {}
    cells: dict[tuple[tuple[str, str], str], dict[str, Any]] = {}
    for target, cube in honest.cubes.items():
        earned, y_hat = _points(honest, target), round_submission(honest.blend[target])
        for key, days in _groups(data, _days_of(cube)).items():
            chosen = np.broadcast_to(days, cube.y.shape) & ~np.isnan(cube.y)
            if chosen.any():
                groups[key] = None
                cells[key, target] = {
                    "days": int(chosen.sum()),
                    "points": float(earned[chosen].mean()),
                    "mape": _number(mape(y_hat[chosen], cube.y[chosen])),
                    "bias": _number(bias(y_hat[chosen], cube.y[chosen])),
                }
    return [
        {"kind": key[0], "name": key[1], "targets": {t: cells.get((key, t)) for t in honest.cubes}} for key in groups
    ]


def _groups(data: ReportData, days: Any) -> Mapping[tuple[str, str], BoolArray]:
    facts = data.days.days(days.ravel())
    weekday, types = facts.weekday.reshape(days.shape), np.array(day_types(facts)).reshape(days.shape)
    holiday = np.array([bool(name) for name in facts.holiday]).reshape(days.shape) & (types == "day off")
    found = {("weekday", name): weekday == i for i, name in enumerate(WEEKDAYS)}
    found |= {("day", "work day"): types == "work day", ("day", "day off, no holiday"): (types == "day off") & ~holiday}
    found |= {("day", "public holiday"): holiday, ("day", "shifted work day"): types == "shifted work day"}
    steps = np.broadcast_to(np.arange(1, days.shape[1] + 1), days.shape)
    for first in range(1, days.shape[1] + 1, WEEK) if days.shape[1] > WEEK else ():
        last = min(first + WEEK - 1, days.shape[1])
        found[("step", f"day {first} to {last} ahead")] = (steps >= first) & (steps <= last)
    return found


def surrogate_rows(honest: Honest) -> tuple[list[str], list[dict[str, Any]]]:
    """Names of the surrogates, and each contender's score under them."""
    names = honest.judge.points_score.checked_with
    return [*names], [
        {"name": name, "scores": [honest.judge.by(score).mean(y_hat) for score in names]}
        for name, y_hat in honest.forecasts.items()
    ]


def residual_rows(honest: Honest) -> list[dict[str, Any]]:
    """Log errors of each target: centre, spread, dependence from day to day, days out of tolerance."""
    rows = []
    for target, cube in honest.cubes.items():
        y_hat = round_submission(honest.blend[target])
        errors = log_errors(y_hat, cube.y)
        known = errors[~np.isnan(errors)]
        missed = np.abs(y_hat - cube.y) > TOLERANCE * cube.y
        if len(known) < 3:
            continue
        centred = known - known.mean()
        rows.append(
            {
                "target": target,
                "days": len(known),
                "mean": float(known.mean()),
                "sd": float(known.std(ddof=1)),
                "skew": float((centred**3).mean() / max(float((centred**2).mean()), 1e-100) ** 1.5),
                "next_day": float(_autocorrelation(errors)[0]),
                "next_week": float(_autocorrelation(errors)[6]),
                "missed": int((missed & ~np.isnan(cube.y)).sum()),
            }
        )
    return rows


def residual_charts(honest: Honest) -> list[Chart]:
    """Per target how log errors scatter, and how alike those of days apart are."""
    charts = []
    for place, (target, cube) in enumerate(honest.cubes.items(), start=1):
        errors = log_errors(round_submission(honest.blend[target]), cube.y)
        known = errors[~np.isnan(errors)]
        if len(known) < 3:
            continue
        counts, _ = np.histogram(np.clip(known, BINS[0], BINS[-1]), BINS)
        middle = (BINS[:-1] + BINS[1:]) / 2
        normal = (
            np.exp(-0.5 * ((middle - known.mean()) / known.std()) ** 2) if known.std() > 0 else np.zeros(len(middle))
        )
        normal *= counts.sum() / max(float(normal.sum()), 1e-300)
        scatter: list[Layer] = [
            Bars("days", middle, counts.astype(float), "ahead", 0.09),
            Line("normal", middle, normal, "honest"),
        ]
        title = f"{target}: how errors scatter"
        x_label = "log(actual / forecast)"
        charts.append(Chart(f"residuals-{place}", title, "number", "days", scatter, x_label=x_label, height=220))
        lags, limit = np.arange(1, LAGS + 1), 1.96 / np.sqrt(len(known))
        alike: list[Layer] = [
            Bars("", lags, _autocorrelation(errors), "ahead", 0.5),
            Line("reached by chance", lags, np.full(LAGS, limit), "honest", 1, dashed=True),
            Line("reached by chance", lags, np.full(LAGS, -limit), "honest", 1, dashed=True),
        ]
        title = f"{target}: correlation of errors, by days apart"
        charts.append(Chart(f"residuals-lags-{place}", title, "number", "", alike, x_label="days apart", height=220))
    return charts


def _autocorrelation(errors: FloatArray) -> FloatArray:
    """At 1 to `LAGS` days within windows, ``[LAGS]``; 0 where too little is known."""
    centred = errors - _mean(errors, axis=None)
    found = np.zeros(LAGS)
    for lag in range(1, min(LAGS, errors.shape[-1] - 1) + 1):
        left, right = centred[..., :-lag], centred[..., lag:]
        both = ~(np.isnan(left) | np.isnan(right))
        size = np.sqrt(np.square(left[both]).sum() * np.square(right[both]).sum())
        found[lag - 1] = (left[both] * right[both]).sum() / size if size > 0 else 0.0
    return found


def _mean(values: FloatArray, axis: Any) -> FloatArray:
    """Without NaN; NaN where nothing is left."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: FloatArray = np.where(known, values, 0.0).sum(axis=axis) / known.sum(axis=axis)
    return mean


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
