from __future__ import annotations

from dataclasses import replace

import numpy as np

from ensembles.evaluation.run_results import RunResults
from ensembles.files.history_parquet import HistoryFile
from ensembles.report.flow_history import histories_of
from tests.ensembles.runs import failed_run, small_run


def with_history(results: RunResults, end: str) -> RunResults:
    """Actual values of 1 on every day before `end`."""
    days = np.arange("2013-07-01", end, dtype="datetime64[D]")
    names = np.repeat(np.array(["purchase", "redeem"], dtype=object), len(days))
    return replace(results, history=HistoryFile(names, np.tile(days, 2), np.ones(len(names))))


def test_a_run_without_a_blend_has_none() -> None:
    assert histories_of(failed_run()) == ()


def test_bands_are_given_for_single_series_only() -> None:
    assert set(histories_of(small_run())[0].bands) == {80, 95}
    assert histories_of(small_run(n_series=2))[0].bands == {}


def test_a_panel_is_summed_over_its_entities() -> None:
    results = small_run(n_series=3)
    histories = histories_of(results)
    assert [history.target for history in histories] == ["purchase", "redeem"]
    assert results.oof is not None
    frame = results.oof.to_arrow().to_pandas()
    one = frame[(frame.member == "blend") & (frame.unique_id.str.endswith("/redeem"))]
    np.testing.assert_allclose(histories[1].y, one.groupby("ds").y.sum())
    forecasts = np.concatenate([y_hat for _, y_hat in histories[1].windows])
    np.testing.assert_allclose(forecasts, one.groupby("ds").y_hat.sum())


def test_recent_days_reach_back_over_every_window() -> None:
    shown = histories_of(with_history(small_run(), "2014-06-01"))[0]
    assert (shown.ds[0], shown.ds[-1]) == (shown.windows[0][0][0], np.datetime64("2014-05-31"))


def test_recent_days_end_before_the_forecast() -> None:
    shown = histories_of(with_history(small_run(n_windows=1), "2014-04-02"))[0]
    first = min(shown.next_ds[0] - 120, shown.windows[0][0][0])
    assert (shown.ds[0], shown.ds[-1]) == (first, shown.next_ds[0] - 1)


def test_a_day_on_which_a_series_is_unknown_has_no_sum() -> None:
    results = small_run(n_series=2)
    days = np.arange("2014-04-01", "2014-06-01", dtype="datetime64[D]")
    names = np.repeat(np.array(["fund0/purchase", "fund1/purchase", "closed/purchase"], dtype=object), len(days))
    rows = np.ones(len(names), dtype=bool)
    rows[len(days) : len(days) + 5] = False  # fund1 begins later
    rows[2 * len(days) - 2 : 2 * len(days)] = False  # and is brought forward at the end
    history = HistoryFile(names[rows], np.tile(days, 3)[rows], np.ones(rows.sum()))
    shown = histories_of(replace(results, history=history))[0]
    assert list(shown.y[:6]) == [1, 1, 1, 1, 1, 2]
    assert shown.ds[-1] == np.datetime64("2014-05-29")
