from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from ensembles.files.amounts import Amounts, signed_targets, written
from forecasting.calendar import Calendar
from forecasting.panel import Panel, Series
from forecasting.schema import as_dates

FEN, CNY = Amounts.of("yuebao", "fen"), Amounts.of("yuebao", "CNY")
CENTS = Amounts.of("table", "EUR", 2, ("net",))


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (12345, "123.45"),
        (5, "0.05"),
        (0, "0.00"),
        (-7655, "-76.55"),
        (-5, "-0.05"),
        (10**17 + 1, "1000000000000000.01"),
    ],
)
def test_fen_are_exact_in_cny(amount: int, text: str) -> None:
    assert FEN.exact(amount) == text


def test_cny_of_the_competition_hold_whole_fen() -> None:
    assert CNY.exact(-123.45) == "-123.45"
    assert CNY.submitted(np.array([0.126]), "purchase") == [0.13]
    assert (FEN.amount(12345.678), CNY.amount(12345.678)) == ("123.46", "12345.68")
    assert (FEN.column("buffer"), CNY.column("buffer")) == ("buffer_cny", "buffer_cny")


@pytest.mark.parametrize("unit", ["fen", "CNY", "EUR", "thousand USD", "shares", None])
def test_a_unit_is_a_label_outside_the_competition(unit: str | None) -> None:
    amounts = Amounts.of("panel", unit, 0)
    assert amounts.exact(12345.0) == amounts.amount(12345.0) == "12345"
    assert amounts.column("net_flow") == "net_flow"
    assert amounts.in_unit == (f", {unit}" if unit else "")
    assert amounts.sentence == (f" Amounts in {unit}." if unit else "")


def test_forecasts_of_the_competition_become_whole_numbers_of_at_least_0() -> None:
    whole = FEN.submitted(np.array([1.5, 2.5, -3.0, 1e17]), "purchase")
    assert [FEN.text(value) for value in whole] == ["2", "2", "0", str(10**17)]
    with pytest.raises(ValueError, match="not finite"):
        FEN.submitted(np.array([1.0, np.nan]), "purchase")


def test_decimals_follow_the_data_and_signed_targets_stay_negative() -> None:
    values = np.array([12.344, -0.001, -7.5])
    assert [CENTS.text(v) for v in CENTS.submitted(values, "net")] == ["12.34", "0.00", "-7.50"]
    assert [CENTS.text(v) for v in CENTS.submitted(values, "sales")] == ["12.34", "0.00", "0.00"]
    assert np.isnan(CENTS.rounded(np.array([np.nan]), "net")).all()


def test_what_is_written_of_many_decimals_adds_up() -> None:
    random = np.random.default_rng(1)
    for decimals in (6, 8, 10):
        amounts = Amounts.of("table", None, decimals, ("net",))
        came, left = (amounts.submitted(random.normal(0, 1000, 500), "net") for _ in range(2))
        for a, b in zip(came.tolist(), left.tolist(), strict=True):
            assert Decimal(amounts.exact(a - b)) == Decimal(amounts.exact(a)) - Decimal(amounts.exact(b))


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [
        (3.0841, 3, "3.084"),
        (-0.0004, 3, "0.000"),
        (926.142857142, None, "926.142857"),
        (1234567.5, None, "1234567.5"),
        (3.084123456e-9, None, "0.00000000308412"),
        (0.25, 6, "0.25"),
        (0.00001234, 8, "0.00001234"),
        (123456789012.12, 8, "123456789012.12"),
        (12345678901234567.0, 6, "12345678901234568"),
        (0.0, None, "0"),
        (-2.5, None, "-2.5"),
    ],
)
def test_numbers_have_the_decimals_they_need(amount: float, decimals: int | None, text: str) -> None:
    assert written(amount, decimals) == text


def test_a_target_with_a_negative_amount_is_signed() -> None:
    series = (Series("in", "a"), Series("net", "a"), Series("net", "b"))
    y = np.array([[1.0, np.nan], [np.nan, -1.0], [2.0, -3.0]])
    days = as_dates(["2024-01-01", "2024-01-02"])
    assert signed_targets(Panel(days, series, y, np.empty((3, 2, 0)), (), Calendar())) == ("net",)
