r"""The joint distribution of the blend's errors of inflow and outflow, drawn from past windows.

The actual value of a day is :math:`ŷ\,e^{m}\,f`. Here m is the error of the whole window, :math:`e^m = Σy / Σŷ`, and
f is what remains for the day, about 1. Both are drawn jointly for all entities and both sides, which keeps their
correlation:

- f is drawn in blocks of days as they were, see `bootstrap`;
- m is drawn from a multivariate t distribution around zero, because its sign says little about the next window (see
  `calibrate`). Its second moments are those of the past windows. A few windows are a small sample, so the moments are
  shrunk toward those of single weeks around their window, which count for `PRIOR_WINDOWS` windows. Both numbers
  together are the degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.judging.bootstrap import BLOCK, draw_blocks
from forecasting.schema import FloatArray, IntArray

__all__ = ["PRIOR_WINDOWS", "ErrorModel", "Scenarios"]

PRIOR_WINDOWS = 3
"""Number of windows that the spread of single weeks counts for."""
LARGEST = 30.0
"""Largest log error drawn. With one or two windows the tails of the draws have no bound, and so large an error is
beyond any amount of money."""


@dataclass(frozen=True)
class Scenarios:
    """Draws of the errors to come: `level` ``[n_draws, 2, n_entities]`` in logs, `days` ``[n_draws, n_days]`` places
    in the row of past days.
    """

    level: FloatArray
    days: IntArray


@dataclass(frozen=True)
class ErrorModel:
    """Errors of some windows: `factors` ``[2, n_entities, all days]`` the f of every day, one window after the
    other; `windows` ``[n_windows, 2, n_entities]`` and `weeks` ``[n_weeks, 2, n_entities]`` log errors.
    """

    factors: FloatArray
    windows: FloatArray
    weeks: FloatArray
    horizons: IntArray

    @classmethod
    def of(cls, y_hat: FloatArray, y: FloatArray, horizons: IntArray) -> ErrorModel:
        """From forecasts and actual values ``[2, n_entities, n_windows, horizon]``."""
        factors, windows, weeks = [], [], []
        for k, horizon in enumerate(horizons):
            made, came = _both_known(y_hat[:, :, k, :horizon], y[:, :, k, :horizon])
            level = _log_ratio(came.sum(axis=-1), made.sum(axis=-1))
            windows.append(level)
            expected = made * np.exp(level)[..., None]
            factors.append(np.where(expected > 0, came / np.where(expected > 0, expected, 1.0), 1.0))
            for start in range(0, int(horizon) - BLOCK + 1, BLOCK):
                week = slice(start, start + BLOCK)
                weeks.append(_log_ratio(came[..., week].sum(axis=-1), expected[..., week].sum(axis=-1)))
        none = np.empty((0, *y.shape[:2]))
        weekly = np.stack(weeks) if weeks else none
        return cls(np.concatenate(factors, axis=-1), np.stack(windows), weekly, horizons)

    def draw(self, n_draws: int, n_days: int, rng: np.random.Generator) -> Scenarios:
        """Errors of `n_days` days to come, `n_draws` times."""
        days = draw_blocks(self.horizons, n_days, n_draws, rng)
        # A Gaussian weight on each observed error has their second moments, whatever the number of entities.
        held = PRIOR_WINDOWS if len(self.weeks) else 0
        freedom = len(self.windows) + held
        level = np.tensordot(rng.standard_normal((n_draws, len(self.windows))), self.windows, axes=1)
        if held:
            weekly = np.tensordot(rng.standard_normal((n_draws, len(self.weeks))), self.weeks, axes=1)
            level = level + weekly * np.sqrt(held / len(self.weeks))
        thickness = np.sqrt(freedom / rng.chisquare(freedom, n_draws))
        return Scenarios(level / np.sqrt(freedom) * thickness[:, None, None], days)

    def net_outflow(self, y_hat: FloatArray, entity: int, drawn: Scenarios) -> FloatArray:
        """Net outflow of one entity, ``[n_draws, n_days]``, for its forecasts `y_hat` ``[2, n_days]``."""
        came, left = (
            y_hat[side]
            * np.exp(np.minimum(drawn.level[:, side, entity], LARGEST))[:, None]
            * self.factors[side, entity][drawn.days]
            for side in (0, 1)
        )
        outflow: FloatArray = left - came
        return outflow


def _both_known(y_hat: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Zeros where either is unknown."""
    known = ~(np.isnan(y_hat) | np.isnan(y))
    return np.where(known, np.maximum(y_hat, 0.0), 0.0), np.where(known, y, 0.0)


def _log_ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Zero where either is."""
    usable = (above > 0) & (below > 0)
    return np.where(usable, np.log(np.where(usable, above, 1.0) / np.where(usable, below, 1.0)), 0.0)
