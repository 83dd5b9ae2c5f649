"""From stored trials to the blend's input: forecasts by member and series, whoever made them, and what failed."""

from dataclasses import replace

import numpy as np
import pytest

from cluster.config import parse_config
from cluster.cutting.batches import cut_batches
from cluster.execution.loop import LostBatch
from cluster.plan import make_plan
from cluster.rundir.batch_file import write_batch
from cluster.rundir.store import RunStore
from cluster.stages.collect import check_failures, collect_forecasts
from forecasting.backtest import series_of
from forecasting.errors import DataError, TooManyFailures
from forecasting.models.base import State
from forecasting.trial import Forecast, TrialFailure, TrialResult
from tests.cluster.batches import work_of
from tests.cluster.test_plan import ACROSS, funds


class Stored:
    """A planned run whose trials are answered by hand; `failed` (member, series or target) → reason."""

    def __init__(self, folder, failed, failed_series=None, lost=(), panel=None):
        self.panel = funds() if panel is None else panel
        self.plan = make_plan(parse_config(ACROSS, "x"), self.panel, "cpu")
        self.store = RunStore(str(folder))
        self.lost = []
        for batch in cut_batches(self.plan, self.plan.trials):
            if batch.trials[0].member.model in lost:
                self.lost.append(LostBatch(batch, "the worker died"))
                continue
            outcomes = [self._answer(trial, failed, failed_series or {}) for trial in batch.trials]
            write_batch(self.store.storage, work_of(batch.batch_id, model=batch.trials[0].member.model), outcomes)

    def _answer(self, trial, failed, failed_series):
        reason = failed.get((trial.member.name, trial.unique_id))
        if reason is not None:
            return TrialFailure(trial, reason)
        across = trial.member.learns_across
        broken = {uid: why for uid, why in failed_series.items() if across and uid in series_of(trial, self.panel)}
        forecasts = tuple(
            Forecast(uid, window.cutoff, np.full(window.horizon, self.value(trial.member.name, uid, w)))
            for uid in series_of(trial, self.panel)
            if uid not in broken
            for w, window in enumerate(self.plan.windows.all)
        )
        return TrialResult(trial, forecasts, State(), 1.0, broken)

    def value(self, name, uid, window):
        return 1000.0 * len(name) + 10.0 * self.panel.index(uid) + window

    def collected(self):
        return collect_forecasts(self.plan, self.panel, self.store, self.lost)


def test_every_place_of_the_cube_holds_its_own_forecast(tmp_path):
    run = Stored(tmp_path, {})
    done = run.collected()
    assert done.failures == ()
    for target, cube in done.cubes.items():
        assert cube.unique_ids == tuple(f"f{k}/{target}" for k in range(4))
        for m, info in enumerate(cube.members):
            for i, uid in enumerate(cube.unique_ids):
                assert [run.value(info.name, uid, w) for w in range(2)] == cube.y_hat[i, :, 0, m].tolist()
                assert (done.final[target][i, :, m] == run.value(info.name, uid, 2)).all()
    assert set(done.seconds.values()) == {8.0, 2.0}


def test_a_series_that_fails_alone_costs_the_member_where_others_can_forecast_it(tmp_path):
    done = Stored(tmp_path, {}, {"f1/redeem": "is too young"}).collected()
    assert {f.info.name: f.reason for f in done.failures} == {
        f"lightgbm-global/s0{s}": "f1/redeem: is too young" for s in (0, 1)
    }
    assert done.broken == {}
    assert done.n_failed == 2
    assert [m.name for m in done.cubes["purchase"].members] == ["weekday-mean"]


def test_a_series_that_nothing_forecasts_is_broken_and_sinks_no_member(tmp_path):
    done = Stored(tmp_path, {("weekday-mean", "f1/redeem"): "is a mess"}, {"f1/redeem": "is too young"}).collected()
    assert done.failures == ()
    assert list(done.broken) == ["f1/redeem"]
    assert done.broken["f1/redeem"] in {"is a mess", "is too young"}
    assert done.n_failed == 0
    assert done.cubes["redeem"].unique_ids == ("f0/redeem", "f2/redeem", "f3/redeem")
    assert len(done.cubes["purchase"].unique_ids) == 4
    assert len(done.cubes["redeem"].members) == 3


def test_a_constant_series_that_a_member_cannot_forecast_is_left_out_and_not_the_member(tmp_path):
    panel = funds()
    panel.y[panel.index("f1/redeem")] = 7.0
    run = Stored(tmp_path, {}, {"f1/redeem": "it does not vary"}, panel=panel)
    done = run.collected()
    assert done.failures == ()
    assert done.broken == {"f1/redeem": "never changes, and lightgbm-global/s00 cannot learn from it: it does not vary"}
    run.panel.y[:] = 7.0
    run.plan = replace(run.plan, constant=frozenset(run.panel.unique_ids))
    assert len(run.collected().failures) == 2


