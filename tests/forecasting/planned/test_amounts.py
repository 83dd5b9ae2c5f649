"""What is planned counts from the day on which it is known, and from no day before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.calendar import Calendar
from forecasting.panel import Panel, Series
from forecasting.planned.amounts import Kind, Planned, PlannedAmount
from forecasting.schema import DateArray

DAYS: DateArray = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
END = np.datetime64(DAYS[-1], "D")
SERIES = (Series("in"), Series("out"))


def day(offset: int) -> np.datetime64:
    return np.datetime64(DAYS[0] + offset, "D")


def row(
    offset: int, amount: float, known: int | None = None, uid: str = "out", kind: Kind = "planned", span: int = 0
) -> PlannedAmount:
    return PlannedAmount(uid, day(offset), day(offset + span), amount, kind, None if known is None else day(known))


def panel_with(*rows: PlannedAmount, decimals: int | None = 2) -> Panel:
    y = 1000.0 + np.arange(2 * len(DAYS)).reshape(2, -1) / 100
    past = np.empty((2, len(DAYS), 0))
    return Panel(DAYS, SERIES, y, past, (), Calendar(), planned=Planned(rows, END, decimals))


def test_a_planned_amount_leaves_histories_and_stays_in_actual_amounts() -> None:
    panel = panel_with(row(10, 900.1, known=5), row(10, 50.0, known=5), row(70, 7.0, known=5))
    cleaned = panel.history("out").y
    assert cleaned[10] == pytest.approx(panel.y[1, 10] - 950.1)
    assert cleaned[10] == round(cleaned[10], 2)
    np.testing.assert_array_equal(np.delete(cleaned, 10), np.delete(panel.y[1], 10))
    np.testing.assert_array_equal(panel.truth("out", DAYS), panel.y[1])
    np.testing.assert_array_equal(panel.history("in").y, panel.y[0])
    np.testing.assert_array_equal(panel.unplanned()[1], cleaned)
    assert panel.last_known("out", day(10)) == panel.y[1, 10]
    ahead = np.arange(day(60), day(80))
    np.testing.assert_array_equal(panel.planned_amounts("out", ahead, END), np.where(ahead == day(70), 7.0, 0.0))


def test_nothing_is_left_where_all_was_planned() -> None:
    panel = panel_with(row(3, 0.1, known=0), row(3, 0.2, known=0))
    panel = replace(panel, y=np.where(day(3) == DAYS, 0.3, panel.y))
    assert panel.history("out").y[3] == 0.0


def test_what_became_known_after_its_day_is_taken_out_from_then_on() -> None:
    panel = panel_with(row(10, 500.0, known=20))
    for cutoff, there in ((15, 0.0), (19, 0.0), (20, 500.0), (30, 500.0)):
        y = panel.history("out", day(cutoff)).y
        assert y[10] == pytest.approx(panel.y[1, 10] - there)


def test_a_row_that_says_nothing_of_its_day_counts_in_the_final_forecast_alone() -> None:
    panel = panel_with(row(10, 500.0), row(70, 40.0), row(11, 5.0, known=90))
    np.testing.assert_array_equal(panel.history("out", day(58)).y, panel.y[1, :59])
    np.testing.assert_allclose(panel.history("out", END).y[10:12], panel.y[1, 10:12] - [500.0, 5.0])
    assert panel.planned_amounts("out", np.array([day(70)]), day(58))[0] == 0.0
    assert panel.planned_amounts("out", np.array([day(70)]), END)[0] == 40.0


def test_an_adjustment_is_added_to_each_day_of_its_span_and_never_to_a_history() -> None:
    panel = panel_with(row(61, -3.0, kind="adjust", span=2), row(62, 1.5, kind="adjust"), row(10, 9.0, kind="adjust"))
    assert panel.planned is not None
    np.testing.assert_array_equal(panel.history("out").y, panel.y[1])
    ahead = np.arange(day(60), day(65))
    np.testing.assert_array_equal(panel.planned.adjustments("out", ahead), [0.0, -3.0, -1.5, -3.0, 0.0])
    np.testing.assert_array_equal(panel.planned.amounts("out", ahead, END), np.zeros(5))


def test_the_fingerprint_is_that_of_what_models_see() -> None:
    panel = panel_with(row(10, 900.0, known=5))
    bare = replace(panel, y=panel.unplanned(), planned=None)
    assert panel.fingerprint("out") == bare.fingerprint("out")
    future = panel_with(row(10, 900.0, known=5), row(70, 1.0, known=5), row(61, 2.0, kind="adjust"))
    assert future.fingerprint() == panel.fingerprint()
    other = panel_with(row(10, 901.0, known=5))
    assert other.fingerprint("out") != panel.fingerprint("out")
    assert other.fingerprint("in") == panel.fingerprint("in")
    late = panel_with(row(10, 900.0, known=20))
    assert late.fingerprint("out") not in (panel.fingerprint("out"), panel_with(row(10, 900.0)).fingerprint("out"))


ROWS = st.lists(
    st.tuples(st.integers(0, 90), st.integers(1, 500), st.none() | st.integers(0, 100), st.sampled_from(["in", "out"])),
    max_size=8,
)


@settings(max_examples=200)
@given(ROWS, ROWS, st.integers(5, len(DAYS) - 2))
def test_no_window_sees_what_became_known_after_its_cutoff(known: list, others: list, cutoff: int) -> None:
    """Rows known at the cutoff are shared; those known later, or never said to be, are others altogether."""

    def rows(drawn: list, *, early: bool) -> list[PlannedAmount]:
        found = [row(at, float(amount), said, uid) for at, amount, said, uid in drawn]
        return [r for r in found if (r.known is not None and r.known <= day(cutoff)) is early]

    shared = rows(known, early=True)
    one, other = panel_with(*shared, *rows(known, early=False)), panel_with(*shared, *rows(others, early=False))
    ahead = np.arange(day(cutoff + 1), day(cutoff + 30))
    for uid in ("in", "out"):
        np.testing.assert_array_equal(one.history(uid, day(cutoff)).y, other.history(uid, day(cutoff)).y)
        amounts = [panel.planned_amounts(uid, ahead, day(cutoff)) for panel in (one, other)]
        np.testing.assert_array_equal(*amounts)
