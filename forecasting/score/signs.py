"""Whether a score can judge the amounts there are: points by relative error need amounts of at least 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecasting.errors import DataError
from forecasting.schema import FloatArray
from forecasting.score.base import Score
from forecasting.score.names import score_named, score_names

__all__ = ["refuse_negative"]


def refuse_negative(score: Score, y: FloatArray, days: Sequence[str], where: str) -> None:
    """Refuse negative amounts unless the score allows them.

    Parameters
    ----------
    y
        Amounts ``[n]``, NaN where unknown.
    days
        What to call the day of each amount, ``[n]``.
    where
        File and target, for the sentence.

    Raises
    ------
    DataError
        With the first negative amount, their number, and the scores that allow them.
    """
    negative = np.flatnonzero(y < 0)
    if score.signed or not len(negative):
        return
    first = negative[0]
    count = "" if len(negative) == 1 else f" ({len(negative)} days are)"
    allowed = " or ".join(name for name in score_names() if score_named(name).signed)
    raise DataError(
        where=where,
        what=f"{y[first]:g} on {days[first]} is negative{count}, and the score {score.name} measures errors relative "
        "to the day's amount, which must not be negative",
        remedy=f"correct it, or use the score {allowed}",
    )
