from dataclasses import replace

from cluster.config import parse_config
from cluster.plan import cut_batches, make_plan
from tests.forecasting.test_contract import make_panel

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
