"""submission.csv: the forecast as the competition takes it, without a header; and by the competition's own name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ensembles.exports.layout import Cell, by_entity, csv_bytes
from ensembles.files.amounts import Amounts
from forecasting.panel import Series
from forecasting.schema import DateArray, FloatArray, as_dates, iso

__all__ = ["RESULT_TABLE", "SUBMISSION", "submission_csv", "submission_names"]

SUBMISSION = "submission.csv"
RESULT_TABLE = "tc_comp_predict_table.csv"
"""The competition's name of its result table: report_date, purchase, redeem."""
RESULT_COLUMNS = ("purchase", "redeem")


def submission_names(amounts: Amounts, targets: Sequence[str]) -> tuple[str, ...]:
    """Names of the files that hold the submission. Of the competition's data one has its name, unless the targets are
    not the two that it asks for.
    """
    named = amounts.competition and tuple(targets) == RESULT_COLUMNS
    return (SUBMISSION, RESULT_TABLE) if named else (SUBMISSION,)


def submission_csv(
    ds: DateArray, y_hat: Mapping[Series, FloatArray], targets: Sequence[str], amounts: Amounts
) -> bytes:
    """``YYYYMMDD`` and one amount per target with the decimals of the data; in a panel the entity first,
    empty for a series without one.

    Parameters
    ----------
    ds
        The days forecast, ``[horizon]``.
    y_hat
        Forecast ``[horizon]`` of each series. An entity without a forecast of every target is left out.
    targets
        Order of the columns.

    Raises
    ------
    ValueError
        When a forecast is not finite.
    """
    return csv_bytes(_rows(ds, y_hat, targets, amounts))


def _rows(
    ds: DateArray, y_hat: Mapping[Series, FloatArray], targets: Sequence[str], amounts: Amounts
) -> Iterator[list[Cell]]:
    panel = any(series.entity is not None for series in y_hat)
    for entity, values in by_entity(y_hat, targets):
        if len(values) < len(targets):
            continue
        head: list[Cell] = [entity] if panel else []
        columns = [amounts.submitted(column, target) for target, column in values.items()]
        for i, day in enumerate(as_dates(ds)):
            yield [*head, iso(day).replace("-", ""), *(amounts.text(column[i]) for column in columns)]
