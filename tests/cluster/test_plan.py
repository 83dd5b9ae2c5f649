from dataclasses import replace

import numpy as np
import pytest

from cluster.config import parse_config
from cluster.cutting.batches import cut_batches, gpu_memory_of
from cluster.cutting.cost import GpuTiming
from cluster.execution.resources import CONTEXT, ClusterResources, Node, slots_for
from cluster.plan import check_memory, check_windows, make_plan
from forecasting.backtest import peers_of
from forecasting.calendar import Calendar
from forecasting.errors import ConfigError
from forecasting.models.arima import Arima, ArimaSettings
from forecasting.panel import Panel, Series
from forecasting.testing import make_panel

RAW = {
    "windows": {"n_windows": 2},
    "members": [
        {"model": "weekday-mean", "k": 4},
        {"model": "lstm-direct", "input_size": [7, 14], "hidden_size": 4, "seeds": 5},
    ],
}


def keys(raw=RAW, panel=None, device="cpu"):
    plan = make_plan(parse_config(raw, "x"), panel or make_panel(), device)
    return {(t.member.name, t.unique_id): t.trial_key for t in plan.trials}


def test_every_member_meets_every_series():
    assert len(keys()) == (1 + 10) * 2
    assert len(set(keys().values())) == 22


def test_changing_one_member_changes_its_trials_alone():
    edited = {**RAW, "members": [{"model": "weekday-mean", "k": 5}, RAW["members"][1]]}
    before, after = keys(), keys(edited)
    assert {name for name, _ in before if before[name, "purchase"] != after[name, "purchase"]} == {"weekday-mean"}


def test_a_key_follows_the_data_its_trial_reads():
    panel = make_panel()
    y = panel.y.copy()
    y[0, 5] += 1
    before, after = keys(), keys(panel=replace(panel, y=y))
    assert all((before[k] != after[k]) == (k[1] == "purchase") for k in before)


def test_gaps_of_rates_are_part_of_the_keys_of_members_that_read_them():
    panel = make_panel()
    covariates = {"model": "lstm-covariates", "hidden_size": 4}
    members = [*RAW["members"], covariates, {**covariates, "as_published": True}]
    some = np.zeros(panel.past.shape, dtype=bool)
    some[:, 5] = True
    raw, other = {**RAW, "members": members}, some.copy()
    other[:, 6] = True
    whole, gaps, more = (keys(raw, replace(panel, carried=carried)) for carried in (None, some, other))
    assert {name for name, _ in whole if whole[name, "redeem"] != gaps[name, "redeem"]} == {
        "lstm-covariates (as published)/s00"
    }
    assert len({k["lstm-covariates (as published)/s00", "purchase"] for k in (whole, gaps, more)}) == 3


def test_a_key_follows_seed_windows_and_the_device_of_stacked_models():
    base = keys()
    assert not set(base.values()) & set(keys({**RAW, "seed": 2}).values())
    assert not set(base.values()) & set(keys({**RAW, "windows": {"n_windows": 1}}).values())
    moved = keys(device="cuda")
    assert {name for name, uid in base if base[name, uid] != moved[name, uid]} == {n for n, _ in base if "lstm" in n}


def test_batches_hold_each_trial_once_and_one_setting_each():
    plan = make_plan(parse_config({**RAW, "cluster": {"fits_per_batch": 12}}, "x"), make_panel(), "cpu")
    batches = cut_batches(plan, plan.trials)
    assert sorted(t.trial_key for b in batches for t in b.trials) == sorted(t.trial_key for t in plan.trials)
    for batch in batches:
        assert len({(t.member.model, t.member.setting) for t in batch.trials}) == 1
        assert batch.n_fits == 3 * len(batch.trials)
        assert batch.n_fits <= 12 or not batch.stacked
    assert [b.cost for b in batches] == sorted((b.cost for b in batches), reverse=True)
    assert len({b.batch_id for b in batches}) == len(batches)


def test_halves_are_the_same_work():
    plan = make_plan(parse_config(RAW, "x"), make_panel(), "cpu")
    batch = max(cut_batches(plan, plan.trials), key=lambda b: len(b.trials))
    left, right = batch.halves()
    assert left.trials + right.trials == batch.trials
    assert left.n_fits + right.n_fits == batch.n_fits


def on_gpus(gpus=8, share=0.25, memory=80, **cluster):
    """A plan of one LSTM in two sizes and a rule, and the places of a machine with GPUs."""
    config = parse_config({**RAW, "cluster": {"gpus_per_worker": share, **cluster}}, "x")
    plan = make_plan(config, make_panel(), "cuda")
    return plan, slots_for(config.cluster, ClusterResources((Node(64, gpus, memory << 30),)), "cuda")


