"""What a blend method is: how units (families or settings) are combined, with weights fitted on some windows or none.

Each method is one module of this folder, found because it is there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from inspect import isabstract, isclass
from typing import Any, ClassVar, Protocol

import numpy as np

from forecasting.registry import found_in
from forecasting.schema import FloatArray
from forecasting.score.base import Score

__all__ = ["ByRank", "FittingRules", "Method", "Weighted", "all_methods", "method_named", "weighted_sum"]


SHORTEST_WINDOW = 30
"""Periods that a window counts for, at least, where windows say how strongly weights are held."""


@dataclass(frozen=True)
class FittingRules:
    """The score that fitted methods maximise, how many windows of evidence equal weights count for against fitted
    simplex weights, and the smallest step of a submission (see `Judge`).

    `pool` is for methods that learn from all targets at once: of each target that combines the same units their
    forecasts and the actual values, as in `Method.fit`, the target itself among them. `hold` is how strongly weights
    are held toward equal ones, 1 as usual and 0 not at all: what a free fit would give says how far they are held.
    """

    score: Score
    shrinkage: float
    rounding: float | None = None
    pool: tuple[tuple[FloatArray, FloatArray], ...] = ()
    hold: float = 1.0

    def held_days(self, y: FloatArray) -> float:
        """Independent days of evidence that equal weights count for, by windows like those of `y`.

        `shrinkage` counts windows, of a month's days at least: one-day windows would hold nothing.
        """
        return self.hold * self.shrinkage * float(max(y.shape[2], SHORTEST_WINDOW))


class Method(Protocol):
    """One way to combine units.

    `name` in configurations; `place` in the order of complexity, 0 for the simplest; `words` in reports, before
    "families" or "settings"; `learns` whether it needs windows to be fitted on, and `fewest` how many; `layer` 2 for a
    method that combines the candidates of the first layer; `by_default` whether it is tried when the configuration
    names no candidates.
    """

    @property
    def name(self) -> str: ...

    @property
    def place(self) -> int: ...

    @property
    def words(self) -> str: ...

    @property
    def learns(self) -> bool: ...

    @property
    def by_default(self) -> bool: ...

    @property
    def fewest(self) -> int: ...

    @property
    def layer(self) -> int: ...

    def fit(self, y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray | None:
        """Weights of the units.

        Parameters
        ----------
        y_hat, y
            Forecasts ``[n_series, n_windows, horizon, n_units]`` and actual values ``[n_series, n_windows, horizon]``
            of at least one window if the method learns.
        equal
            Weights that are equal over families, then over the settings of each, ``[n_units]``.

        Returns
        -------
        FloatArray or None
            ``[n_units]``, or ``[n_series, n_units]`` if each series has its own; None for a method that weighs by rank.
        """

    def combine(self, y_hat: FloatArray, weights: FloatArray | None) -> FloatArray:
        """Combine units' forecasts ``[n_series, ..., n_units]`` into ``[n_series, ...]`` by what `fit` gave."""


class Weighted(ABC):
    """A weighted sum of the units, by weights that are learned from windows."""

    name: ClassVar[str]
    place: ClassVar[int]
    words: ClassVar[str]
    learns: ClassVar[bool] = True
    by_default: ClassVar[bool] = True
    fewest: ClassVar[int] = 1
    layer: ClassVar[int] = 1

    @abstractmethod
    def fit(self, y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> FloatArray:
        """Weights ``[n_units]``, or ``[n_series, n_units]`` if each series has its own."""

    def combine(self, y_hat: FloatArray, weights: FloatArray | None) -> FloatArray:
        assert weights is not None
        if weights.ndim == 2:
            weights = weights.reshape(len(weights), *[1] * (y_hat.ndim - 2), -1)
        return weighted_sum(y_hat, weights)


class ByRank(ABC):
    """A combination that depends on the order of the units' forecasts of each day: there is nothing to fit."""

    name: ClassVar[str]
    place: ClassVar[int]
    words: ClassVar[str]
    learns: ClassVar[bool] = False
    by_default: ClassVar[bool] = True
    fewest: ClassVar[int] = 0
    layer: ClassVar[int] = 1

    @abstractmethod
    def of_ranks(self, ordered: FloatArray) -> FloatArray:
        """Combine forecasts ``[..., n_units]`` that rise along the last axis into ``[...]``."""

    def fit(self, y_hat: FloatArray, y: FloatArray, equal: FloatArray, rules: FittingRules) -> None:
        del y_hat, y, equal, rules

    def combine(self, y_hat: FloatArray, weights: FloatArray | None) -> FloatArray:
        del weights
        return self.of_ranks(np.sort(y_hat, axis=-1))


def weighted_sum(y_hat: FloatArray, weights: FloatArray) -> FloatArray:
    """Sum over the last axis of forecasts ``[..., n_units]``, with weights whose last axis is the same."""
    total = np.zeros(y_hat.shape[:-1])
    for i in range(y_hat.shape[-1]):  # one by one: the same sum for every shape and memory layout
        total += weights[..., i] * y_hat[..., i]
    return total


@cache
def all_methods() -> tuple[Method, ...]:
    """Every method, simplest first."""
    methods: list[Method] = [cls() for cls in found_in("ensembles.blend.methods", _is_method)]
    return tuple(sorted(methods, key=lambda method: (method.place, method.name)))


def method_named(name: str) -> Method | None:
    """The method of that name; None when there is none."""
    return next((method for method in all_methods() if method.name == name), None)


def _is_method(value: Any) -> bool:
    return isclass(value) and not isabstract(value) and isinstance(getattr(value, "name", None), str)
