"""Planned amounts and adjustments in words."""

from ensembles.treasury.planned import PlannedDay


def test_an_adjustment_of_a_span_counts_in_each_of_its_periods() -> None:
    span = PlannedDay("2024-08-01 to 2024-08-20", "in", "-1,000 EUR", "adjust", "quiet", "Ann", "week")
    assert span.sentence == "adjusted on 2024-08-01 to 2024-08-20: -1,000 EUR of in each week (quiet; by Ann)"
    once = PlannedDay("2024-08-01", "out", "5 EUR", "planned", "", "", "week")
    assert once.sentence == "planned on 2024-08-01: 5 EUR of out"
