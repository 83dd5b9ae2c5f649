"""How `tests/bench/planned.py` measures, and that a plan is worth what it says."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench.planned import Worth, measure


def worth(gain: float, named: bool = True, tax: float = 1.0) -> Worth:
    n = 5
    after = 10.0 - gain + 0.01 * np.arange(n)
    return Worth(
        tax * after, after, np.full(n, 300.0), np.full(n, 10.0), np.zeros(n, dtype=bool), np.full(n, named, dtype=bool)
    )


def test_a_plan_is_judged_by_tax_days_ordinary_days_and_alerts() -> None:
    assert worth(1.0).holds
    assert worth(1.0).saved[0] == pytest.approx(0.098)
    assert not worth(-1.0).holds
    assert not worth(1.0, named=False).holds
    assert not worth(1.0, tax=3.0).holds


@pytest.mark.slow
def test_a_planned_tax_day_is_an_ordinary_day() -> None:
    assert measure(5).holds
