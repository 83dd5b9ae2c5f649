r"""What a model sees of a history, and what becomes of its forecasts.

Models work on positive amounts without gaps, most of them on logarithms. A real series has unknown amounts, zeros and,
as a net flow, negative amounts. `prepare` puts them in order and `PreparedHistory.restore` undoes it:

* unknown amounts are filled from like days;
* zeros are filled from like days too, and days that are not expected to be active are forecast as 0 (see `activity`);
* a model that takes logarithms sees amounts of nearly nothing raised to a thousandth of the median;
* where an amount is negative, such a model sees :math:`s\,e^{\operatorname{asinh}(y / s)}` instead of
  y. Its logarithm is the inverse hyperbolic sine of y over a robust size s, but for a constant: about linear near
  zero, about logarithmic far from it (Burbidge, Magee and Robb 1988, Alternative transformations to handle extreme
  values of the dependent variable). Other models see y.

Apart from that, a history without unknown, zero or negative amounts is left exactly as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from forecasting.scale.activity import Activity, activity_of, fill_from_like_days

if TYPE_CHECKING:
    from forecasting.panel import History
    from forecasting.schema import DateArray, FloatArray

__all__ = ["PreparedHistory", "from_positive", "is_ordinary", "prepare", "signed_size", "to_positive"]

TINY = 1e-3
"""Of the median amount: what is below is raised to it before a logarithm is taken."""


@dataclass(frozen=True)
class PreparedHistory:
    """A history that any model can learn from.

    `activity`: when the series flows, None where it always did; `size`: the s of the module's text, None where the
    model sees amounts as they are; `signed`: whether an amount is negative; `empty`: nothing ever flowed, so that
    there is nothing to learn and every forecast is 0.
    """

    history: History
    activity: Activity | None
    size: float | None
    signed: bool
    empty: bool

    def is_idle(self, ds: DateArray) -> bool:
        """Whether all of the days `ds` are forecast as 0, whatever a model says."""
        return self.activity is not None and not self.activity.is_active(ds).any()

    def restore(self, y_hat: FloatArray, ds: DateArray) -> FloatArray:
        """Forecasts in the unit of the data from what a model said of the days `ds`, ``[len(ds)]``."""
        if self.size is not None:
            y_hat = from_positive(y_hat, self.size)
        elif not self.signed:
            y_hat = np.maximum(y_hat, 0.0)
        if self.activity is None:
            return y_hat
        return np.where(self.activity.is_active(ds), y_hat, 0.0)


def is_ordinary(y: FloatArray) -> bool:
    """Whether no amount is unknown, zero or negative, so that models see amounts as they are."""
    return bool((y > 0).all())


def prepare(
    history: History, *, on_log: bool, size: float | None = None, seen_negative: bool = True
) -> PreparedHistory:
    """Put a history in order for a model.

    Parameters
    ----------
    on_log
        Whether the model takes logarithms.
    size
        The s of the model's fit, so that a newer history is seen on the same scale; None: this history's own.
    seen_negative
        False for a model that takes logarithms and was fitted on positive amounts alone: what is negative since then
        is filled like an unknown amount.
    """
    y = history.y
    if is_ordinary(y) and size is None and not history.signed:
        seen = _not_tiny(y) if on_log else y
        return PreparedHistory(history if seen is y else replace(history, y=seen), None, None, False, False)
    unknown, zero, negative = np.isnan(y), y == 0, y < 0
    season = history.axis.season_length
    activity = activity_of(history.ds, y, history.calendar, season)
    gaps = unknown | zero | (negative & (not seen_negative))
    filled = fill_from_like_days(y, gaps, season)
    signed = history.signed or size is not None or bool((negative & ~gaps).any())
    if on_log and signed:
        size = signed_size(filled) if size is None else size
        filled = to_positive(filled, size)
    elif on_log:
        filled = _not_tiny(filled)
    empty = bool((unknown | zero).all())
    return PreparedHistory(replace(history, y=filled), activity, size, signed, empty)


def _not_tiny(y: FloatArray) -> FloatArray:
    """Amounts with those far below an ordinary one raised, so that a cent does not outweigh all else in logarithms."""
    floor = TINY * float(np.median(y)) if len(y) else 0.0
    return np.maximum(y, floor) if (y < floor).any() else y


def signed_size(y: FloatArray) -> float:
    """Robust size of amounts of either sign: the median of their absolute values; 1 where that is 0."""
    known = np.abs(y[~np.isnan(y)])
    return float(np.median(known)) or 1.0 if len(known) else 1.0


def to_positive(y: FloatArray, size: float) -> FloatArray:
    """Amounts of either sign as positive ones, same shape; rises with y."""
    return np.asarray(size * np.exp(np.arcsinh(y / size)))


def from_positive(values: FloatArray, size: float) -> FloatArray:
    """Inverse of `to_positive`."""
    return np.asarray(size * np.sinh(np.log(np.maximum(values, np.finfo(float).tiny) / size)))
