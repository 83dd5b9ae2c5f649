from __future__ import annotations

from ensembles.files.amounts import Amounts
from ensembles.report.money import Money


def test_amounts_have_separators_and_units() -> None:
    money = Money.of([2.5e8], Amounts.of("yuebao", "fen"))
    assert money.text(2.5e8) == "2.50 million CNY"
    assert money.text(2.5e12) == "25.00 billion CNY"
    assert money.text(1.25e5) == "1.25 thousand CNY"
    assert money.exact(123_456_789.0) == "1,234,567.89"
    assert money.whole(123_456_789.0) == "123,456,789"
    assert Money.of([float("nan")], Amounts.of("yuebao", "CNY")).text(12.0) == "12.00 CNY"


def test_other_amounts_have_their_own_unit() -> None:
    money = Money.of([2.5e6], Amounts.of("table", "EUR", 2))
    assert (money.label, money.text(2.5e6), money.exact(1234.5)) == ("million EUR", "2.50 million EUR", "1,234.50")
    assert money.plain(0.5) == "0.50"
    bare = Money.of([2.5e6], Amounts.of("table", None, 0))
    assert (bare.label, bare.text(12.0), bare.sentence) == ("million", "12", " Amounts in million.")
    assert Money.of([1.0], Amounts.of("table", None)).sentence == ""


def test_a_unit_that_is_scaled_is_not_scaled_again() -> None:
    money = Money.of([2.5e6], Amounts.of("table", "thousand USD", 1))
    assert (money.label, money.text(2.5e6)) == ("thousand USD", "2,500,000.0 thousand USD")


def test_amounts_that_are_read_together_have_one_unit() -> None:
    euro = Money.of((), Amounts.of("table", "EUR", 2))
    assert euro.text(159.44) == "159.44 EUR"
    assert euro.text(159.44, -800.0, 1510.0) == "0.16 thousand EUR"
    assert euro.text(12.29, -54_000.0, 69_000.0) == "12.29 EUR"
    assert euro.text(571_790.0, -1_640_000.0) == "0.57 million EUR"
