r"""What a model sees of a history, and what becomes of its forecasts.

Models work on positive amounts without gaps, most of them on logarithms. A real series has unknown amounts, zeros and,
as a net flow, negative amounts. `prepare` puts them in order and `Prepared.restore` undoes it:

* unknown amounts are filled from like days;
* zeros are filled from like days too, and days that are not expected to be active are forecast as 0 (see `activity`);
* where an amount is negative, a model that takes logarithms sees :math:`s\,e^{\operatorname{asinh}(y / s)}` instead of
  y. Its logarithm is the inverse hyperbolic sine of y over a robust size s, but for a constant: about linear near
  zero, about logarithmic far from it (Burbidge, Magee and Robb 1988, Alternative transformations to handle extreme
  values of the dependent variable). Other models see y.

A history without unknown, zero or negative amounts is left exactly as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from forecasting.panel import History
from forecasting.scale.activity import Activity, activity_of, fill_from_like_days
from forecasting.schema import DateArray, FloatArray

__all__ = ["PreparedHistory", "from_positive", "prepare", "signed_size", "to_positive"]


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

    def restore(self, y_hat: FloatArray, ds: DateArray) -> FloatArray:
        """Forecasts in the unit of the data from what a model said of the days `ds`, ``[len(ds)]``."""
        if self.size is not None:
            y_hat = from_positive(y_hat, self.size)
        elif not self.signed:
            y_hat = np.maximum(y_hat, 0.0)
        if self.activity is None:
            return y_hat
        return np.where(self.activity.is_active(ds), y_hat, 0.0)


def prepare(history: History, *, on_log: bool, size: float | None = None) -> PreparedHistory:
    """Put a history in order for a model.

    Parameters
    ----------
    on_log
        Whether the model takes logarithms.
    size
        The s of the model's fit, so that a newer history is seen on the same scale; None: this history's own.
    """
    y = history.y
    unknown, zero, signed = np.isnan(y), y == 0, bool((y < 0).any())
    if not (unknown.any() or zero.any() or signed):
        return PreparedHistory(history, None, None, signed=False, empty=False)
    season = history.axis.season_length
    activity = activity_of(history.ds, y, history.calendar, season)
    empty = not (~unknown & ~zero).any()
    filled = fill_from_like_days(y, unknown | zero, season)
    if signed and on_log:
        size = signed_size(filled) if size is None else size
        filled = to_positive(filled, size)
    return PreparedHistory(replace(history, y=filled), activity, size if signed and on_log else None, signed, empty)


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
