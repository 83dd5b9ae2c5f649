from __future__ import annotations

import sys

import pytest

from forecasting.models.features.compiled import compiled


def test_a_function_compiles_where_nothing_can_be_cached(monkeypatch):
    numba = pytest.importorskip("numba")
    real = numba.njit

    def read_only(**flags):
        if flags.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**flags)

    monkeypatch.setattr(numba, "njit", read_only)
    assert compiled()(lambda x: x + 1)(1) == 2


def test_without_numba_a_function_stays_as_it_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)

    def double(x):
        return 2 * x

    assert compiled()(double) is double
