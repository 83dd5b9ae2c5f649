"""Accuracy measures shown beside the score; none of them chooses anything.

Every function takes forecasts and actual values of any equal shape and pools all days where both are known (NaN is
padding, or an unknown amount). The result is NaN when no day is left.

Amounts may be negative. An error is then measured by the size ``|y|`` of the day, so days of a net flow that happen to
end near zero weigh heavily in `mape` and `bias`: `mase` and the score wape are better measures of signed targets.
"""

from __future__ import annotations

import numpy as np

from forecasting.schema import FloatArray

__all__ = ["bias", "mape", "mase", "smape", "zero_days"]


def zero_days(y: FloatArray) -> int:
    """Number of days with y = 0: those that `mape` and `bias` leave out, to be shown beside them."""
    return int(np.count_nonzero(y == 0))


def mape(y_hat: FloatArray, y: FloatArray) -> float:
    r"""Mean absolute percentage error as a fraction (0.1 = 10%), :math:`mean(|ŷ - y| / |y|)`.

    Days with y = 0 are left out; `zero_days` counts them.

    References
    ----------
    Hyndman and Koehler (2006), Another look at measures of forecast accuracy, section 2.2.
    """
    y_hat, y = _known(y_hat, y)
    some = y != 0
    return _mean(np.abs(y_hat[some] - y[some]) / np.abs(y[some]))


def smape(y_hat: FloatArray, y: FloatArray) -> float:
    r"""Symmetric MAPE as a fraction, 0 to 2: :math:`mean(2|ŷ - y| / (|ŷ| + |y|))`.

    Days with y = ŷ = 0 count as 0; a day whose sign was missed counts as 2.

    References
    ----------
    Makridakis (1993), Accuracy measures: theoretical and practical concerns.
    """
    y_hat, y = _known(y_hat, y)
    size = np.abs(y_hat) + np.abs(y)
    return _mean(2.0 * np.abs(y_hat - y) / np.where(size == 0, 1.0, size))


def mase(y_hat: FloatArray, y: FloatArray, history: FloatArray, season_length: int = 7) -> float:
    r"""Mean absolute scaled error: the error in units of the seasonal naive's in-sample error, :math:`mean|ŷ - y| / q`.

    Parameters
    ----------
    history
        Actual values up to the cutoff, ``[n]``; :math:`q = mean|y_t - y_{t-m}|` over them, zero days included, and
        without the pairs of which one is unknown (NaN).
    season_length
        m, in periods: see `Axis.season_length`.

    Returns
    -------
    float
        NaN when the history is not longer than a season or repeats itself exactly.

    References
    ----------
    Hyndman and Koehler (2006), Another look at measures of forecast accuracy, section 2.6.
    """
    y_hat, y = _known(y_hat, y)
    steps = np.abs(history[season_length:] - history[:-season_length])
    scale = _mean(steps[~np.isnan(steps)])
    if not scale > 0:
        return float("nan")
    return _mean(np.abs(y_hat - y)) / scale


def bias(y_hat: FloatArray, y: FloatArray) -> float:
    r"""Mean relative error, :math:`mean((ŷ - y) / |y|)`: positive when forecasts are too high.

    Days with y = 0 are left out; `zero_days` counts them.
    """
    y_hat, y = _known(y_hat, y)
    some = y != 0
    return _mean((y_hat[some] - y[some]) / np.abs(y[some]))


def _known(y_hat: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    y_hat, y = np.broadcast_arrays(y_hat, y)
    known = ~(np.isnan(y_hat) | np.isnan(y))
    return y_hat[known], y[known]


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else float("nan")
