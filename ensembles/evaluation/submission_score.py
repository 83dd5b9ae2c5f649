"""Score any submission against any table of actual values, both read as the data are."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ensembles.judging.judge import DAYS_PER_MONTH, Judge
from forecasting.axis import DAILY, Axis, infer_axis
from forecasting.calendar import Calendar
from forecasting.data.amounts_table import AmountRows, read_amounts_table
from forecasting.data.formats.columns import first_few
from forecasting.data.formats.decode import first
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Series
from forecasting.schema import FloatArray, as_dates, iso
from forecasting.score.metrics import mape, zero_days
from forecasting.score.names import score_named
from forecasting.score.signs import refuse_negative

__all__ = ["SubmissionScore", "TargetScore", "score_submission"]

_MONTHS = range(28, 32)
"""Days that a month may have."""

SHOWN = 5
"""Entities named in a sentence."""
_Row = tuple[str, np.datetime64]
"""Entity and day; the entity is empty where there is only one."""
_Amounts = Mapping[_Row, Mapping[str, float]]
"""The amounts of each row by target."""


@dataclass(frozen=True)
class TargetScore:
    """One target: mean points per day, MAPE as a fraction, and days with y = 0, which MAPE leaves out."""

    score: float
    mape: float
    zero_days: int


@dataclass(frozen=True)
class SubmissionScore:
    """Weighted total per day (0 to 10) and what it is made of.

    `n_rows` of `n_expected` days from `start` to `end` are in the submission; in a panel a day of each entity counts.
    `score_x30` is the total for 30 days; None unless these are all days of a month, without a gap. `noun`: what a
    period is called, in the plural. `notes`: what was guessed of the tables.
    """

    surrogate: str
    score: float
    score_x30: float | None
    targets: Mapping[str, TargetScore]
    n_rows: int
    n_expected: int
    start: str
    end: str
    noun: str = "days"
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values; null for a MAPE without a day to measure it on."""
        targets = {
            name: {"score": t.score, "mape": None if math.isnan(t.mape) else t.mape, "zero_days": t.zero_days}
            for name, t in self.targets.items()
        }
        return {**vars(self), "targets": targets}


def score_submission(submission: Path, truth: Path, data: DataSpec, surrogate: str) -> SubmissionScore:
    """Judge a submission.

    Parameters
    ----------
    submission, truth
        Tables as `read_amounts_table` reads them. Actual values may cover more days than the submission:
        what they say of these does not matter.
    data
        What the tables hold: targets with their weights, columns and entities.
    surrogate
        Name of the score.

    Raises
    ------
    DataError
        A file that cannot be read as such a table, an empty amount in the submission, a day of it without an actual
        value, or negative amounts where the score does not allow them.
    """
    read, known = (read_amounts_table(data, path, signed=True) for path in (submission, truth))
    forecasts = _forecasts(read, data, surrogate)
    actual = _actual(known, forecasts, data, surrogate)
    judge = _judge(actual, forecasts, data.targets, surrogate)
    targets = {
        target: _target_score(judge, target, np.array([row[target] for row in forecasts.values()]))
        for target in data.targets
    }
    total = judge.total({target: found.score for target, found in targets.items()})
    days = np.unique([day for _, day in forecasts])
    axis = infer_axis(np.union1d(known.ds, days), Calendar(), data.freq)
    missing = _missing(forecasts, known, axis)
    is_month = not missing and len(days) in _MONTHS and days[-1] - days[0] == np.timedelta64(len(days) - 1, "D")
    return SubmissionScore(
        surrogate=surrogate,
        score=total,
        score_x30=total * DAYS_PER_MONTH if is_month else None,
        targets=targets,
        n_rows=len(forecasts),
        n_expected=len(forecasts) + missing,
        start=iso(days[0]),
        end=iso(days[-1]),
        noun=DAILY.noun if axis is None else axis.noun,
        notes=tuple(dict.fromkeys((*read.notes, *known.notes, *_not_scored(forecasts, known)))),
    )


