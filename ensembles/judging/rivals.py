"""What a blend has to beat: the member that looked best at the time, and last week repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ensembles.oof import OofCube, family_mean
from forecasting.schema import FloatArray

__all__ = ["SEASONAL_NAIVE", "Rivals", "as_picked", "rivals_of", "seasonal_naive"]

SEASONAL_NAIVE = "seasonal-naive"
"""How settings of the seasonal naive begin."""


@dataclass(frozen=True)
class Rivals:
    """Forecasts per target, ``[n_series, n_windows, horizon]``; None where a target has none."""

    best_single: Mapping[str, FloatArray] | None
    seasonal_naive: Mapping[str, FloatArray] | None


def rivals_of(cubes: Mapping[str, OofCube], picks: Sequence[str | None] | None) -> Rivals:
    """Rivals among the members of some cubes.

    Parameters
    ----------
    picks
        Name of the member picked before each window: see `as_picked`. None if no member forecasts every target.
    """
    best_single = None if picks is None else {target: as_picked(cube, picks) for target, cube in cubes.items()}
    return Rivals(best_single, seasonal_naive(cubes))


def as_picked(cube: OofCube, picks: Sequence[str | None]) -> FloatArray:
    """Forecasts ``[n_series, n_windows, horizon]`` of the member picked before each window, by name.

    The mean over families stands where nothing could be picked yet.
    """
    column = {member.name: i for i, member in enumerate(cube.members)}
    y_hat = family_mean(cube)
    for window, pick in enumerate(picks):
        if pick is not None:
            y_hat[:, window] = cube.y_hat[:, window, :, column[pick]]
    return y_hat


def seasonal_naive(cubes: Mapping[str, OofCube]) -> dict[str, FloatArray] | None:
    """Forecasts of the first seasonal naive of each target; None if a target has none."""
    found = {
        target: cube.y_hat[..., i]
        for target, cube in cubes.items()
        for i, member in reversed(list(enumerate(cube.members)))
        if member.setting.startswith(SEASONAL_NAIVE)
    }
    return found if len(found) == len(cubes) else None
