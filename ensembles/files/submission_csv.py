"""The submission and its readable twin, as bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ensembles.evaluation.submission_score import SubmissionScore, score_submission
from ensembles.files.words import FEN_PER_CNY, WEEKDAYS, day_types
from ensembles.risk.bands import Bands
from forecasting.calendar import Calendar
from forecasting.panel import Series
from forecasting.schema import DateArray, FloatArray, as_dates, iso
from forecasting.score.points import round_submission

__all__ = ["SubmissionScore", "forecast_csv", "score_submission", "submission_csv", "submission_rows"]


def submission_rows(ds: DateArray, y_hat: Mapping[str, FloatArray], targets: Sequence[str]) -> list[list[str | int]]:
    """Rows of the submission: ``YYYYMMDD`` and one whole number per target, at least 0; in a panel the entity first.

    Parameters
    ----------
    ds
        The days forecast, ``[horizon]``.
    y_hat
        Forecast ``[horizon]`` of each series by unique_id. An entity without a forecast of every target is left out.
    targets
        Order of the columns.

    Raises
    ------
    ValueError
        When a forecast is not finite.
    """
    rows: list[list[str | int]] = []
    for entity, values in _by_entity(y_hat, targets):
        whole = [_whole(column) for column in values]
        for i, day in enumerate(as_dates(ds)):
            head: list[str | int] = [] if entity is None else [entity]
            rows.append([*head, iso(day).replace("-", ""), *(column[i] for column in whole)])
    return rows


def submission_csv(ds: DateArray, y_hat: Mapping[str, FloatArray], targets: Sequence[str]) -> bytes:
    """submission.csv: `submission_rows` without a header."""
    return _csv(submission_rows(ds, y_hat, targets))


def forecast_csv(
    ds: DateArray,
    y_hat: Mapping[str, FloatArray],
    targets: Sequence[str],
    calendar: Calendar,
    unit: str,
    net: tuple[str, str] | None = None,
    bands: Mapping[str, Bands] | None = None,
) -> bytes:
    """forecast.csv, the submission for people: ISO dates, weekday, day type and holiday, amounts in CNY and fen.

    Parameters
    ----------
    unit
        Unit of `y_hat`, ``fen`` or ``CNY``; with CNY there are no columns in fen.
    net
        Targets (in, out) whose difference is the net flow; None for no such column.
    bands
        Prediction intervals ``[horizon]`` of each series by unique_id, given in CNY; empty cells where there are none.
    """
    days = calendar.days(as_dates(ds))
    types = day_types(days)
    entities = list(_by_entity(y_hat, targets))
    panel = any(entity is not None for entity, _ in entities)
    rows: list[Sequence[Any]] = []
    for entity, values in entities:
        amounts = _amounts(dict(zip(targets, values, strict=True)), unit, net)
        if bands is not None:
            for target in targets:
                amounts |= _band_amounts(target, bands[Series(target, entity).unique_id], unit)
        if not rows:
            rows.append([*(["entity"] if panel else []), "date", "weekday", "day_type", "holiday", "event", *amounts])
        for i, day in enumerate(days.ds):
            when = [iso(day), WEEKDAYS[days.weekday[i]], types[i], days.holiday[i], days.event[i]]
            rows.append([*([entity] if panel else []), *when, *(column[i] for column in amounts.values())])
    return _csv(rows)


def _amounts(y_hat: Mapping[str, FloatArray], unit: str, net: tuple[str, str] | None) -> dict[str, Sequence[str | int]]:
    """Columns of one entity."""
    whole = {target: _whole(values) for target, values in y_hat.items()}
    columns: dict[str, Sequence[str | int]] = {
        f"{t}_cny": [_cny(v, unit) for v in values] for t, values in whole.items()
    }
    if net:
        columns["net_flow_cny"] = [_cny(a - b, unit) for a, b in zip(whole[net[0]], whole[net[1]], strict=True)]
    return columns | ({f"{target}_fen": values for target, values in whole.items()} if unit == "fen" else {})


def _band_amounts(target: str, bands: Bands, unit: str) -> dict[str, Sequence[str | int]]:
    return {
        f"{target}_cny_{name}": ["" if np.isnan(v) else _cny(int(round_submission(v)), unit) for v in values]
        for name, values in bands.columns().items()
    }


def _by_entity(
    y_hat: Mapping[str, FloatArray], targets: Sequence[str]
) -> Iterable[tuple[str | None, list[FloatArray]]]:
    """(entity, one forecast per target), entities in order of first appearance; entity None for a bare target."""
    series = (Series.named(unique_id, targets) for unique_id in y_hat)
    for entity in dict.fromkeys(found.entity for found in series if found is not None):
        keys = [Series(target, entity).unique_id for target in targets]
        if all(key in y_hat for key in keys):
            yield entity, [y_hat[key] for key in keys]


def _whole(y_hat: FloatArray) -> list[int]:
    if not np.isfinite(y_hat).all():
        raise ValueError("a forecast of the submission is not finite")
    return [int(value) for value in round_submission(y_hat)]


def _cny(amount: int, unit: str) -> str:
    """Whole units as CNY, fen exactly as two decimals."""
    if unit != "fen":
        return str(amount)
    sign, size = "-" if amount < 0 else "", abs(amount)
    return f"{sign}{size // FEN_PER_CNY}.{size % FEN_PER_CNY:02d}"


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
