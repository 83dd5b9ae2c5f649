"""Amounts in the files that people read: whole units of the data, and CNY."""

from __future__ import annotations

import numpy as np

from forecasting.schema import FloatArray
from forecasting.score.points import round_submission

__all__ = ["FEN_PER_CNY", "cny", "cny_per_unit", "exact_cny", "whole_units"]

FEN_PER_CNY = 100


def cny_per_unit(unit: str) -> float:
    """What amounts in `unit` (``fen`` or ``CNY``) are multiplied by."""
    return 1 / FEN_PER_CNY if unit == "fen" else 1.0


def whole_units(y_hat: FloatArray) -> list[int]:
    """Forecasts as the submission has them: whole numbers, at least 0.

    Raises
    ------
    ValueError
        When a forecast is not finite.
    """
    if not np.isfinite(y_hat).all():
        raise ValueError("a forecast of the submission is not finite")
    return [int(value) for value in round_submission(y_hat)]


def exact_cny(amount: int, unit: str) -> str:
    """Whole units as CNY, fen exactly as two decimals."""
    if unit != "fen":
        return str(amount)
    sign, size = "-" if amount < 0 else "", abs(amount)
    return f"{sign}{size // FEN_PER_CNY}.{size % FEN_PER_CNY:02d}"


def cny(amount: float, unit: str) -> str:
    """An amount in `unit` as CNY with two decimals."""
    return f"{amount * cny_per_unit(unit):.2f}"
