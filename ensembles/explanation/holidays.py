"""What holidays do to a series, against ordinary days of the same weekday: a ridge regression on the log scale.

Calendar regressions of models start from "a holiday is like a day off". That is a good guess for a forecast. As an
explanation it would find effects of holidays in series that ignore them. Here a holiday starts from "nothing changes":

    log y_t − level_t − ordinary effects(t) = effect(holiday of t) + noise

Columns are: a holiday on a usual work day and a shifted work day, by weekday; a holiday on a usual day off; and the
days inside and around holidays, of any name and of each name (see `forecasting.models.features.occasions`). Each has a
prior standard deviation in log units (Hoerl and Kennard 1970, Ridge regression), so a holiday seen once is believed
less than what all holidays show.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from forecasting.calendar import WEEKDAYS, Calendar
from forecasting.models.features.levels import level_around
from forecasting.models.features.occasions import PER_NAME, holiday_names, occasion_columns
from forecasting.schema import BoolArray, DateArray, FloatArray

__all__ = ["holiday_effects"]

ANY_OFF, BY_WEEKDAY, ON_REST = 1.0, 0.5, 0.5
"""Prior standard deviations: of a holiday on a work day, of its weekday, of a holiday on a usual day off."""
ANY_NAME = (*[0.15] * 6, *[0.3] * 3, 0.3)
EACH_NAME = (*[0.1] * 6, *[0.3] * 3, 0.1)
"""Days before, after, inside and last, in the order of `occasion_columns`."""
LEVEL_DAYS = 14
"""Ordinary periods on either side that make the level around a day."""
MAD_TO_SD = 1.4826
CLIP = 3.0
"""Standard deviations that days around holidays, which are ordinary days themselves, may be off."""
LEAST_SD = 1e-3


def holiday_effects(
    calendar: Calendar, past: DateArray, rest: FloatArray, ds: DateArray
) -> tuple[FloatArray, FloatArray]:
    """Additive effect of holidays on the log scale on the days `past` ``[n]`` and on `ds` ``[len(ds)]``.

    Parameters
    ----------
    rest
        Logarithm of the amounts of `past` less ordinary effects, ``[n]``.
    """
    names = holiday_names(calendar, past)
    columns = _columns(calendar, past, names)
    near: BoolArray = np.asarray(columns.any(axis=1))
    if not near.any() or near.all():
        return np.zeros(len(past)), np.zeros(len(ds))
    left = rest - _level(rest, ~near)
    sd = max(MAD_TO_SD * float(np.median(np.abs(left[~near]))), LEAST_SD)
    ordinary = near & ~_odd(columns)
    left[ordinary] = np.clip(left[ordinary], -CLIP * sd, CLIP * sd)
    prior = _prior(len(names))
    u, s, v = _decomposed(calendar, past.tobytes())
    effects = prior * (v.T @ (s / (s**2 + sd**2) * (u.T @ left[near])))
    return columns @ effects, _columns(calendar, ds, names) @ effects


def _level(rest: FloatArray, ordinary: BoolArray) -> FloatArray:
    """Level around each day ``[n]``, from ordinary days."""
    days = np.flatnonzero(ordinary)
    return np.asarray(np.interp(np.arange(len(rest)), days, level_around(rest[days], LEVEL_DAYS)))


def _odd(columns: FloatArray) -> BoolArray:
    """Days that are a holiday or a shifted work day themselves, not only near one ``[n]``."""
    inside = columns[:, WEEKDAYS + 2 :][:, 6:PER_NAME]
    return np.asarray(columns[:, : WEEKDAYS + 2].any(axis=1) | inside.any(axis=1))


def _columns(calendar: Calendar, ds: DateArray, names: tuple[str, ...]) -> FloatArray:
    """``[len(ds), 2 + 7 + (1 + n_names) * PER_NAME]``: out of the ordinary, on a usual day off, by weekday, around."""
    facts, rests = calendar.days(ds), calendar.rests(ds)
    out = (~facts.workday & ~rests) | facts.shifted
    on_rest = ~facts.workday & rests & np.array([bool(name) for name in facts.holiday], dtype=bool)
    by_weekday = np.eye(WEEKDAYS)[facts.weekday] * out[:, None]
    around = occasion_columns(calendar, ds, names)[:, : (1 + len(names)) * PER_NAME]
    return np.hstack([np.stack([out, on_rest], axis=1).astype(float), by_weekday, around])


def _prior(n_names: int) -> FloatArray:
    """Prior standard deviation of each of `_columns`."""
    return np.array([ANY_OFF, ON_REST, *[BY_WEEKDAY] * WEEKDAYS, *ANY_NAME, *EACH_NAME * n_names])


@lru_cache(maxsize=16)
def _decomposed(calendar: Calendar, days: bytes) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Singular value decomposition of the days near holidays, kept: the series of a panel share it."""
    past = np.frombuffer(days, dtype="datetime64[D]")
    names = holiday_names(calendar, past)
    columns = _columns(calendar, past, names)
    u, s, v = np.linalg.svd(columns[columns.any(axis=1)] * _prior(len(names)), full_matrices=False)
    return u, s, v
