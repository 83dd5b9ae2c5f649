"""Score any submission against any table of actual values.

Both are read alike: CSV with or without a header, or Parquet; a date and one column per target, in a panel an
entity as well. Without a header the columns are [entity,] date, then the targets in the order of their weights.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ensembles.judging.judge import DAYS_PER_MONTH, Judge
from forecasting.data.formats.columns import find_column
from forecasting.data.formats.decode import parse_day
from forecasting.errors import DataError
from forecasting.schema import FloatArray, iso
from forecasting.score.metrics import mape, zero_days
from forecasting.score.names import score_named
from forecasting.score.signs import refuse_negative

__all__ = ["SubmissionScore", "TargetScore", "read_amounts", "score_submission"]

Key = tuple[str, str]
"""(entity, ISO date); the entity is empty where there is only one."""


@dataclass(frozen=True)
class TargetScore:
    """One target: mean points per day, MAPE as a fraction, and days with y = 0, which MAPE leaves out."""

    score: float
    mape: float
    zero_days: int


@dataclass(frozen=True)
class SubmissionScore:
    """Weighted total per day (0 to 10), the same for 30 days, and what it is made of."""

    surrogate: str
    score: float
    score_x30: float
    targets: Mapping[str, TargetScore]
    n_rows: int
    start: str
    end: str

    def as_json(self) -> dict[str, Any]:
        """Plain values; null for a MAPE without a day to measure it on."""
        targets = {
            name: {"score": t.score, "mape": None if math.isnan(t.mape) else t.mape, "zero_days": t.zero_days}
            for name, t in self.targets.items()
        }
        return {**vars(self), "targets": targets}


def score_submission(
    submission: Path | bytes,
    truth: Path | bytes,
    weights: Mapping[str, float],
    surrogate: str,
    entity: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> SubmissionScore:
    """Judge a submission.

    Parameters
    ----------
    submission, truth
        Files, or a CSV's bytes. Actual values may cover more days than the submission.
    weights
        Of each target in the total.
    surrogate
        Name of the score.
    entity
        Column that names the entity, in files with a header; by default the first that is neither date nor
        target, where a date stands more than once.
    columns
        Our name → the table's, for ds and targets; a table that lacks one of these is read by our names.

    Raises
    ------
    DataError
        A file that cannot be read as such a table, a day of the submission without an actual value, or negative amounts
        where the score does not allow them.
    """
    forecasts = read_amounts(submission, "submission", tuple(weights), entity, columns)
    actual = read_amounts(truth, "truth", tuple(weights), entity, columns)
    for amounts, name in ((forecasts, _name(submission, "submission")), (actual, _name(truth, "truth"))):
        _refuse_negative(amounts, name, weights, surrogate)
    if {key[0] for key in forecasts} != {""} and {key[0] for key in actual} == {""}:
        raise DataError(
            f"{_name(truth, 'truth')}: has no entities, and the submission has: give a table with an entity column"
        )
    for who, day in forecasts:
        if (who, day) not in actual:
            place = f"{day} of {who}" if who else day
            raise DataError(
                f"{_name(truth, 'truth')}: no actual value on {place}, which the submission forecasts: add it"
            )
    judge = _judge(actual, forecasts, weights, surrogate)
    y_hat = dict(zip(weights, np.array(list(forecasts.values())).T, strict=True))
    targets = {target: _target_score(judge, target, amounts) for target, amounts in y_hat.items()}
    total = judge.total({target: found.score for target, found in targets.items()})
    days = sorted(day for _, day in forecasts)
    return SubmissionScore(surrogate, total, total * DAYS_PER_MONTH, targets, len(forecasts), days[0], days[-1])


def _refuse_negative(amounts: Mapping[Key, list[float]], name: str, targets: Iterable[str], surrogate: str) -> None:
    days = [f"{day} of {who}" if who else day for who, day in amounts]
    for target, y in zip(targets, np.array(list(amounts.values())).T, strict=True):
        refuse_negative(score_named(surrogate), y, days, f"{name}: {target}")


def _judge(
    actual: Mapping[Key, list[float]], days: Iterable[Key], weights: Mapping[str, float], surrogate: str
) -> Judge:
    """All days of all entities as one series of one window."""
    y = np.array([actual[key] for key in days])
    by_target = {target: y[None, None, :, i] for i, target in enumerate(weights)}
    return Judge(by_target, weights, score_named(surrogate), np.array([len(y)]))


def _target_score(judge: Judge, target: str, y_hat: FloatArray) -> TargetScore:
    """Of amounts as the submission holds them, not rounded."""
    y = judge.y[target]
    (score,) = judge.target_scores(target, y_hat[None, None])
    return TargetScore(float(score), mape(y_hat, y[0, 0]), zero_days(y))


def _name(source: Path | bytes, role: str) -> str:
    return role if isinstance(source, bytes) else source.name


def read_amounts(
    source: Path | bytes,
    role: str,
    targets: Sequence[str],
    entity: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> dict[Key, list[float]]:
    """A table of dates and amounts: (entity, ISO date) → one amount per target.

    Parameters
    ----------
    source, entity, columns
        As in `score_submission`.
    role
        What to call bytes in an error.

    Raises
    ------
    DataError
        When it cannot be read as such a table.
    """
    name = _name(source, role)
    rows = _cells(source, name)
    first = next(rows, None)
    if first is None:
        raise DataError(f"{name}: is empty: give rows of a date and {len(targets)} amounts")
    header = _header(first, len(targets), f"{name}:{first[0]}")
    body = list(rows) if header is not None else [first, *rows]
    if not body:
        raise DataError(f"{name}: has a header and no rows: give rows of a date and {len(targets)} amounts")
    if header is None:
        layout = _layout_by_place(first, targets, name)
    else:
        known = {ours: theirs for ours, theirs in (columns or {}).items() if theirs in header}
        date, *amounts = (header.index(find_column(wanted, known, header, name)) for wanted in ("ds", *targets))
        layout = _Layout(_entity_place(header, body, entity, date, amounts, name), date, tuple(amounts))
    values: dict[Key, list[float]] = {}
    for number, cells in body:
        key, found = _parse(cells, layout, f"{name}:{number}", targets)
        if key in values:
            raise DataError(
                f"{name}:{number}: {key[1]} {'of ' + key[0] + ' ' if key[0] else ''}stands there twice: keep one"
            )
        values[key] = found
    return values


def _header(first: tuple[int, list[str]], n_targets: int, place: str) -> list[str] | None:
    """The first row, where it is a header."""
    cells = first[1]
    if any(_is_day(cell) for cell in cells):
        return None
    if all(_is_number(cell) for cell in cells[-n_targets:]):
        raise DataError(f"{place}: there is no date in {', '.join(cells)}: write it as YYYYMMDD or YYYY-MM-DD")
    return cells


@dataclass(frozen=True)
class _Layout:
    entity: int | None
    date: int
    targets: tuple[int, ...]


def _layout_by_place(first: tuple[int, list[str]], targets: Sequence[str], name: str) -> _Layout:
    cells = first[1]
    date = next(i for i, cell in enumerate(cells) if _is_day(cell))
    if date > 1 or len(cells) != date + 1 + len(targets):
        raise DataError(
            f"{name}:{first[0]}: has {len(cells)} columns with the date in column {date + 1}: "
            f"without a header they must be a date and {', '.join(targets)}, with at most an entity before"
        )
    return _Layout(0 if date else None, date, tuple(range(date + 1, len(cells))))


def _entity_place(
    header: list[str],
    body: Sequence[tuple[int, list[str]]],
    entity: str | None,
    date: int,
    amounts: Sequence[int],
    name: str,
) -> int | None:
    """The column of the entity: the one named, else the first other one where a date stands more than once."""
    if entity is not None:
        if entity not in header:
            raise DataError(f"{name}: there is no column {entity!r}; the columns are {', '.join(header)}")
        return header.index(entity)
    days = [cells[date] for _, cells in body if date < len(cells)]
    others = [i for i in range(len(header)) if i != date and i not in amounts]
    return others[0] if others and len(set(days)) < len(days) else None


def _parse(cells: list[str], layout: _Layout, place: str, targets: Sequence[str]) -> tuple[Key, list[float]]:
    needed = max(layout.date, *layout.targets) + 1
    if len(cells) < needed:
        raise DataError(f"{place}: has {len(cells)} columns, and {needed} are needed: complete the row")
    if not _is_day(cells[layout.date]):
        raise DataError(f"{place}: {cells[layout.date]!r} is not a date: write YYYYMMDD or YYYY-MM-DD")
    amounts = [_amount(cells[i], place, target) for i, target in zip(layout.targets, targets, strict=True)]
    who = "" if layout.entity is None else cells[layout.entity].strip()
    return (who, iso(parse_day(cells[layout.date]))), amounts


def _amount(cell: str, place: str, target: str) -> float:
    amount = float(cell) if _is_number(cell) else math.nan
    if not math.isfinite(amount):
        raise DataError(f"{place}: {target} is {cell!r}: write an amount, without separators")
    return amount


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_day(cell: str) -> bool:
    return not np.isnat(parse_day(cell))


def _cells(source: Path | bytes, name: str) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells as text) of every row that is not blank; a CSV's first line and a Parquet file's first
    record are 1.
    """
    if isinstance(source, Path) and source.suffix.lower() == ".parquet":
        yield from _parquet_cells(source, name)
        return
    try:
        text = (source if isinstance(source, bytes) else source.read_bytes()).decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, [cell.strip() for cell in row]
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}): check the path") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name}: is not a CSV in UTF-8 ({error}): save it as one") from None


def _parquet_cells(path: Path, name: str) -> Iterator[tuple[int, list[str]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name}: is not a Parquet file ({str(error).splitlines()[0]}): check the file") from None
    yield 0, list(table.column_names)
    for number, row in enumerate(zip(*(column.to_pylist() for column in table.columns), strict=True), start=1):
        yield number, ["" if cell is None else str(cell) for cell in row]
