"""What every score shares: the full mark, the tolerance, and amounts as a submission holds them."""

from __future__ import annotations

import numpy as np

from forecasting.schema import FloatArray

__all__ = ["FULL_MARK", "TOLERANCE", "round_submission", "submission_step"]

FULL_MARK = 10.0
TOLERANCE = 0.3
"""Relative error from which a day earns nothing."""
FEN = 0.01
"""In CNY."""


def submission_step(kind: str, unit: str | None) -> float | None:
    """Smallest step of the amounts of a submission, in the unit of the data; None where they are not rounded.

    Only the competition (`kind` yuebao) rounds, to whole fen: its submissions hold nothing finer, so the rounded
    amounts are scored. Anywhere else a score must not depend on the unit.
    """
    if kind != "yuebao":
        return None
    return FEN if unit == "CNY" else 1.0


def round_submission(y_hat: FloatArray, step: float | None) -> FloatArray:
    """Forecasts as a submission holds them: multiples of `step`, never negative; NaN stays NaN. Any shape.

    With `step` None they stay as they are.
    """
    if step is None:
        return y_hat
    per_unit = 1.0 / step
    return np.asarray(np.maximum(np.rint(y_hat * per_unit) / per_unit, 0.0))
