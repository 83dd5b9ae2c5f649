"""What a submission is judged by: a configuration, or the table of actual values where it says enough."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cluster.config import load_config
from cluster.inference.columns import Look, columns_of, look_at
from cluster.inference.flows import in_before_out
from forecasting.data.formats.columns import find_column, listed
from forecasting.data.formats.files import table_at
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.writing.days import is_ordered, parse_day
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError, UserError
from forecasting.schema import DS, UNIQUE_ID, Y

__all__ = ["judged_by"]


def judged_by(config: str | None, truth: Path, submission: Path) -> tuple[DataSpec, str, str]:
    """What the tables hold, the name of the score, and a sentence about what was assumed of them, or nothing.

    Without a configuration the competition's tables are known by their columns. Any other table of actual values holds
    the targets in its columns of numbers: in those that the submission has too, where that has a header.

    Raises
    ------
    ConfigError, DataError
        When the configuration or the submission cannot be read, or a column could be meant in two ways.
    """
    loaded = load_config(config or "yuebao")
    known = loaded.data, loaded.score.surrogate, ""
    if config is not None:
        return known
    try:
        look = look_at(str(truth), {})
    except UserError:
        return known  # what is wrong with it is said where it is read
    if {UNIQUE_ID, Y} <= set(look.columns):
        return DataSpec(**columns_of(look, {}).data), loaded.score.surrogate, ""
    if _is_competition(look, loaded.data):
        return known
    with OpenTable(table_at(submission)) as opened:
        header = opened.columns
    named = not any(is_ordered(cell) or not np.isnat(parse_day(cell, zoned=True)) for cell in header)
    amounts = [column for column in look.numbers if not named or column in header]
    found = DataSpec(**columns_of(look, {}, in_before_out(amounts)).data)
    said = f"targets: {', '.join(found.targets)}, weighted equally" if len(found.targets) > 1 else ""
    if lacking := [column for column in look.numbers if column not in amounts and column not in found.columns.values()]:
        lacks = f"{listed(lacking)}: not scored, because {submission.name} has no such column"
        said = f"{said}; {lacks}" if said else lacks
    if not named:
        said = (
            f"{submission.name}: it has no header: its amounts are taken as {', '.join(found.targets)}, in this order"
        )
    return found, loaded.score.surrogate, said


def _is_competition(look: Look, spec: DataSpec) -> bool:
    """Whether a table has the columns of the competition, by whatever captions are known for them."""
    try:
        for name in (DS, *spec.targets):
            find_column(name, spec.columns, look.columns, look.name)
    except DataError:
        return False
    return True
