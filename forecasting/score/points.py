"""What every score shares: the full mark, the tolerance, and amounts as a submission holds them."""

from __future__ import annotations

import numpy as np

from forecasting.schema import FloatArray

__all__ = ["FULL_MARK", "TOLERANCE", "round_submission"]

FULL_MARK = 10.0
TOLERANCE = 0.3
"""Relative error from which a day earns nothing."""


def round_submission(y_hat: FloatArray) -> FloatArray:
    """Forecasts as a submission holds them: whole units, never negative; NaN stays NaN. Any shape."""
    return np.maximum(np.rint(y_hat), 0.0)
