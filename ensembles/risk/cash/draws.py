"""Joint draws of the amounts to come, series × days × draws: every sum of them has its band from here.

They are made series by series and never held together: a sum over any number of series takes the memory of two. Draw k
of one series belongs to draw k of every other, so draws of a sum are sums of draws, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ensembles.risk.cash.error_model import ErrorModel, Scenarios
from forecasting.schema import FloatArray, IntArray
from forecasting.seeding import generator

if TYPE_CHECKING:
    from ensembles.risk.cash.flows import Flows

__all__ = ["N_DRAWS", "Draws", "JointDraws", "errors_of", "joint_draws", "quantiles"]

N_DRAWS = 4000
Label = TypeVar("Label")


@dataclass(frozen=True)
class Draws:
    """Draws of one sum of series, ``[n, n_draws]``: of each day, of spans of days, or of a running balance."""

    values: FloatArray

    def running(self, opening: float = 0.0) -> Draws:
        """The balance at the end of each day, which `opening` begins with."""
        return Draws(_accumulated(np.add, self.values) + opening)

    def over(self, spans: Sequence[slice]) -> Draws:
        """Sums over spans of days, ``[n_spans, n_draws]``."""
        return Draws(np.stack([self.values[span].sum(axis=0) for span in spans]))

    def lowest(self) -> Draws:
        """The lowest of the days up to each."""
        return Draws(_accumulated(np.minimum, self.values))

    def less(self, other: Draws) -> Draws:
        """What remains after another sum is taken off, draw by draw."""
        return Draws(self.values - other.values)

    def quantiles(self, probabilities: Sequence[float]) -> dict[float, FloatArray]:
        """Quantiles ``[n]`` by probability, in order: no higher one lies below a lower."""
        ordered = sorted(probabilities)
        return dict(zip(ordered, quantiles(self.values, np.array(ordered)), strict=True))

    def chance_below(self, amount: float) -> FloatArray:
        """Share of the draws below an amount, ``[n]``."""
        return np.asarray(np.count_nonzero(self.values < amount, axis=1) / self.values.shape[1])

    def reached(self, chances: Sequence[float]) -> FloatArray:
        """The amounts ``[n_chances, n]`` that at most this share of the draws lies below."""
        n_draws = self.values.shape[1]
        return np.sort(self.values, axis=1)[:, [int(chance * n_draws) for chance in chances]].T

    def place(self, actual: FloatArray) -> FloatArray:
        """Share of the draws below each actual value, ``[n]``; of equal ones half."""
        below = np.count_nonzero(self.values < actual[:, None], axis=1)
        at_most = np.count_nonzero(self.values <= actual[:, None], axis=1)
        return np.asarray((below + at_most) / (2 * self.values.shape[1]))


@dataclass(frozen=True)
class JointDraws:
    """Draws of series of which `y_hat` ``[n_series, n_days]`` are the forecasts, by a model of their errors; `known`
    ``[n_series, n_days]`` amounts come besides, without any error.

    The draws of a series depend on its own amounts, the dates of the windows and the seed, and on no other series.
    """

    model: ErrorModel
    y_hat: FloatArray
    scenarios: Scenarios
    known: FloatArray | None = None

    @classmethod
    def of(
        cls,
        model: ErrorModel,
        y_hat: FloatArray,
        seed: int,
        *,
        known: FloatArray | None = None,
        stream: str = "cash",
        n_draws: int = N_DRAWS,
    ) -> JointDraws:
        """The same model, forecasts, `seed` and `stream` give the same draws."""
        return cls(model, y_hat, model.draw(n_draws, y_hat.shape[1], generator(seed, stream)), known)

    def series(self, row: int) -> Draws:
        """One series."""
        amounts = self.model.amounts(self.y_hat[row], row, self.scenarios)
        return Draws(amounts if self.known is None else amounts + self.known[row][:, None])

    def total(self, weights: Mapping[int, float] | Sequence[int]) -> Draws:
        """A sum of series: rows, or rows with what each counts (1 for what comes in, -1 for what goes out)."""
        counted = weights if isinstance(weights, Mapping) else dict.fromkeys(weights, 1.0)
        total = np.zeros(self.scenarios.days.shape)
        for row, weight in counted.items():
            amounts = self.series(row).values
            total += amounts if weight == 1.0 else weight * amounts
        return Draws(total)

    def totals(self, groups: Mapping[Label, Mapping[int, float] | Sequence[int]]) -> Iterator[tuple[Label, Draws]]:
        """The sum of each group, one after the other; a series may stand in several groups."""
        for label, weights in groups.items():
            yield label, self.total(weights)


def errors_of(flows: Flows, past: IntArray | None = None) -> ErrorModel:
    """The errors of all windows of a run, or of those in the places `past`."""
    some = np.arange(len(flows.cutoffs)) if past is None else past
    return ErrorModel.of(flows.y_hat[:, some], flows.y[:, some], flows.windows[some], flows.half_life)


def joint_draws(flows: Flows, seed: int, n_draws: int = N_DRAWS) -> JointDraws:
    """Joint draws of a run's days to come, by the errors of all windows; rows are those of `flows.series`."""
    y_hat = flows.ahead if flows.known is None else flows.ahead - flows.known
    return JointDraws.of(errors_of(flows), y_hat, seed, known=flows.known, n_draws=n_draws)


def _accumulated(join: np.ufunc, values: FloatArray) -> FloatArray:
    """``join.accumulate(values, axis=0)`` of few long rows, which numpy does four times as slowly."""
    found = values.copy()
    for row in range(1, len(found)):
        join(found[row - 1], found[row], out=found[row])
    return found


def quantiles(values: FloatArray, shares: FloatArray) -> FloatArray:
    """Quantiles over the draws of values ``[n, n_draws]``, ``[n_shares, n]``: those of `np.quantile`."""
    ranked = np.sort(values, axis=1)
    place = shares * (ranked.shape[1] - 1)
    below = place.astype(np.int64)
    above, part = np.minimum(below + 1, ranked.shape[1] - 1), place - below
    low, high = ranked[:, below], ranked[:, above]
    made = np.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1.0 - part))
    return np.asarray(made.T)
