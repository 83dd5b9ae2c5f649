r"""The score-optimal point: a factor on the blend's forecasts that raises the expected score.

Neither the mean nor the median of what may happen earns most. Errors are judged relative to the actual value, so a
forecast that is too high by a ratio loses more than one that is too low by the same ratio. With log errors
:math:`\log(y / ŷ) \sim N(0, σ^2)` and f the points by relative error, the factor

.. math:: c^*(σ) = \arg\max_c E\, f\big(|c\, e^{-σ z} - 1|\big)

lies a little below 1 (0.98 for errors of 20%). It comes from the score (`Score.best_factor`). Only σ is estimated. The
mean of the log errors is not, because it changes from window to window and says next to nothing about the next one.

The factor of a window comes from windows before it. It is dropped if the windows that could test it say that it lost.
Amounts that may be negative have no log errors, so a score that allows them has no factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ensembles.judging.scores import window_scores
from ensembles.oof import log_errors
from forecasting.schema import FloatArray, IntArray
from forecasting.score.base import Score

__all__ = ["Calibration", "prequential_factors", "spread"]

MEAN_ABS_TO_SD = float(np.sqrt(np.pi / 2))
"""Standard deviation of a normal distribution per unit of its mean absolute value: less moved by single days than
squares.
"""


@dataclass(frozen=True)
class Calibration:
    """The factor of one target.

    `factors` ``[n_windows]`` those used, 1 where none was; `final` the one for the days to come; `y_hat`
    ``[n_series, n_windows, horizon]`` the forecasts multiplied by them; `gain` mean points won on the windows
    that could test it, None where there were none.
    """

    factors: FloatArray
    final: float
    y_hat: FloatArray
    gain: float | None

    @classmethod
    def none(cls, y_hat: FloatArray) -> Calibration:
        """Forecasts ``[n_series, n_windows, horizon]`` as they are."""
        return cls(np.ones(y_hat.shape[1]), 1.0, y_hat, None)


def spread(errors: FloatArray) -> float:
    """σ of log errors around zero; 0 without any."""
    known = np.abs(errors[~np.isnan(errors)])
    return float(known.mean()) * MEAN_ABS_TO_SD if len(known) else 0.0


def prequential_factors(
    y_hat: FloatArray,
    y: FloatArray,
    before: Sequence[IntArray],
    choosing: Sequence[IntArray],
    score: Score,
    rounding: float | None = None,
    planned: FloatArray | float = 0.0,
) -> Calibration:
    """Factor of every window from the windows before it, and the final one.

    Parameters
    ----------
    y_hat, y
        Prequential forecasts and actual values, ``[n_series, n_windows, horizon]``.
    before
        P(k) of every window, ``n_windows`` arrays, and last that of the final forecast.
    choosing
        The windows that may test the factor of each window, and last of the final forecast.
    rounding
        Smallest step of a submission; None: forecasts are scored as they are.
    planned
        The part of both that was planned, in their shape, which the factor leaves as it is.
    """
    errors = log_errors(y_hat - planned, y - planned)
    fitted = np.array([1.0 if score.signed else score.best_factor(spread(errors[:, past])) for past in before])
    multiplied = (y_hat - planned) * fitted[:-1][None, :, None] + planned
    gains = window_scores(multiplied, y, score, rounding) - window_scores(y_hat, y, score, rounding)
    tested = [float(gains[windows].mean()) if len(windows) else None for windows in choosing]
    used = np.array([1.0 if gain is not None and gain < 0 else c for c, gain in zip(fitted, tested, strict=True)])
    made = (y_hat - planned) * used[:-1][None, :, None] + planned
    return Calibration(used[:-1], float(used[-1]), made, tested[-1])
