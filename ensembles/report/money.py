"""Amounts as people read them: in CNY, with thousands separators and a unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ensembles.files.amounts import cny_per_unit
from forecasting.schema import FloatArray

__all__ = ["Money"]

SCALES = ((1e9, "billion CNY"), (1e6, "million CNY"), (1e3, "thousand CNY"), (1.0, "CNY"))


@dataclass(frozen=True)
class Money:
    """Amounts of a run: `unit` of its data, `divisor` and `label` of the unit shown."""

    unit: str
    divisor: float
    label: str

    @classmethod
    def of(cls, amounts: Iterable[float], unit: str) -> Money:
        """A unit that suits the largest of `amounts`."""
        cny = cny_per_unit(unit)
        largest = max((abs(a) * cny for a in amounts if np.isfinite(a)), default=0.0)
        size, label = next(row for row in SCALES if largest >= row[0] or row[0] == 1.0)
        return cls(unit, size / cny, label)

    def shown(self, amounts: FloatArray) -> FloatArray:
        """Numbers in the unit shown, same shape."""
        return amounts / self.divisor

    def text(self, amount: float | None) -> str:
        """As ``12.34 million CNY``, in a unit that suits it."""
        if amount is None or np.isnan(amount):
            return "–"
        own = Money.of([amount], self.unit)
        return f"{amount / own.divisor:,.2f} {own.label}"

    def cny(self, amount: float) -> str:
        """As ``1,234,567.89``, in CNY."""
        return "–" if np.isnan(amount) else f"{amount * cny_per_unit(self.unit):,.2f}"

    def plain(self, amount: float) -> str:
        """As ``1,234,568``, in CNY without decimals."""
        return "–" if np.isnan(amount) else f"{amount * cny_per_unit(self.unit):,.0f}"

    def whole(self, amount: float) -> str:
        """As ``123,456,789``, in the unit of the data."""
        return "–" if np.isnan(amount) else f"{amount:,.0f}"
