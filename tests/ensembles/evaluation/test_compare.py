from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ensembles.evaluation.compare import compare
from ensembles.evaluation.run_results import RunResults
from ensembles.exports.comparison import comparison_csv, comparison_rows
from ensembles.report.page import render_comparison
from forecasting.errors import ConfigError
from tests.ensembles.runs import RUN, changed, small_run


def with_config(data: RunResults, **config: Any) -> RunResults:
    return changed(data, config={**RUN.config, **config})


def moved(data: RunResults, share: float) -> RunResults:
    """The same run with the blend's forecasts this much closer to the truth."""
    closer = data.oof.y_hat + share * (data.oof.y - data.oof.y_hat)
    return replace(data, oof=replace(data.oof, y_hat=np.where(data.oof.member == "blend", closer, data.oof.y_hat)))


def test_a_run_that_is_closer_every_day_is_ahead_with_its_interval() -> None:
    data = small_run()
    found = compare([("first", data), ("second", moved(data, 0.5)), ("same", data)])
    first, second, same = found.runs
    assert first.ahead is None
    assert first.score is not None
    assert first.score.value == pytest.approx(data.board.rows[0].score, abs=1e-6)
    assert second.ahead is not None
    assert second.ahead.low > 0
    assert second.n_shared == 4
    assert same.ahead is not None
    assert (same.ahead.value, same.ahead.low, same.ahead.high) == (0.0, 0.0, 0.0)


def test_windows_in_common_are_enough() -> None:
    data = small_run()
    later = data.oof.where(data.oof.cutoff > data.oof.cutoff[0])
    shorter = compare([("four", data), ("later", replace(data, oof=later))]).runs[1]
    assert shorter.n_shared == 3
    assert shorter.ahead is not None


def test_the_same_days_must_have_the_same_values() -> None:
    data = small_run()
    other = replace(data, oof=replace(data.oof, y=data.oof.y + 1.0))
    assert compare([("a", data), ("b", other)]).runs[1].note == "other actual values on the same days"


def test_runs_that_share_nothing_say_why() -> None:
    data = small_run()
    none = replace(data, blend=None, oof=None, forecast=None)
    panel = small_run(n_series=2)
    other = changed(data, weights={"inflow": 1.0})
    notes = [run.note for run in compare([("a", data), ("b", none), ("c", panel), ("d", other)]).runs]
    assert notes == ["", "no blend", "no window of the same series in common", "other targets"]


def test_changes_are_listed_by_key_and_member() -> None:
    data, arima = small_run(), {"model": "arima", "name": None}
    first = with_config(data, members=[arima, {"model": "lstm", "seeds": 4}], blend={"tie": 0.1})
    second = with_config(data, members=[arima, {"model": "lstm", "seeds": 8}], blend={"tie": 0.2})
    changes = {c.key: c.values for c in compare([("a", first), ("b", second)]).changes}
    assert changes == {
        "blend.tie": ("0.1", "0.2"),
        "member lstm seeds=4": ("yes", "–"),
        "member lstm seeds=8": ("–", "yes"),
    }
    assert compare([("a", first), ("b", first)]).changes == ()


def test_one_run_is_no_comparison() -> None:
    with pytest.raises(ConfigError, match="needs two runs"):
        compare([("alone", small_run())])


def test_rows_csv_and_page() -> None:
    data = small_run()
    hostile = "<script>alert(1)</script>'\"😀"
    found = compare([("first", data), (hostile, moved(with_config(data, calendar=hostile), 0.5))])
    rows = list(csv.reader(io.StringIO(comparison_csv(found).decode())))
    assert [row[0] for row in rows[1:3]] == ["first", hostile]
    assert float(rows[2][rows[0].index("ahead")]) == comparison_rows(found)[1]["ahead"]
    assert ["calendar", "CN", hostile] in rows
    html = render_comparison(found)
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "http" not in html.replace("http-equiv", "")


def test_what_an_older_file_leaves_out_has_not_changed() -> None:
    data = small_run()
    now = {"members": [{"model": "arima", "reference": False, "days": None}], "windows": {"split": None, "n": 4}}
    before = {"members": [{"model": "arima"}], "windows": {"n": 4}}
    found = compare([("before", with_config(data, **before)), ("now", with_config(data, **now))])
    assert found.changes == ()
    found = compare([("with", with_config(data, calendar="CN")), ("without", with_config(data, calendar=None))])
    assert [(change.key, change.values) for change in found.changes] == [("calendar", ("CN", "–"))]


def test_the_page_says_who_is_ahead() -> None:
    data = small_run()
    page = render_comparison(compare([("first", data), ("second", moved(data, 0.5)), ("same", data)]))
    assert "the others are compared with this one" in page
    assert "<td>ahead</td>" in page
    assert "<td>the same</td>" in page
