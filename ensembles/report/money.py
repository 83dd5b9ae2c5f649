"""Amounts as people read them: with thousands separators, in thousands, millions or billions of the unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ensembles.files.amounts import Amounts, written
from forecasting.schema import FloatArray

__all__ = ["Money"]

SCALES = ((1e9, "billion"), (1e6, "million"), (1e3, "thousand"), (1.0, ""))
SCALE_WORDS = frozenset({"thousand", "thousands", "million", "millions", "billion", "billions", "k", "m", "mn", "bn"})
"""A unit that has one of them is not scaled once more."""
LEAST = 0.1
"""Of a unit: smaller amounts would lose their digits in it."""
NONE = "–"


@dataclass(frozen=True)
class Money:
    """Amounts of a run: `amounts` say how they are written, `divisor` and `label` what is shown in charts."""

    amounts: Amounts
    divisor: float
    label: str

    @classmethod
    def of(cls, flows: Iterable[float], amounts: Amounts) -> Money:
        """A unit that suits the largest of `flows`, which are in the unit of the data."""
        unit = amounts.shown or ""
        scales = SCALES[-1:] if SCALE_WORDS & set(unit.casefold().split()) else SCALES
        largest = max((abs(a) / amounts.divisor for a in flows if np.isfinite(a)), default=0.0)
        size, word = next(row for row in scales if largest >= row[0] or row[0] == 1.0)
        return cls(amounts, size * amounts.divisor, f"{word} {unit}".strip())

    def of_unit(self, unit: str | None) -> Money:
        """The same for amounts of another unit; None: of its own."""
        if unit is None:
            return self
        amounts = replace(self.amounts, unit=unit, shown=unit)
        own = self.label.removesuffix(self.amounts.shown or "").strip()
        return Money(amounts, self.divisor, f"{own} {unit}".strip())

    @property
    def sentence(self) -> str:
        """As `` Amounts in million EUR.`` of charts; nothing without a unit."""
        return f" Amounts in {self.label}." if self.label else ""

    def shown(self, amounts: FloatArray) -> FloatArray:
        """Numbers in the unit shown, same shape."""
        return amounts / self.divisor

    def text(self, amount: float | None, *beside: float) -> str:
        """As ``12.34 million EUR``, in a unit that suits it and the amounts `beside` it, which are read together; in
        one of its own where it is less than a tenth of theirs.
        """
        if amount is None or np.isnan(amount):
            return NONE
        own = Money.of([amount, *beside], self.amounts)
        if abs(amount) < LEAST * own.divisor:
            own = Money.of([amount], self.amounts)
        decimals = self.amounts.decimals_shown if own.divisor == self.amounts.divisor else 2
        return f"{written(amount / own.divisor, decimals, ',')} {own.label}".strip()

    def span(self, low: float, high: float) -> str:
        """As ``1.44 to 1.90 million EUR``, in a unit that suits both."""
        own = Money.of([low, high], self.amounts)
        decimals = self.amounts.decimals_shown if own.divisor == self.amounts.divisor else 2
        ends = (NONE if np.isnan(end) else written(end / own.divisor, decimals, ",") for end in (low, high))
        return f"{' to '.join(ends)} {own.label}".strip()

    def exact(self, amount: float) -> str:
        """As ``1,234,567.89``, with the decimals of the unit shown."""
        return self._written(amount * (1 / self.amounts.divisor), self.amounts.decimals_shown)

    def plain(self, amount: float) -> str:
        """As ``1,234,568``: without the decimals of a unit that amounts were converted to."""
        decimals = 0 if self.amounts.competition else self.amounts.decimals_shown
        return self._written(amount * (1 / self.amounts.divisor), decimals)

    def whole(self, amount: float) -> str:
        """As ``123,456,789``, in the unit of the data."""
        return self._written(amount, self.amounts.decimals)

    def _written(self, amount: float, decimals: int | None) -> str:
        return NONE if np.isnan(amount) else written(amount, decimals, ",")
