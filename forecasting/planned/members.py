"""Members that forecast whole amounts, of which what is planned is a part: it is taken off, and added to all alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecasting.panel import Panel
from forecasting.schema import FloatArray
from forecasting.windows import Window

if TYPE_CHECKING:
    from forecasting.trial import Member

__all__ = ["without_planned"]


def without_planned(member: Member, y_hat: FloatArray, panel: Panel, unique_id: str, window: Window) -> FloatArray:
    """What a member says of a window's days less what is planned and known at its cutoff, ``[horizon]``.

    As it is of a member that never saw what is planned, and on days on which it forecasts nothing.
    """
    if panel.planned is None or not member.forecasts_whole:
        return y_hat
    planned = panel.planned_amounts(unique_id, window.ds, window.cutoff)
    return np.where(y_hat == 0, 0.0, y_hat - planned)