def test_on_gpus_each_trial_is_in_one_batch_and_series_lie_together():
    plan, slots = on_gpus()
    batches = cut_batches(plan, plan.trials, slots)
    assert sorted(t.trial_key for b in batches for t in b.trials) == sorted(t.trial_key for t in plan.trials)
    assert {b.device for b in batches if b.stacked} == {"cuda"}
    assert {b.device for b in batches if not b.stacked} == {"cpu"}
    for batch in batches:
        assert len({t.member.setting for t in batch.trials}) == 1
        if batch.stacked:
            assert [t.unique_id for t in batch.trials] == sorted(t.unique_id for t in batch.trials)


def test_more_workers_get_more_batches_where_that_ends_sooner():
    cost = {"batch": 0.5, "fit": 0.1, "least": 0}
    counts = [
        sum(b.stacked for b in cut_batches(plan, plan.trials, slots))
        for plan, slots in (on_gpus(n, 1, gpu_cost=cost) for n in (1, 8))
    ]
    assert counts[0] < 8 <= counts[1]


def test_a_batch_on_a_gpu_fits_into_the_share_of_a_worker():
    plan, _ = on_gpus()
    model = next(t.member for t in plan.trials if t.member.model == "lstm-direct").build()
    two = gpu_memory_of(plan, model, 2 * 3)
    slots = replace(on_gpus()[1], gpus_per_worker=1.0, resources=ClusterResources((Node(64, 8, CONTEXT + two),)))
    batches = [b for b in cut_batches(plan, plan.trials, slots) if b.stacked]
    assert max(len(b.trials) for b in batches) <= 2
    small = replace(slots, resources=ClusterResources((Node(64, 8, CONTEXT + two // 3),)))
    with pytest.raises(ConfigError, match=r"a trial of lstm-direct needs .* MiB .* raise cluster.gpus_per_worker"):
        cut_batches(plan, plan.trials, small)


def test_fits_per_batch_holds_on_gpus_as_it_is_set():
    plan, slots = on_gpus(fits_per_batch=12)
    sizes = sorted(b.n_fits for b in cut_batches(plan, plan.trials, slots) if b.stacked)
    assert sizes == [6, 6, 12, 12, 12, 12]


def test_batches_on_gpus_follow_the_timings_of_the_run():
    plan, slots = on_gpus(1, 1)
    slow = [GpuTiming("lstm-direct", 0.045, n, 100.0 + 5.0 * n) for n in (10, 20, 400)]
    expected, known = (cut_batches(plan, plan.trials, slots, timings) for timings in ((), slow))
    assert max(b.cost for b in known) > 100 > max(b.cost for b in expected)


def test_a_batch_on_a_gpu_ends_well_before_it_is_given_up():
    plan, slots = on_gpus(1, 1, batch_seconds=20.0, gpu_cost={"batch": 0.0, "fit": 1.0, "least": 0})
    costs = [b.cost for b in cut_batches(plan, plan.trials, slots) if b.stacked]
    assert 1 < max(costs) <= 10


def test_cpus_are_cut_as_ever_whatever_the_places():
    plan = make_plan(parse_config(RAW, "x"), make_panel(), "cpu")
    there = ClusterResources((Node(64, 8, 80 << 30),))
    slots = slots_for(plan.config.cluster, there, "cpu")
    timings = [GpuTiming("lstm-direct", 0.045, 10, 100.0)]
    assert cut_batches(plan, plan.trials, slots, timings) == cut_batches(plan, plan.trials)
    assert {b.n_fits for b in cut_batches(plan, plan.trials) if b.stacked} == {15}


ACROSS = {
    "data": {"kind": "panel"},
    "windows": {"unit": "day", "n_windows": 2, "horizon": 7},
    "members": [{"model": "weekday-mean"}, {"model": "lightgbm-global", "seeds": 2}],
}


def funds(n=4, days=120):
    ds = np.datetime64("2025-01-01") + np.arange(days)
    series = tuple(Series(target, f"f{k}") for k in range(n) for target in ("purchase", "redeem"))
    y = np.random.default_rng(0).integers(1, 1000, (2 * n, days)).astype(float)
    return Panel(ds, series, y, np.zeros((2 * n, days, 0)), (), Calendar())


def test_a_member_that_learns_across_has_one_trial_per_target():
    plan = make_plan(parse_config(ACROSS, "x"), funds(), "cpu")
    units = [(t.member.name, t.unique_id) for t in plan.trials if t.member.learns_across]
    assert sorted(units) == [(f"lightgbm-global/s0{s}", t) for s in (0, 1) for t in ("purchase", "redeem")]
    assert len(plan.trials) == 8 + 4
    batches = {b.trials[0].member.model: b for b in cut_batches(plan, plan.trials)}
    one = 3 * 4 * next(t.member for t in plan.trials if t.member.learns_across).build().seconds_per_fit
    assert batches["lightgbm-global"].cost == pytest.approx(one * len(batches["lightgbm-global"].trials))


def test_its_key_follows_every_series_of_its_target():
    panel = funds()
    y = panel.y.copy()
    y[panel.index("f3/redeem"), 5] += 1
    before, after = keys(ACROSS, panel), keys(ACROSS, replace(panel, y=y))
    changed = {unit for unit in before if before[unit] != after[unit]}
    assert changed == {
        ("weekday-mean", "f3/redeem"),
        ("lightgbm-global/s00", "redeem"),
        ("lightgbm-global/s01", "redeem"),
    }


def test_a_large_panel_of_arimas_follows_its_sample_too():
    raw = {**ACROSS, "members": [{"model": "weekday-mean"}, {"model": "arima", "order_sample": 3}]}
    panel = funds()
    (sampled, *_), (other,) = _sample_and_rest(panel)
    for uid, expected in ((sampled, {f"f{k}/redeem" for k in range(4)}), (other, {other})):
        y = panel.y.copy()
        y[panel.index(uid), 5] += 1
        before, after = keys(raw, panel), keys(raw, replace(panel, y=y))
        changed = {unit for unit in before if before[unit] != after[unit]}
        assert changed == {("weekday-mean", uid), *(("arima", unit) for unit in expected)}
    few = {**raw, "members": [{"model": "arima", "order_sample": 4}]}  # no more series than the sample would have
    before, after = keys(few, panel), keys(few, replace(panel, y=y))
    assert {unit for unit in before if before[unit] != after[unit]} == {("arima", other)}


def _sample_and_rest(panel):
    """Series of redeem on which three-series ARIMAs choose their orders, and the others."""
    sample = peers_of(Arima(ArimaSettings(order_sample=3)), panel, "redeem")
    return sample, [s.unique_id for s in panel.series if s.target == "redeem" and s.unique_id not in sample]


def test_series_that_no_window_can_judge_have_a_reason_and_no_trials():
    panel = funds()
    panel.y[panel.index("f0/purchase"), :60] = np.nan  # 46 days up to the first cutoff
    panel.y[panel.index("f1/purchase"), :50] = np.nan  # 56 days
    panel.y[panel.index("f2/redeem"), :110] = 7.0  # forecast as 7
    panel.y[panel.index("f3/redeem"), :110] = 0.0  # forecast as 0
    plan = make_plan(parse_config(ACROSS, "x"), panel, "cpu")
    assert plan.broken == {
        "f0/purchase": "holds 46 days up to 2025-04-16, the first cutoff, and 56 are needed: "
        "use fewer windows, or give it more history",
    }
    assert plan.notes == ("f0/purchase is left out: it " + plan.broken["f0/purchase"],)
    assert plan.constant == {"f2/redeem", "f3/redeem"}
    assert not {t.unique_id for t in plan.trials} & plan.broken.keys()


def test_a_short_panel_is_not_broken_for_being_short_nor_is_a_single_series():
    assert not make_plan(parse_config(ACROSS, "x"), funds(days=50), "cpu").broken
    panel = make_panel()
    assert not make_plan(parse_config(RAW, "x"), replace(panel, y=np.ones_like(panel.y)), "cpu").broken


def test_keys_say_how_unusual_amounts_are_seen(monkeypatch):
    panel = funds()
    panel.y[panel.index("f3/redeem"), 5] = 0.0
    panel.y[panel.index("f0/purchase"), :20] = np.nan  # begins later, which is usual
    before = keys(ACROSS, panel)
    monkeypatch.setattr("cluster.plan.VERSION", 99)
    changed = {unit for unit, key in keys(ACROSS, panel).items() if before[unit] != key}
    assert changed == {
        ("weekday-mean", "f3/redeem"),
        ("lightgbm-global/s00", "redeem"),
        ("lightgbm-global/s01", "redeem"),
    }


def test_a_plan_that_does_not_fit_into_memory_is_refused_with_the_numbers():
    config, panel = parse_config(ACROSS, "x"), funds(n=500)
    windows = check_windows(config, panel)
    check_memory(config, panel, windows, 1 << 30)
    check_memory(config, panel, windows, None)
    with pytest.raises(
        ConfigError, match=r"1,000 series with 3 members need about 0\.2 GB .* and 0\.1 GB are free: use"
    ):
        check_memory(config, panel, windows, 100 << 20)
    more = parse_config({**ACROSS, "members": [{"model": "lightgbm-global", "seeds": 400}]}, "x")
    with pytest.raises(ConfigError, match="1,000 series with 400 members"):
        check_memory(more, panel, windows, 1 << 30)