def short_panel(*short):
    """24 series of 200 days, some with 70 before the first cutoff."""
    panel = funds(n=12, days=200)
    for uid in short:
        panel.y[panel.index(uid), :116] = np.nan
    return panel


def test_a_few_series_too_short_for_a_member_are_failure_rows_and_the_member_stays(tmp_path):
    run = Stored(tmp_path, {}, {"f1/redeem": "holds 70 days"}, panel=short_panel("f1/redeem"))
    assert run.plan.short == {"f1/redeem"}
    done = run.collected()
    assert done.failures == ()
    assert done.broken == {"f1/redeem": "is short, and lightgbm-global/s00 cannot learn from it: holds 70 days"}
    assert len(done.cubes["redeem"].unique_ids) == 11
    check_failures(run.plan, done)


def test_many_series_too_short_for_a_member_cost_the_member_and_fail_no_run(tmp_path):
    short = [f"f{k}/{target}" for k in range(6) for target in ("purchase", "redeem")]
    failed = {("weekday-mean", uid): "holds 70 days" for uid in short}
    run = Stored(tmp_path, failed, panel=short_panel(*short))
    done = run.collected()
    assert [f.info.name for f in done.failures] == ["weekday-mean"]
    assert "holds 70 days" in done.failures[0].reason
    assert done.broken == {}
    assert len(done.cubes["redeem"].unique_ids) == 12
    assert len(failed) / len(run.plan.trials) > run.plan.config.run.max_failed_share
    check_failures(run.plan, done)
    ordinary = Stored(tmp_path / "ordinary", failed, panel=funds(n=12, days=200))
    with pytest.raises(TooManyFailures, match=r"12 of 28 trials failed"):
        check_failures(ordinary.plan, ordinary.collected())


@pytest.mark.parametrize("lost", [(), ("lightgbm-global",)])
def test_a_failed_global_trial_is_one_failed_trial(tmp_path, lost):
    failed = {} if lost else {("lightgbm-global/s01", "redeem"): "boom"}
    done = Stored(tmp_path, failed, lost=lost).collected()
    reason = "the worker died" if lost else "boom"
    assert all(reason in f.reason for f in done.failures)
    assert len(done.failures) == (2 if lost else 1)
    assert done.n_failed == (4 if lost else 1)
    assert done.reproducible == (not lost)


def with_unknown(windows, targets, funds_left_out=0):
    """The panel with these windows unknown for these targets' series, but for some."""
    panel = funds()
    y = panel.y.copy()
    for window in windows:
        for target in targets:
            for k in range(funds_left_out, 4):
                end = len(panel.ds) - 7 * (1 - window)
                y[panel.index(f"f{k}/{target}"), end - 7 : end] = np.nan
    return replace(panel, y=y)


def test_dates_of_the_windows_stand_in_the_cube(tmp_path):
    run = Stored(tmp_path, {})
    for cube in run.collected().cubes.values():
        np.testing.assert_array_equal(cube.ds, [window.ds for window in run.plan.windows.backtest])


def test_a_window_in_which_one_series_is_unknown_is_judged_by_the_others(tmp_path):
    done = Stored(tmp_path, {}, panel=with_unknown((0,), ("redeem",), funds_left_out=1)).collected()
    assert done.notes == ()
    assert len(done.windows) == 2
    assert np.isnan(done.cubes["redeem"].y[1:, 0]).all()
    assert not np.isnan(done.cubes["redeem"].y[0, 0]).any()


def test_a_window_in_which_a_target_is_unknown_is_left_out_with_a_sentence(tmp_path):
    run = Stored(tmp_path, {}, panel=with_unknown((0,), ("redeem",)))
    done = run.collected()
    assert done.windows == run.plan.windows.backtest[1:]
    start, end = run.plan.windows.backtest[0].start, run.plan.windows.backtest[0].end
    assert done.notes == (f"the window {start} to {end} is left out: no amount of redeem is known",)
    for cube in done.cubes.values():
        assert cube.cutoffs == (run.plan.windows.backtest[1].cutoff,)
        assert cube.y.shape == cube.y_hat.shape[:3] == (4, 1, 7)


def test_without_a_window_that_can_be_judged_there_is_a_sentence(tmp_path):
    sentence = r"no backtest window can be judged: .+ no amount of purchase or redeem is known"
    with pytest.raises(DataError, match=sentence):
        Stored(tmp_path, {}, panel=with_unknown((0, 1), ("purchase", "redeem"))).collected()
