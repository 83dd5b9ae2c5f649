"""Score any submission against any table of actual values, both read as the data are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ensembles.judging.judge import DAYS_PER_MONTH, Judge
from forecasting.data.amounts_table import AmountRows, read_amounts_table
from forecasting.data.formats.decode import first
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Series
from forecasting.schema import FloatArray, iso
from forecasting.score.metrics import mape, zero_days
from forecasting.score.names import score_named
from forecasting.score.signs import refuse_negative

__all__ = ["SubmissionScore", "TargetScore", "score_submission"]

_MONTHS = range(28, 32)
"""Days that a month may have."""

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

    `n_rows` of `n_expected` days from `start` to `end` that have actual values are in the submission; in a panel a day
    of each entity counts. `score_x30` is the total for 30 days; None unless these are all days of a month, without a
    gap. `notes`: what was guessed of the tables.
    """

    surrogate: str
    score: float
    score_x30: float | None
    targets: Mapping[str, TargetScore]
    n_rows: int
    n_expected: int
    start: str
    end: str
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
        Tables as `read_amounts_table` reads them. Actual values may cover more days than the submission.
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
    read = read_amounts_table(data, submission, signed=True)
    empty = first(np.isnan(read.y))
    if empty is not None:
        what = f"{read.series[empty].target} on {iso(read.ds[empty])} is empty"
        raise DataError(where=read.place(empty), what=what, remedy="fill it in")
    known = read_amounts_table(data, truth, signed=True)
    forecasts, actual = _by_row(read, data, surrogate), _by_row(known, data, surrogate)
    for row in forecasts:
        if row not in actual:
            place = f"{iso(row[1])} of {row[0]}" if row[0] else iso(row[1])
            what = f"no actual value on {place}, which the submission forecasts"
            raise DataError(where=truth.name, what=what, remedy="add it")
    judge = _judge(actual, forecasts, data.targets, surrogate)
    targets = {
        target: _target_score(judge, target, np.array([row[target] for row in forecasts.values()]))
        for target in data.targets
    }
    total = judge.total({target: found.score for target, found in targets.items()})
    days = np.unique([day for _, day in forecasts])
    missing = _missing(forecasts, actual)
    is_month = not missing and len(days) in _MONTHS and days[-1] - days[0] == np.timedelta64(len(days) - 1, "D")
    x30 = total * DAYS_PER_MONTH if is_month else None
    n, span = len(forecasts), (iso(days[0]), iso(days[-1]))
    return SubmissionScore(surrogate, total, x30, targets, n, n + missing, *span, (*read.notes, *known.notes))


def _by_row(amounts: AmountRows, data: DataSpec, surrogate: str) -> _Amounts:
    """The rows in which no target lacks its amount."""
    found: dict[_Row, dict[str, float]] = {}
    for (series, day), y in amounts.by_day().items():
        found.setdefault((_entity(series), day), {})[series.target] = y
    whole = {row: by_target for row, by_target in found.items() if len(by_target) == len(data.targets)}
    days = [f"{iso(day)} of {who}" if who else iso(day) for who, day in whole]
    for target in data.targets:
        values = np.array([by_target[target] for by_target in whole.values()])
        refuse_negative(score_named(surrogate), values, days, f"{amounts.name}: {target}")
    return whole


def _entity(series: Series) -> str:
    return series.entity or ""


def _missing(forecasts: _Amounts, actual: _Amounts) -> int:
    """Rows of the actual values, of the entities and days that the submission spans, which it lacks."""
    who, days = {entity for entity, _ in forecasts}, [day for _, day in forecasts]
    within = (row for row in actual if row[0] in who and min(days) <= row[1] <= max(days))
    return sum(row not in forecasts for row in within)


def _judge(actual: _Amounts, rows: Iterable[_Row], weights: Mapping[str, float], surrogate: str) -> Judge:
    """All days of all entities as one series of one window."""
    by_target = {target: np.array([actual[row][target] for row in rows])[None, None] for target in weights}
    n_days = np.array([next(iter(by_target.values())).shape[-1]])
    return Judge(by_target, weights, score_named(surrogate), n_days)


def _target_score(judge: Judge, target: str, y_hat: FloatArray) -> TargetScore:
    """Of amounts as the submission holds them, not rounded."""
    y = judge.y[target]
    (score,) = judge.target_scores(target, y_hat[None, None])
    return TargetScore(float(score), mape(y_hat, y[0, 0]), zero_days(y))
