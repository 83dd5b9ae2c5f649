"""Which series a unique_id means."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.calendar import Calendar
from forecasting.panel import History, Series

TARGETS = ("purchase", "redeem")


@pytest.mark.parametrize(
    ("unique_id", "target", "entity"),
    [
        ("purchase", "purchase", None),
        ("000198/redeem", "redeem", "000198"),
        ("a/b/redeem", "redeem", "a/b"),
        ("purchase/redeem", "redeem", "purchase"),
        ("redeem/redeem", "redeem", "redeem"),
        ("a/purchase/purchase", "purchase", "a/purchase"),
        ("x,y 😀/purchase", "purchase", "x,y 😀"),
    ],
)
def test_a_unique_id_is_its_target_after_the_last_slash(unique_id: str, target: str, entity: str | None) -> None:
    found = Series.named(unique_id, TARGETS)
    assert found == Series(target, entity) == Series.named(unique_id)
    assert found.unique_id == unique_id


@pytest.mark.parametrize("unique_id", ["other", "a/other", "purchase/other", "repurchase", "a/repurchase", "", "/"])
def test_a_unique_id_of_another_target_is_no_series(unique_id: str) -> None:
    assert Series.named(unique_id, TARGETS) is None


def test_the_periods_ahead_of_work_days_are_those_given_and_then_those_of_the_calendar() -> None:
    friday = np.datetime64("2024-04-26")
    history = History(Series("y"), friday[None], np.ones(1), np.zeros((1, 0)), (), Calendar("DE"), "B")
    given = friday + np.array([3, 4, 5])  # Wednesday is Labour Day, and was worked
    days = ["2024-04-29", "2024-04-30", "2024-05-01", "2024-05-02", "2024-05-03"]
    assert [str(d) for d in history.ahead(5, given)] == days
    assert [str(d) for d in history.ahead(2, given)] == days[:2]
    assert [str(d) for d in history.span(4)] == ["2024-04-26", "2024-04-29", "2024-04-30", "2024-05-02", "2024-05-03"]
