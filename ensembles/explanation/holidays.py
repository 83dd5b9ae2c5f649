"""What holidays do to a series, against ordinary days of the same weekday: a ridge regression on the log scale.

Calendar regressions of models start from "a holiday is like a day off". That is a good guess for a forecast. As an
explanation it would find effects of holidays in series that ignore them. Here a holiday starts from "nothing changes":

    log y_t − level_t − ordinary effects(t) = effect(holiday of t) + noise

Columns are: a holiday on a usual work day and a shifted work day, by weekday; a holiday on a usual day off; and the
days inside and around holidays, of any name and of each name (see `forecasting.models.features.occasions`). Each has a
prior standard deviation in log units (Hoerl and Kennard 1970, Ridge regression), so a holiday seen once is believed
less than what all holidays show. How much holidays differ from one another is for the data to say: of the `DIFFERENT`
scales of what single names, weekdays and days around add, the one with the largest marginal likelihood is taken
(MacKay 1992, Bayesian interpolation).
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
DIFFERENT = (0.0, 0.1, 0.3, 1.0)
"""By which all prior standard deviations but the first two are multiplied."""
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
    effects = _effects(calendar, past, left[near], sd)
    return columns @ effects, _columns(calendar, ds, names) @ effects


def _effects(calendar: Calendar, past: DateArray, left: FloatArray, sd: float) -> FloatArray:
    """Effects ``[n_columns]`` that explain `left` ``[n_near]`` best, by the likeliest of the scales."""
    best: tuple[float, FloatArray] | None = None
    for different in DIFFERENT:
        prior, u, s, v = _decomposed(calendar, past.tobytes(), different)
        seen, scale = u.T @ left, s**2 + sd**2
        beside = (float(left @ left) - float(seen @ seen)) / sd**2 - len(s) * 2 * np.log(sd)
        worth = -0.5 * (float((seen**2 / scale).sum()) + float(np.log(scale).sum()) + beside)
        if best is None or worth > best[0]:
            best = worth, prior * (v.T @ (s / scale * seen))
    assert best is not None
    return best[1]


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


@lru_cache(maxsize=64)
def _decomposed(
    calendar: Calendar, days: bytes, different: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Prior standard deviations ``[n_columns]`` and the singular value decomposition of the days near holidays, scaled
    by them; kept, because the series of a panel share it.
    """
    past = np.frombuffer(days, dtype="datetime64[D]")
    names = holiday_names(calendar, past)
    columns = _columns(calendar, past, names)
    apart = np.array([*[BY_WEEKDAY] * WEEKDAYS, *ANY_NAME, *EACH_NAME * len(names)])
    prior = np.concatenate([[ANY_OFF, ON_REST], different * apart])
    u, s, v = np.linalg.svd(columns[columns.any(axis=1)] * prior, full_matrices=False)
    return prior, u, s, v
