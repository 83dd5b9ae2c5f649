from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from ensembles.exports.submission import submission_csv, submission_names
from ensembles.files.amounts import Amounts
from forecasting.panel import Series
from forecasting.schema import as_dates

FEN = Amounts.of("yuebao", "fen")
DAYS = as_dates(["2014-09-05", "2014-09-06", "2014-09-28"])


def test_submission_is_dates_and_whole_numbers_without_header() -> None:
    y_hat = {Series("purchase"): np.array([1.5, 1e17, -3.0]), Series("redeem"): np.array([2.5, 0.4, 7.0])}
    text = submission_csv(DAYS, y_hat, ["purchase", "redeem"], FEN).decode()
    assert text == "20140905,2,2\n20140906,100000000000000000,0\n20140928,0,7\n"


def test_a_panel_names_the_entity_first_and_leaves_out_incomplete_ones() -> None:
    y_hat = {
        Series("purchase", "a/b"): np.ones(3),
        Series("redeem", 'x,"y'): np.ones(3),
        Series("redeem", "a/b"): np.ones(3),
        Series("purchase", 'x,"y'): np.zeros(3),
        Series("purchase", "lonely"): np.ones(3),
    }
    rows = list(csv.reader(io.StringIO(submission_csv(DAYS, y_hat, ["purchase", "redeem"], FEN).decode())))
    assert [r[0] for r in rows] == ["a/b"] * 3 + ['x,"y'] * 3
    assert rows[3] == ['x,"y', "20140905", "0", "1"]


def test_a_series_without_an_entity_has_an_empty_field_in_a_panel() -> None:
    y_hat = {Series("sales", "A"): np.ones(3), Series("sales"): np.zeros(3)}
    lines = submission_csv(DAYS, y_hat, ["sales"], FEN).decode().splitlines()
    assert (lines[0], lines[3]) == ("A,20140905,1", ",20140905,0")


def test_decimals_and_signs_are_those_of_the_data() -> None:
    y_hat = {Series("net", "Zürich; 1"): np.array([-12.346, 0.001, 7.0])}
    text = submission_csv(DAYS, y_hat, ["net"], Amounts.of("panel", "EUR", 2, ("net",))).decode()
    assert [row.split(",")[-1] for row in text.splitlines()] == ["-12.35", "0.00", "7.00"]
    assert text.startswith("Zürich; 1,20140905,")


@pytest.mark.parametrize(
    ("kind", "targets", "named"),
    [
        ("yuebao", ["purchase", "redeem"], True),
        ("yuebao", ["redeem", "purchase"], False),
        ("yuebao", ["purchase"], False),
        ("table", ["purchase", "redeem"], False),
    ],
)
def test_the_result_table_has_its_name_where_it_has_its_columns(kind, targets, named) -> None:
    assert ("tc_comp_predict_table.csv" in submission_names(Amounts.of(kind, None), targets)) == named
    assert "submission.csv" in submission_names(Amounts.of(kind, None), targets)


def test_a_forecast_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        submission_csv(DAYS, {Series("purchase"): np.array([1.0, np.nan, 2.0])}, ["purchase"], FEN)
