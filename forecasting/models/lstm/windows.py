"""How the published networks see a history: days with inputs and labels, scaled by column and cut into windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecasting.errors import TrialError
from forecasting.models.base import DamagedState, State
from forecasting.models.lstm.engine.arrays import Array
from forecasting.models.lstm.engine.network import Network, forward
from forecasting.models.lstm.engine.samples import FitData, Samples
from forecasting.models.states import array_of
from forecasting.panel import History
from forecasting.schema import DateArray, FloatArray, IntArray, iso

__all__ = ["LabelledDays", "MinMax", "past_columns", "require_window"]


@dataclass(frozen=True)
class MinMax:
    """Scaling to [0, 1] by column: smallest value, spread, and what replaces a missing value, ``[n_columns]`` each."""

    low: FloatArray
    spread: FloatArray
    usual: FloatArray

    @classmethod
    def of(cls, columns: FloatArray) -> MinMax:
        """The range of some days, ``[n, n_columns]``; a constant column has spread 1."""
        known = np.where(np.isnan(columns).all(axis=0), 0.0, columns)
        low = np.nanmin(known, axis=0)
        spread = np.nanmax(known, axis=0) - low
        return cls(low, np.where(spread > 0, spread, 1.0), np.nanmedian(known, axis=0))

    def apply(self, columns: FloatArray) -> FloatArray:
        """Scaled columns, without gaps."""
        return np.asarray((np.where(np.isnan(columns), self.usual, columns) - self.low) / self.spread)

    def undo(self, scaled: FloatArray, column: int) -> FloatArray:
        """Values of one column from scaled ones."""
        return np.asarray(self.low[column] + self.spread[column] * scaled)

    def to_arrays(self) -> dict[str, FloatArray]:
        """For a `State`; back by ``MinMax.from_arrays``."""
        return {"low": self.low, "spread": self.spread, "usual": self.usual}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray[Any, Any]]) -> MinMax:
        """From the arrays of a `State`. Raises DamagedState when these are not as they were."""
        low = array_of(arrays, "low", np.float64, None)
        spread, usual = (array_of(arrays, name, np.float64, len(low)) for name in ("spread", "usual"))
        if not (spread > 0).all():
            raise DamagedState("a column has no spread")
        return cls(low, spread, usual)


@dataclass(frozen=True)
class LabelledDays:
    """Days in order, to be cut into windows of `steps` days.

    `inputs` ``[n, F]``; `labels` ``[n]``, each belonging to the inputs of `lead` days before; validation takes the
    labels of the days from `split` to before `end`, training those before it. The last of the windows side by side
    reaches back to be full; `once`: its days that an earlier window has do not count again in a loss.
    """

    inputs: Array
    labels: Array
    steps: int
    lead: int
    split: int
    end: int
    once: bool = False

    def fit(self, key: int) -> FitData:
        """All windows to train on, and windows side by side to validate and to take the training loss on."""
        last = self.split - self.lead - self.steps
        held = _side_by_side(self.split - self.lead, self.end - self.lead - self.steps, self.steps)
        train = self._samples(np.arange(last + 1), 0)
        return FitData(key, train, self._judged(held, self.split), self._judged(_side_by_side(0, last, self.steps), 0))

    def fitted_labels(self, network: Network, flat: Array) -> FloatArray:
        """What a trained network says of each label, scaled, ``[n]``: NaN before the first, and the first of those it
        says from a short past.
        """
        inputs, steps = self.inputs[: len(self.inputs) - self.lead], self.steps
        starts = np.arange(len(inputs) - steps + 1)
        known = np.zeros((len(starts), steps, 0), dtype=np.float32)
        out = forward(network, network.unflatten(flat), inputs[starts[:, None] + np.arange(steps)], known)
        return np.concatenate([np.full(self.lead, np.nan), out[0, :-1], out[:, -1]]).astype(np.float64)

    def published(self, state: State, network: Network, scaling: MinMax, claim: str) -> State:
        """The state with the write-up's own test, on the days from `end`: `published` fits of y, which is the first
        column of the scaling, and `test_loss`, the mean squared error of the scaled ones.
        """
        fits = self.fitted_labels(network, state.arrays["parameters"])
        loss = float(np.mean((fits[self.end :] - self.labels[self.end :]) ** 2))
        arrays = {**state.arrays, "published": scaling.undo(fits, 0)}
        return State(arrays, {**state.meta, "claim": claim, "test_loss": loss})

    def starts(self, ds: DateArray) -> dict[str, str]:
        """First day of training, validation and, if days are left after that, test."""
        first = {"train": iso(ds[self.lead]), "valid": iso(ds[self.split])}
        return first | ({"test": iso(ds[self.end])} if self.end < len(ds) else {})

    def _judged(self, starts: IntArray, from_day: int) -> Samples:
        """Windows to take a loss on."""
        found = self._samples(starts, from_day)
        if not self.once:
            return found
        counted = np.append(-1, starts[:-1] + self.steps - 1)
        again = starts[:, None] + np.arange(self.steps) <= counted[:, None]
        return replace(found, weight=np.where(again, np.float32(0.0), found.weight))

    def _samples(self, starts: IntArray, from_day: int) -> Samples:
        """Windows from these starts; labels of days before `from_day` do not count."""
        day = starts[:, None] + np.arange(self.steps)
        weight = (day + self.lead >= from_day).astype(np.float32)
        known = np.zeros((len(starts), self.steps, 0), dtype=np.float32)
        return Samples(self.inputs[day], self.labels[day + self.lead], weight, known)


def past_columns(history: History, names: Sequence[str], model: str, *, with_gaps: bool = False) -> FloatArray:
    """Past covariates by name, ``[n, len(names)]``; NaN where they were carried forward, if asked for `with_gaps`.

    Raises TrialError when one is not there.
    """
    missing = [name for name in names if name not in history.past_names]
    if missing:
        there = ", ".join(history.past_names) or "none"
        raise TrialError(f"{model} has no column {missing[0]}: the past covariates are {there}")
    past = history.past_with_gaps if with_gaps else history.past
    return past[:, [history.past_names.index(name) for name in names]]


def require_window(history: History, steps: int) -> None:
    """Raise TrialError when the history is shorter than a window."""
    if len(history.y) < steps:
        raise TrialError(
            f"{history.unique_id} has {len(history.y)} {history.axis.noun} up to {history.cutoff}: a window is {steps}"
        )


def _side_by_side(first: int, last: int, steps: int) -> IntArray:
    """Starts of windows that do not overlap, from `first` on; the last one starts at `last` and may reach back."""
    return np.unique(np.append(np.arange(first, last, steps), last))
