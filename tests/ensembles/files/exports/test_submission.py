from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from ensembles.files.exports.submission import submission_csv
from forecasting.schema import as_dates

DAYS = as_dates(["2014-09-05", "2014-09-06", "2014-09-28"])


def test_submission_is_dates_and_whole_numbers_without_header() -> None:
    y_hat = {"purchase": np.array([1.5, 1e17, -3.0]), "redeem": np.array([2.5, 0.4, 7.0])}
    text = submission_csv(DAYS, y_hat, ["purchase", "redeem"]).decode()
    assert text == "20140905,2,2\n20140906,100000000000000000,0\n20140928,0,7\n"


def test_a_panel_names_the_entity_first_and_leaves_out_incomplete_ones() -> None:
    y_hat = {
        "a/b/purchase": np.ones(3),
        "x,y/redeem": np.ones(3),
        "a/b/redeem": np.ones(3),
        "x,y/purchase": np.zeros(3),
    }
    y_hat["lonely/purchase"] = np.ones(3)
    rows = list(csv.reader(io.StringIO(submission_csv(DAYS, y_hat, ["purchase", "redeem"]).decode())))
    assert [r[0] for r in rows] == ["a/b"] * 3 + ["x,y"] * 3
    assert rows[3] == ["x,y", "20140905", "0", "1"]


def test_a_forecast_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        submission_csv(DAYS, {"purchase": np.array([1.0, np.nan, 2.0])}, ["purchase"])
