"""Sums are exact whatever the decimals are, and what is set by hand has its own part."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from ensembles.explanation.explanation import LEARNED, PARTS, Explanation, explain
from ensembles.files.amounts import Amounts
from ensembles.files.forecast_parquet import ForecastFile, TargetForecast
from ensembles.files.table import panel_series
from forecasting.calendar import Calendar
from forecasting.errors import ConfigError
from forecasting.panel import Panel, Series
from forecasting.planned.amounts import Planned, PlannedAmount
from forecasting.schema import FloatArray

AMOUNTS = {
    "cents": Amounts("EUR", "EUR", 1, 2, 2),
    "whole": Amounts("JPY", "JPY", 1, 0, 0),
    "unknown": Amounts(),
    "fen": Amounts.of("yuebao", "fen"),
    "cny": Amounts.of("yuebao", "CNY"),
}
DAYS, HORIZON = 60, 20
AHEAD = np.datetime64("2024-03-01") + np.arange(HORIZON)


def panel(size: float, rows: tuple[PlannedAmount, ...] = ()) -> Panel:
    rng = np.random.default_rng(0)
    ds = AHEAD[0] - np.arange(DAYS, 0, -1)
    y = size * np.exp(rng.normal(0, 0.2, (3, DAYS)))
    y[1, -9:] = np.nan
    series = tuple(Series("flow", entity) for entity in ("a", "b", "c"))
    planned = Planned(rows, ds[-1], 2) if rows else None
    for row in rows:
        y[["a/flow", "b/flow", "c/flow"].index(row.unique_id), ds == row.first] += row.amount
    return Panel(ds, series, y, np.empty((3, DAYS, 0)), (), Calendar(), planned=planned)


def explained(size: float, amounts: Amounts, factor: float = 1.0, rows: tuple[PlannedAmount, ...] = ()) -> Explanation:
    known = panel(size, rows)
    rng = np.random.default_rng(1)
    blended = size * np.exp(rng.normal(0, 0.1, (3, HORIZON)))
    forecast = ForecastFile.of_prediction(
        [TargetForecast(known.unique_ids, [], np.empty((3, HORIZON, 0)), blended)], AHEAD
    ).identified(panel_series(known))
    return explain(forecast.with_planned(known.planned, known.end), known, {"flow": factor}, amounts)


def part(found: Explanation, name: str) -> FloatArray:
    return found.parts[..., PARTS.index(name)].astype(float)


@pytest.mark.parametrize("size", [1e-9, 0.3, 12345.678, 1e13])
@pytest.mark.parametrize("name", AMOUNTS)
def test_parts_add_up_exactly(size: float, name: str) -> None:
    found = explained(size, AMOUNTS[name], 0.98)
    for row in range(3):
        for i in range(HORIZON):
            assert sum(found.parts[row, i], Decimal()) == found.forecast[row, i]
    assert part(found, "level").shape == (3, HORIZON)


@pytest.mark.parametrize("name", ["cents", "whole", "fen", "cny"])
def test_every_part_has_the_decimals_of_the_unit_shown(name: str) -> None:
    found, decimals = explained(4321.5, AMOUNTS[name]), AMOUNTS[name].decimals_shown
    assert {-amount.as_tuple().exponent for amount in [*found.parts.ravel(), *found.forecast.ravel()]} == {decimals}


def test_calibration_is_what_the_factor_changes() -> None:
    found = explained(1e4, AMOUNTS["cents"], 0.96)
    assert part(found, "calibration") == pytest.approx(found.forecast.astype(float) * (1 - 1 / 0.96), abs=0.01)
    assert not part(explained(1e4, AMOUNTS["cents"]), "calibration").any()


def test_what_is_planned_and_adjusted_is_told_apart_from_what_is_learned() -> None:
    past = AHEAD[0] - 10
    rows = (
        PlannedAmount("b/flow", AHEAD[3], AHEAD[3], 5e5),
        PlannedAmount("b/flow", past, past, 3e5),
        PlannedAmount("c/flow", AHEAD[4], AHEAD[5], -2e3, "adjust"),
    )
    plain = explained(1e4, AMOUNTS["cents"], 0.96)
    found = explained(1e4, AMOUNTS["cents"], 0.96, rows)
    assert part(found, "planned")[1].tolist() == [5e5 if i == 3 else 0.0 for i in range(HORIZON)]
    assert part(found, "adjust")[2].tolist() == [-2e3 if i in (4, 5) else 0.0 for i in range(HORIZON)]
    assert not part(found, "planned")[[0, 2]].any()
    for name in ("level", LEARNED, "calibration"):
        assert part(found, name) == pytest.approx(part(plain, name), abs=0.05)
    assert sum(found.parts[1, 3], Decimal()) == found.forecast[1, 3]
    same = (past == AHEAD - 7) | (past == AHEAD - 14)
    assert (found.before[0].y[1, same] > 3e5).any()  # actual amounts, planned or not


def test_the_same_weekday_is_the_last_known_one_before() -> None:
    found, known = explained(1e4, AMOUNTS["cents"]), panel(1e4)
    week, four = found.before
    assert week.ds[0, :8].tolist() == [AHEAD[i] - 7 for i in range(7)] + [AHEAD[7] - 14]
    assert (four.ds[0] == AHEAD - 28).all()
    assert four.y[0] == pytest.approx(known.truth("a/flow", AHEAD - 28), abs=1e-6)
    assert week.ds[1, 0] == AHEAD[0] - 14  # the last nine days of b are unknown
    assert week.y[1] == pytest.approx(known.truth("b/flow", week.ds[1]), abs=1e-6)


def test_a_weekday_that_was_never_known_has_no_amount() -> None:
    known = panel(1e4)
    known = known.until(known.ds[4])
    forecast = ForecastFile.of_prediction(
        [TargetForecast(("a/flow",), [], np.empty((1, 7, 0)), np.full((1, 7), 9e3))], known.axis.after(known.end, 7)
    )
    week = explain(forecast, known, {"flow": 1.0}, AMOUNTS["cents"]).before[0]
    assert np.isnan(week.y[0]).tolist() == [True, True] + [False] * 5
    assert np.isnat(week.ds[0]).tolist() == [True, True] + [False] * 5


def test_columns_are_a_row_per_series_and_day() -> None:
    found = explained(1e4, AMOUNTS["fen"])
    columns = found.columns()
    assert {len(values) for values in columns.values()} == {3 * HORIZON}
    assert columns["unique_id"][[0, HORIZON]].tolist() == ["a/flow", "b/flow"]
    assert (columns["ds"][:HORIZON] == AHEAD).all()
    assert sum(columns[name] for name in PARTS) == pytest.approx(columns["forecast"], abs=1e-6)
    assert columns["forecast"].max() < 1e3  # CNY of fen


def test_the_members_share_is_of_amounts_without_signs() -> None:
    found = explained(1e4, AMOUNTS["cents"])
    learned = np.abs(part(found, LEARNED)[0]).sum()
    assert found.learned_share(0) == pytest.approx(learned / found.forecast[0].astype(float).sum())
    assert [sum(row) for row in found.totals] == [sum(row) for row in found.forecast]


@pytest.mark.parametrize(
    ("series", "day", "words"),
    [("d/flow", None, "a/flow, b/flow, c/flow"), (None, "2024-02-29", "2024-03-01 to 2024-03-20")],
)
def test_what_there_is_not_is_said(series: str | None, day: str | None, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        explained(1e4, AMOUNTS["cents"]).at(series, day)
    one = explained(1e4, AMOUNTS["cents"]).at("b/flow", "2024-03-03")
    assert (one.unique_ids, one.ds.tolist(), one.parts.shape) == (("b/flow",), [AHEAD[2].item()], (1, 1, len(PARTS)))
