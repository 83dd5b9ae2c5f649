"""Which series a unique_id means."""

from __future__ import annotations

import pytest

from forecasting.panel import Series

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
