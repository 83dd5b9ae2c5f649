"""Amounts in the files and pages that people read: the unit as it was given, and the decimals of the data.

A unit is a label and is never converted, with one exception: the competition's fen are shown in CNY.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from forecasting.panel import Panel
from forecasting.schema import FloatArray

__all__ = ["MOST_DECIMALS", "Amounts", "signed_targets", "written"]

MOST_DECIMALS = 6
"""Decimals from which on zeros at the end are left out."""
FEN_PER_CNY = 100
SIGNIFICANT = 6
"""Digits that even an amount far below one keeps."""
HELD = 15
"""Digits of any number that float64 holds."""


@dataclass(frozen=True)
class Amounts:
    """How amounts are written.

    `unit` of the data and `shown`, the unit people see, both None where none was given; an amount shown is one of the
    data over `divisor`. `decimals` of amounts in `unit`, and `decimals_shown` of those in `shown`: from six on, zeros
    at the end are left out; None: as many as it takes. `suffix` of columns in the unit shown. `signed` targets may be
    negative.
    """

    unit: str | None = None
    shown: str | None = None
    divisor: int = 1
    decimals: int | None = None
    decimals_shown: int | None = None
    suffix: str = ""
    signed: tuple[str, ...] = ()

    @classmethod
    def of(cls, kind: str, unit: str | None, decimals: int | None = None, signed: tuple[str, ...] = ()) -> Amounts:
        """Of data of this kind: those of the competition (``yuebao``) are fen, or CNY with whole fen."""
        if kind != "yuebao":
            return cls(unit, unit, 1, decimals, decimals, "", signed)
        return cls("CNY", "CNY", 1, 2, 2, "_cny") if unit == "CNY" else cls("fen", "CNY", FEN_PER_CNY, 0, 2, "_cny")

    @property
    def competition(self) -> bool:
        """Whether these are the competition's amounts, of which people see CNY."""
        return bool(self.suffix)

    @property
    def converted(self) -> bool:
        """Whether the unit shown is another than that of the data."""
        return self.divisor != 1

    @property
    def in_unit(self) -> str:
        """As ``, EUR``, for a heading; nothing without a unit."""
        return f", {self.shown}" if self.shown else ""

    @property
    def sentence(self) -> str:
        """As `` Amounts in EUR.``; nothing without a unit."""
        return f" Amounts in {self.shown}." if self.shown else ""

    def column(self, name: str) -> str:
        """Name of a column of amounts in the unit shown."""
        return name + self.suffix

    def submitted(self, y_hat: FloatArray, target: str) -> FloatArray:
        """Forecasts as files hold them: with the data's decimals, and at least 0 unless the target is signed.

        Raises
        ------
        ValueError
            When a forecast is not finite.
        """
        if not np.isfinite(y_hat).all():
            raise ValueError("a forecast of the submission is not finite")
        return self.rounded(y_hat, target)

    def rounded(self, y_hat: FloatArray, target: str) -> FloatArray:
        """As `submitted`; NaN stays NaN."""
        values = self.nearest(y_hat)
        return values if target in self.signed else np.maximum(values, 0.0)

    def nearest(self, values: FloatArray) -> FloatArray:
        """Amounts of either sign as they are written, so that sums of them are sums of what is written."""
        return np.asarray(values if self.decimals is None else np.round(values, self.decimals))

    def text(self, amount: float) -> str:
        """An amount in the unit of the data."""
        return written(amount, self.decimals)

    def exact(self, amount: float) -> str:
        """An amount that was `rounded`, in the unit shown: fen exactly as two decimals."""
        if not self.converted:
            return self.text(amount)
        whole = abs(round(amount))
        return f"{'-' if amount < 0 else ''}{whole // self.divisor}.{whole % self.divisor:02d}"

    def amount(self, amount: float) -> str:
        """Any amount of the data, in the unit shown."""
        return written(amount * (1 / self.divisor), self.decimals_shown)


def written(amount: float, decimals: int | None, group: str = "") -> str:
    """A number with these decimals, ``,`` as `group` between thousands; None: as many as it takes, at most six where it
    is not tiny.
    """
    many = decimals is None or decimals >= MOST_DECIMALS
    text = f"{amount:{group}.{_digits(amount, decimals) if many else decimals}f}"
    if many:
        text = text.rstrip("0").rstrip(".")
    return text[1:] if text[0] == "-" and not text.strip("-0.,") else text


def _digits(amount: float, decimals: int | None) -> int:
    """Decimals of an amount of which there may be many: no more than float64 holds; where nothing is said of them,
    enough for its first digits where it is far below one.
    """
    if amount == 0 or not math.isfinite(amount):
        return MOST_DECIMALS
    before = math.floor(math.log10(abs(amount))) + 1
    if decimals is None:
        return max(MOST_DECIMALS, SIGNIFICANT - before)
    return max(0, min(decimals, HELD - before))


def signed_targets(panel: Panel) -> tuple[str, ...]:
    """Targets with a negative amount, or one planned: what is planned is added as it is, and may exceed a forecast."""
    negative = np.nanmin(np.where(np.isnan(panel.y), 0.0, panel.y), axis=1, initial=0.0) < 0
    found = [s.target for s, below in zip(panel.series, negative, strict=True) if below]
    planned = () if panel.planned is None else panel.planned.below_zero
    return tuple(dict.fromkeys((*found, *(panel.series[panel.index(uid)].target for uid in planned))))
