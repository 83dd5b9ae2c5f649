"""Column names of every frame that crosses a module's border, and small array aliases."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BLEND",
    "CUTOFF",
    "DS",
    "MEMBER",
    "UNIQUE_ID",
    "Y_HAT",
    "BoolArray",
    "DateArray",
    "FloatArray",
    "IntArray",
    "Y",
    "as_date",
    "as_dates",
    "iso",
    "locked",
]

UNIQUE_ID = "unique_id"
DS = "ds"
Y = "y"
Y_HAT = "y_hat"
CUTOFF = "cutoff"
MEMBER = "member"
BLEND = "blend"
"""Name under which the blend's own forecasts stand in forecast.parquet and oof.parquet."""

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]
DateArray = NDArray[np.datetime64]
"""Calendar days, dtype ``datetime64[D]``."""
Array = TypeVar("Array", bound="np.ndarray[Any, Any]")


def as_date(value: object) -> np.datetime64:
    """One calendar day as ``datetime64[D]``."""
    return np.datetime64(str(value), "D")


def as_dates(values: Any) -> DateArray:
    """Calendar days as ``datetime64[D]``, shape ``[n]``."""
    return np.asarray(values, dtype="datetime64[D]")


def iso(date: np.datetime64) -> str:
    """A day as ``YYYY-MM-DD``."""
    return str(date.astype("datetime64[D]"))


def locked(array: Array) -> Array:
    """A view that cannot be written to, for code that is not ours."""
    view = array.view()
    view.flags.writeable = False
    return view
