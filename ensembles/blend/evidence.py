"""Why a blend was chosen, and what it is worth: nothing of this is needed to forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ensembles.bands.rules import Bands, Coverage
from ensembles.blend.best_single_picks import BestSinglePicks
from ensembles.blend.calibration import Calibration
from ensembles.blend.pair import Choice, Pair
from ensembles.blend.tracks import Track
from forecasting.schema import FloatArray

__all__ = ["Evidence", "PrequentialForecasts"]


@dataclass(frozen=True)
class PrequentialForecasts:
    """The blend's forecasts of the backtest windows, each by what was known at its cutoff.

    `y_hat` per target ``[n_series, n_windows, horizon]`` and `bands` around them; `scores` per target
    ``[n_windows]``; `per_window` ``[n_windows]`` their weighted totals; `choices` ``[n_windows]`` the candidate of
    each target; `real` ``[n_windows]`` whether there was anything to choose by.
    """

    y_hat: Mapping[str, FloatArray]
    bands: Mapping[str, Bands]
    scores: Mapping[str, FloatArray]
    per_window: FloatArray
    choices: tuple[Choice, ...]
    real: tuple[bool, ...]

    @property
    def score(self) -> float:
        """Mean of the windows' weighted totals."""
        return float(self.per_window.mean())


@dataclass(frozen=True)
class Evidence:
    """What was found on the way to a blend.

    `surrogate` names the score and `weights` the targets' parts in the total. `prequential` is what the same procedure
    forecast in the backtest, `score_in_sample` the total of the blend on the windows it was fitted on, `pairs` the
    ranking of the final choice. Per target: `tracks` of every candidate, `calibration` the factors, `coverage` by level
    what the bands held. `best_single` is None when no member has all targets; `equal_weights` ``[n_windows]`` are
    the totals of the mean over families, calibrated like the blend.
    """

    surrogate: str
    weights: Mapping[str, float]
    prequential: PrequentialForecasts
    score_in_sample: float
    pairs: tuple[Pair, ...]
    tracks: Mapping[str, tuple[Track, ...]]
    calibration: Mapping[str, Calibration]
    coverage: Mapping[str, Mapping[int, Coverage]]
    best_single: BestSinglePicks | None
    equal_weights: FloatArray
