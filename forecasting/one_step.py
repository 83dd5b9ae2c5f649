"""What a fitted member says of each day, one step ahead, given all days before it."""

from __future__ import annotations

import numpy as np

from forecasting.errors import TrialError
from forecasting.models.base import AnyModel, State
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray

__all__ = ["one_step_fits"]


def one_step_fits(model: AnyModel, state: State, history: History, ds: DateArray) -> FloatArray:
    """Fits ``[len(ds)]`` of the days `ds`, each from the history up to the day before; NaN where that is too short.

    The state does not change: on days it was trained on these are fits, on later ones forecasts.
    """
    fits = np.full(len(ds), np.nan)
    for place, day in enumerate(ds):
        before = history.until(day - 1)
        if len(before.y) == 0:
            continue
        try:
            fits[place] = model.predict(state, before, ds[place : place + 1])[0]
        except TrialError:
            continue
    return fits
