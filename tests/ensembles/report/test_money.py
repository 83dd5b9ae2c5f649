from __future__ import annotations

from ensembles.report.money import Money


def test_amounts_have_separators_and_units() -> None:
    money = Money.of([2.5e8], "fen")
    assert money.text(2.5e8) == "2.50 million CNY"
    assert money.text(2.5e12) == "25.00 billion CNY"
    assert money.text(1.25e5) == "1.25 thousand CNY"
    assert money.cny(123_456_789.0) == "1,234,567.89"
    assert money.whole(123_456_789.0) == "123,456,789"
    assert Money.of([float("nan")], "CNY").text(12.0) == "12.00 CNY"