def _forecasts(read: AmountRows, data: DataSpec, surrogate: str) -> _Amounts:
    """The submission, in which no target of a row lacks its amount."""
    amounts = read.by_day()
    empty = first(np.isnan(read.y))
    if empty is not None:
        what = f"{read.series[empty].target} on {iso(read.ds[empty])} is empty"
        raise DataError(where=read.place(empty), what=what, remedy="fill it in")
    rows = _by_row(amounts)
    for row, by_target in rows.items():
        for target in data.targets:
            if target not in by_target:
                raise DataError(where=read.name, what=f"no {target} on {_place(row)}", remedy="add it")
    _refuse_negative(rows, data, surrogate, read.name)
    return rows


def _actual(known: AmountRows, forecasts: _Amounts, data: DataSpec, surrogate: str) -> _Amounts:
    """The actual values of the submission's rows; what others hold does not matter."""
    wanted = {
        (series, day) for series, day in zip(known.series, known.ds, strict=True) if _row(series, day) in forecasts
    }
    rows = _by_row(known.by_day(wanted))
    for row in forecasts:
        if len(rows.get(row, {})) < len(data.targets):
            what = f"no actual value on {_place(row)}, which the submission forecasts"
            raise DataError(where=known.name, what=what, remedy="add it")
    _refuse_negative(rows, data, surrogate, known.name)
    return rows


def _by_row(amounts: Mapping[tuple[Series, np.datetime64], float]) -> _Amounts:
    found: dict[_Row, dict[str, float]] = {}
    for (series, day), y in amounts.items():
        found.setdefault(_row(series, day), {})[series.target] = y
    return found


def _refuse_negative(rows: _Amounts, data: DataSpec, surrogate: str, name: str) -> None:
    days = [_place(row) for row in rows]
    for target in data.targets:
        values = np.array([by_target[target] for by_target in rows.values()])
        refuse_negative(score_named(surrogate), values, days, f"{name}: {target}")


def _row(series: Series, day: np.datetime64) -> _Row:
    return series.entity or "", day


def _place(row: _Row) -> str:
    return f"{iso(row[1])} of {row[0]}" if row[0] else iso(row[1])


def _missing(forecasts: _Amounts, known: AmountRows, axis: Axis | None) -> int:
    """Rows that the submission lacks of its own entities: days it spans of which the actual values tell, and calendar
    days between the first and the last of an entity.
    """
    by_entity: dict[str, list[np.datetime64]] = {}
    for entity, day in forecasts:
        by_entity.setdefault(entity, []).append(day)
    start, end = min(day for _, day in forecasts), max(day for _, day in forecasts)
    told = zip(known.series, known.ds, known.y, strict=True)
    expected = {_row(series, day) for series, day, y in told if start <= day <= end and not np.isnan(y)}
    expected = {row for row in expected if row[0] in by_entity}
    if axis is not None and axis.freq == DAILY.freq:
        expected |= {(who, day) for who, days in by_entity.items() for day in axis.between(min(days), max(days))}
    return len(expected - forecasts.keys())


def _not_scored(forecasts: _Amounts, known: AmountRows) -> tuple[str, ...]:
    """A sentence on the entities that the submission lacks, though there are actual values of them on its days."""
    days, own = {day for _, day in forecasts}, {entity for entity, _ in forecasts}
    told = zip(known.series, known.ds, known.y, strict=True)
    others = {series.entity or "" for series, day, y in told if day in days and not np.isnan(y)} - own
    return (f"{first_few(sorted(others), SHOWN)}: not scored, because there is no forecast",) if others else ()


def _judge(actual: _Amounts, rows: Collection[_Row], weights: Mapping[str, float], surrogate: str) -> Judge:
    """All days of all entities as one series of one window."""
    by_target = {target: np.array([actual[row][target] for row in rows])[None, None] for target in weights}
    ds = as_dates([day for _, day in rows])[None]
    return Judge(by_target, weights, score_named(surrogate), ds)


def _target_score(judge: Judge, target: str, y_hat: FloatArray) -> TargetScore:
    """Of amounts as the submission holds them, not rounded."""
    y = judge.y[target]
    (score,) = judge.target_scores(target, y_hat[None, None])
    return TargetScore(float(score), mape(y_hat, y[0, 0]), zero_days(y))
