from __future__ import annotations

import numpy as np
import pytest

from ensembles.files.amounts import cny, exact_cny, whole_units


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
    assert exact_cny(amount, "fen") == text


def test_cny_are_whole() -> None:
    assert exact_cny(-12345, "CNY") == "-12345"
    assert (cny(12345.678, "fen"), cny(12345.678, "CNY")) == ("123.46", "12345.68")


def test_forecasts_become_whole_numbers_of_at_least_0() -> None:
    assert whole_units(np.array([1.5, 2.5, -3.0, 1e17])) == [2, 2, 0, 10**17]
    with pytest.raises(ValueError, match="not finite"):
        whole_units(np.array([1.0, np.nan]))
