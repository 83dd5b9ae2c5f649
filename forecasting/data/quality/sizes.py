"""How large the amounts of a series usually are: what tells that newer ones are in another unit."""

from __future__ import annotations

import numpy as np

from forecasting.schema import FloatArray

__all__ = ["is_another_unit", "usual_sizes"]

_ANOTHER_UNIT = 20.0
"""How many times as large or as small amounts in another unit are."""
_RECENT, _FEWEST_AMOUNTS = 28, 5
"""The last amounts of a series that tell its unit, and how many it takes."""


def usual_sizes(came: FloatArray, said: FloatArray) -> tuple[float, float] | None:
    """Usual sizes of the last amounts that came ``[n]`` and of those they are held against ``[m]``, NaN for unknown
    ones; None where these do not tell a unit.
    """
    last, other = (np.abs(values[~np.isnan(values)]) for values in (came, said))
    last = last[-_RECENT:]
    if len(last) < _FEWEST_AMOUNTS or not len(other) or any(np.median(values) <= 0 for values in (last, other)):
        return None
    return float(np.median(last)), float(np.median(other))


def is_another_unit(ratio: float) -> bool:
    """Whether amounts that are so many times as large look like another unit."""
    return not 1 / _ANOTHER_UNIT < ratio < _ANOTHER_UNIT
