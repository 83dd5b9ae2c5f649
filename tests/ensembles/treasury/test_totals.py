"""Totals are exact on every level, units are never added, and many leaves are quick."""

from __future__ import annotations

import csv
import io
import time
from collections import defaultdict
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ensembles.exports.forecast import forecast_files
from ensembles.exports.totals import totals_csv
from ensembles.files.amounts import Amounts
from ensembles.files.forecast_parquet import ForecastFile, TargetForecast
from ensembles.treasury.totals import NET_FLOW, totals_of
from forecasting.calendar import Calendar
from forecasting.data.hierarchy.hierarchy import Hierarchy
from forecasting.panel import Series
from forecasting.schema import DateArray, FloatArray

TARGETS = ("in", "out")
EUR = Amounts.of("panel", None, 2)


def forecast_of(values: FloatArray) -> ForecastFile:
    """The blend's forecast ``[n_entities, horizon, n_targets]`` of entities e0, e1, ...; without members."""
    n, horizon, _ = values.shape
    ds: DateArray = np.arange(horizon) + np.datetime64("2024-01-01")
    parts, series = [], {}
    for k, target in enumerate(TARGETS):
        ids = [f"e{i}/{target}" for i in range(n)]
        series |= {uid: Series(target, f"e{i}") for i, uid in enumerate(ids)}
        parts.append(TargetForecast(ids, [], np.empty((n, horizon, 0)), values[..., k]))
    return ForecastFile.of_prediction(parts, ds).identified(series)


def hierarchy_of(n: int, levels: int = 3) -> Hierarchy:
    """Entities in groups of ten, these in groups of ten again; every third entity is in USD."""
    paths = {f"e{i}": tuple(f"g{level}-{i // 10**level}" for level in range(levels, 0, -1)) for i in range(n)}
    return Hierarchy(paths, {f"e{i}": "USD" if i % 3 == 0 else "EUR" for i in range(n)})


def leaves(content: bytes) -> dict[tuple[str, str, str], Decimal]:
    """(entity, target, day) → what forecast.csv says."""
    rows = csv.DictReader(io.StringIO(content.decode()))
    return {(r["entity"], t, r["date"]): Decimal(r[t]) for r in rows for t in (*TARGETS, NET_FLOW)}


def expected(content: bytes, hierarchy: Hierarchy) -> dict[tuple[str, str, str, str], Decimal]:
    """Group, unit, target and day → the sum of the leaves, from the written file alone."""
    sums: dict[tuple[str, str, str, str], Decimal] = defaultdict(Decimal)
    for (entity, target, day), amount in leaves(content).items():
        path, unit = hierarchy.paths[entity], hierarchy.units[entity] or ""
        for n in range(len(path) + 1):
            sums[" > ".join(path[:n]), unit, target, day] += amount
    return sums


def written(forecast: ForecastFile, hierarchy: Hierarchy) -> tuple[dict[tuple[str, str, str, str], Decimal], bytes]:
    """totals.csv by group, unit, target and day; and forecast.csv."""
    table = totals_csv(totals_of(forecast, hierarchy, TARGETS, EUR), EUR)
    rows = csv.DictReader(io.StringIO(table.decode()))
    found = {(r["group"], r["unit"], r["target"], r["date"]): Decimal(r["y_hat"]) for r in rows}
    return found, forecast_files(forecast, TARGETS, Calendar(), EUR, None, {})["forecast.csv"]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 1e3, 1e9]))
def test_every_total_is_the_sum_of_its_leaves_to_the_last_decimal(seed: int, size: float) -> None:
    values = size * np.random.default_rng(seed).lognormal(0, 2, (23, 4, 2))
    forecast, hierarchy = forecast_of(values), hierarchy_of(23)
    found, content = written(forecast, hierarchy)
    assert found == expected(content, hierarchy)


def test_units_are_never_added_and_net_flows_are_what_comes_in_less_what_goes_out() -> None:
    values = np.array([[[10.0, 1.0]], [[20.0, 2.0]], [[40.0, 4.0]]])
    hierarchy = Hierarchy({"e0": ("a",), "e1": ("a",), "e2": ()}, {"e0": "EUR", "e1": "USD", "e2": "EUR"})
    totals = totals_of(forecast_of(values), hierarchy, TARGETS, EUR)
    assert [(t.path, t.unit, t.target, float(t.y_hat[0])) for t in totals] == [
        ((), "EUR", "in", 50.0),
        ((), "EUR", "out", 5.0),
        ((), "EUR", NET_FLOW, 45.0),
        ((), "USD", "in", 20.0),
        ((), "USD", "out", 2.0),
        ((), "USD", NET_FLOW, 18.0),
        (("a",), "EUR", "in", 10.0),
        (("a",), "EUR", "out", 1.0),
        (("a",), "EUR", NET_FLOW, 9.0),
        (("a",), "USD", "in", 20.0),
        (("a",), "USD", "out", 2.0),
        (("a",), "USD", NET_FLOW, 18.0),
    ]


def test_the_bands_of_a_sum_are_asked_for_with_the_signs_of_its_series() -> None:
    values = np.full((2, 3, 2), 5.0)
    hierarchy = Hierarchy({"e0": (), "e1": ()}, {"e0": None, "e1": None})
    asked = []

    def quantiles(signs: dict[str, int]) -> dict[float, FloatArray]:
        asked.append(signs)
        return {0.1: np.full(3, float(sum(signs.values()))), 0.9: np.full(3, 99.5)}

    totals = totals_of(forecast_of(values), hierarchy, TARGETS, EUR, quantiles)  # type: ignore[arg-type]
    both = {"e0/in": 1, "e1/in": 1, "e0/out": -1, "e1/out": -1}
    assert asked == [{"e0/in": 1, "e1/in": 1}, {"e0/out": 1, "e1/out": 1}, both]
    rows = totals_csv(totals, EUR).decode().splitlines()
    assert rows[:2] == ["level,group,unit,target,date,y_hat,q10,q90", "0,,,in,2024-01-01,10.00,2.00,99.50"]


@pytest.mark.parametrize("n", [1000])
def test_a_thousand_leaves_are_quick(n: int) -> None:
    values = np.random.default_rng(1).lognormal(8, 1, (n, 56, 2))
    forecast, hierarchy = forecast_of(values), hierarchy_of(n)
    started = time.process_time()
    totals = totals_of(forecast, hierarchy, TARGETS, EUR)
    table = totals_csv(totals, EUR)
    assert time.process_time() - started < 30.0
    assert table.count(b"\n") == 1 + 56 * len(totals)


def test_an_entity_with_one_target_alone_has_a_part_in_no_net_flow() -> None:
    forecast = forecast_of(np.array([[[5.0, 3.0]], [[7.0, 1.0]]]))
    forecast = forecast.where(forecast.unique_id != "e1/out")
    hierarchy = Hierarchy({"e0": ("a",), "e1": ("b",)}, {"e0": "EUR", "e1": "EUR"})
    found = {(total.path, total.target): total.y_hat[0] for total in totals_of(forecast, hierarchy, TARGETS, EUR)}
    assert found[(), "in"] == 12
    assert found[(), NET_FLOW] == found[("a",), NET_FLOW] == 2
    assert (("b",), NET_FLOW) not in found
