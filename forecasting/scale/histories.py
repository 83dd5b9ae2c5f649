r"""What a model sees of a history, and what becomes of its forecasts.

Models work on positive amounts without gaps, most of them on logarithms. A real series has unknown amounts, zeros and,
as a net flow, negative amounts. `prepare` puts them in order and `PreparedHistory.restore` undoes it:

* unknown amounts are filled from like days;
* zeros are filled from like days too, and days that are not expected to be active are forecast as 0 (see `activity`);
* a model that takes logarithms sees amounts of nearly nothing raised to a thousandth of the median;
* where an amount is unknown or zero, such a model sees y over a robust size s;
* where an amount is negative, such a model sees :math:`e^{\operatorname{asinh}(y / s)}`, whose logarithm is about
  linear near zero and about logarithmic far from it (Burbidge, Magee and Robb 1988, Alternative transformations to
  handle extreme values of the dependent variable). Other models see y.

Apart from the third, a history without unknown, zero or negative amounts is left exactly as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from forecasting.scale.activity import Activity, activity_of, fill_from_like_days

if TYPE_CHECKING:
    from forecasting.panel import History
    from forecasting.schema import DateArray, FloatArray

__all__ = ["AS_IT_IS", "PreparedHistory", "Scale", "is_ordinary", "prepare"]

TINY = 1e-3
"""Of the median amount: what is below is raised to it before a logarithm is taken."""
WEEK = 7
DIGITS = 12
"""Decimals of amounts over their size."""


@dataclass(frozen=True)
class Scale:
    """How amounts are seen: over a robust `size`, and of either sign or not."""

    size: float
    signed: bool

    @classmethod
    def of(cls, y: FloatArray, *, signed: bool = False) -> Scale:
        """The scale of known amounts ``[n]``; `signed` whatever they are, if so said."""
        size = float(np.median(np.abs(y))) if len(y) else 0.0
        return cls(size or 1.0, signed or bool((y < 0).any()))

    def apply(self, y: FloatArray) -> FloatArray:
        """What a model sees of amounts, same shape; positive, and rises with y.

        Rounded, so that amounts in another unit are seen as the very same numbers.
        """
        ratio = y if self.size == 1.0 else np.round(y / self.size, DIGITS)
        return np.exp(np.arcsinh(ratio)) if self.signed else _not_tiny(ratio)

    def undo(self, seen: FloatArray) -> FloatArray:
        """Inverse of `apply`."""
        if not self.signed:
            return seen * self.size
        return np.asarray(self.size * np.sinh(np.log(np.maximum(seen, np.finfo(float).tiny))))


AS_IT_IS = Scale(1.0, signed=False)
"""What a history is seen on that has positive amounts alone."""


@dataclass(frozen=True)
class PreparedHistory:
    """A history that any model can learn from.

    `activity`: when the series flows, None where it always did; `scale`: None for a model that sees amounts as they
    are; `signed`: whether an amount is negative; `empty`: nothing ever flowed, so that there is nothing to learn and
    every forecast is 0.
    """

    history: History
    activity: Activity | None
    scale: Scale | None
    signed: bool
    empty: bool

    def is_idle(self, ds: DateArray) -> bool:
        """Whether all of the days `ds` are forecast as 0, whatever a model says."""
        return self.activity is not None and not self.activity.is_active(ds).any()

    def restore(self, y_hat: FloatArray, ds: DateArray) -> FloatArray:
        """Forecasts in the unit of the data from what a model said of the days `ds`, ``[len(ds)]``."""
        if self.scale is not None:
            y_hat = self.scale.undo(y_hat)
        if not self.signed:
            y_hat = np.maximum(y_hat, 0.0)
        if self.activity is None:
            return y_hat
        return np.where(self.activity.is_active(ds), y_hat, 0.0)


def is_ordinary(y: FloatArray) -> bool:
    """Whether no amount is unknown, zero or negative, so that models see amounts as they are."""
    return bool((y > 0).all())


def prepare(history: History, *, on_log: bool, scale: Scale | None = None) -> PreparedHistory:
    """Put a history in order for a model.

    Parameters
    ----------
    on_log
        Whether the model takes logarithms.
    scale
        What its fit saw amounts on, so that a newer history is seen in the same way; None: this history's own. On a
        scale that is not signed, what is negative since then is filled like an unknown amount.
    """
    y = history.y
    if is_ordinary(y) and not history.signed and not (scale or AS_IT_IS).signed:
        return _ordinary(history, (scale or AS_IT_IS) if on_log else None)
    season = history.axis.season_length
    activity = activity_of(history.ds, y, history.calendar, history.axis.worth(WEEK))
    gaps = np.isnan(y) | (y == 0)
    empty = bool(gaps.all())
    if on_log and scale is not None and not scale.signed:
        gaps |= y < 0
    filled = fill_from_like_days(y, gaps, season)
    known = filled[~np.isnan(filled)]
    scale = (scale or Scale.of(known, signed=history.signed)) if on_log else None
    signed = history.signed or bool((known < 0).any()) if scale is None else scale.signed
    seen = replace(history, y=filled if scale is None else scale.apply(filled))
    return PreparedHistory(seen, activity, scale, signed, empty)


def _ordinary(history: History, scale: Scale | None) -> PreparedHistory:
    seen = history if scale is None else replace(history, y=scale.apply(history.y))
    return PreparedHistory(seen, None, scale, signed=False, empty=False)


def _not_tiny(y: FloatArray) -> FloatArray:
    """Amounts with those far below an ordinary one raised, so that a cent does not outweigh all else in logarithms."""
    return np.maximum(y, TINY * float(np.median(y))) if len(y) else y
