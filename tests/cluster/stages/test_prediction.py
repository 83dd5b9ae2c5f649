"""A run's members meet new data: exactly the run on its own data, something new on newer ones, a sentence on others."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cluster.rundir.external import External
from cluster.rundir.store import RunStore
from cluster.stages.prediction import predict
from cluster.versions import code_of
from ensembles.files.forecast_parquet import ForecastFile
from forecasting.errors import DataError, StorageError, UserError
from forecasting.models import built_in_models
from tests.runs import edit, run, write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")

FAMILIES = """
seed: 3
data: {kind: table}
windows: {unit: day, n_windows: 2, horizon: 14}
members:
  - {model: seasonal-naive}
  - {model: weekday-median, k: 3}
  - {model: periodic-factor}
  - {model: calendar-level, level: [recent, mean-reverting]}
  - {model: arima, max_p: 1, max_q: 0, max_seasonal_p: 0}
  - {model: arima, name: arima-joint, max_p: 1, max_q: 0, max_seasonal_p: 0, calendar_in: joint}
  - {model: lightgbm-direct, rounds: 10, seeds: 2}
  - {model: lightgbm-recursive, rounds: 10}
  - {model: lstm-direct, input_size: 7, hidden_size: 4, epochs: 2, seeds: 2}
  - {model: lstm-classic, input_size: 7, hidden_size: 4, epochs: 2}
blend: {candidates: [mean]}
"""
END = "2024-07-04"
OTHERS = """
seed: 3
data: {kind: table, past: [rate]}
windows: {unit: day, n_windows: 2, horizon: 7, refit: false}
members:
  - {model: weekday-mean}
  - {model: smoothing}
  - {model: smoothing, name: theta, kind: theta}
  - {model: lightgbm-global, rounds: 5}
  - {model: lstm-global, input_size: 7, hidden_size: 4, epochs: 2}
  - {model: lstm-covariates, input_size: 7, hidden_size: 4, epochs: 2}
  - {model: lstm-price, input_size: 7, hidden_sizes: [4, 3], epochs: 2}
  - {model: lstm-price, name: price-gru, input_size: 7, hidden_sizes: [4], dense_size: null, epochs: 2, cell: gru,
     attention: true}
  - {model: file, path: mine.csv}
blend: {candidates: [mean]}
"""
"""Those that need prices, covariates, a file, or learn across series; fitted once, as articles are."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """data.csv to 18 July, and a run of every family on the days to 4 July in runs/a."""
    folder = tmp_path_factory.mktemp("predict")
    write_inputs(folder)
    (folder / "config.yaml").write_text(FAMILIES)
    done = run(folder, "runs/a", "--as-of", END)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copy(folder, tmp_path):
    """A run directory to spoil."""
    shutil.copytree(folder / "runs/a", tmp_path / "run")
    return tmp_path / "run"


def data(folder):
    return str(folder / "data.csv")


def by_member(forecast):
    frame = forecast.to_arrow().to_pandas()
    return {key: group["y_hat"].to_numpy() for key, group in frame.groupby(["unique_id", "member"])}


def stored_forecast(run_dir):
    return ForecastFile.from_bytes((Path(run_dir) / "forecast.parquet").read_bytes(), str(run_dir))


@pytest.mark.parametrize("update", [False, True])
def test_every_family_gives_its_own_forecast_again_on_the_data_it_was_trained_on(folder, update):
    made = predict(str(folder / "runs/a"), data(folder), as_of=END, update=update)
    assert made.notes == ()
    assert made.files["submission.csv"] == (folder / "runs/a/submission.csv").read_bytes()
    assert made.files["forecast.csv"] == (folder / "runs/a/forecast.csv").read_bytes()
    before = stored_forecast(folder / "runs/a")
    stored, again = by_member(before), by_member(made.forecast)
    assert len(again) == 2 * 14  # thirteen members and the blend, on two series
    assert stored.keys() == again.keys()
    for key, y_hat in again.items():
        np.testing.assert_array_equal(y_hat, stored[key], err_msg=str(key))


def write_prices(folder):
    """data.csv of two wandering prices and a rate, to 18 July; mine.csv with forecasts from each cutoff to 4 July."""
    random = np.random.default_rng(1)
    ds = np.arange("2024-01-01", "2024-07-19", dtype="datetime64[D]")
    y = np.rint(1e6 * np.exp(np.cumsum(random.normal(0, 0.01, (len(ds), 2)), axis=0))).astype(int)
    lines = [f"{d},{a},{b},{rate:.3f}" for d, (a, b), rate in zip(ds, y, random.random(len(ds)), strict=True)]
    (folder / "data.csv").write_text("ds,purchase,redeem,rate\n" + "\n".join(lines) + "\n")
    rows = [
        f"{uid},{cutoff + ahead},{cutoff},{1e6 + int(ahead)}"
        for uid in ("purchase", "redeem")
        for cutoff in np.datetime64(END) - np.array([14, 7, 0])
        for ahead in np.arange(1, 8)
    ]
    (folder / "mine.csv").write_text("unique_id,ds,cutoff,y_hat\n" + "\n".join(rows) + "\n")


def test_so_does_every_other_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_prices(tmp_path)
    (tmp_path / "config.yaml").write_text(OTHERS)
    done = run(tmp_path, "a", "--as-of", END)
    assert done.returncode == 0, done.stderr
    stored = by_member(stored_forecast("a"))
    for update in (False, True):
        made = predict("a", "data.csv", as_of=END, update=update, external=External(allowed=True))
        assert made.notes == ()
        assert made.files["submission.csv"] == (tmp_path / "a/submission.csv").read_bytes()
        again = by_member(made.forecast)
        assert len(again) == 2 * 10
        for key, y_hat in again.items():
            np.testing.assert_array_equal(y_hat, stored[key], err_msg=str(key))


def test_no_model_is_left_out_of_the_two_tests_above():
    assert set(re.findall(r"model: ([\w-]+)", FAMILIES + OTHERS)) == set(built_in_models())


def test_new_data_give_the_days_that_follow_them(folder, tmp_path):
    made = predict(str(folder / "runs/a"), data(folder))
    rows = made.files["submission.csv"].decode().split()
    assert len(rows) == 14
    assert (rows[0][:8], rows[-1][:8]) == ("20240719", "20240801")
    assert made.write(str(tmp_path / "out")) == str(tmp_path / "out")
    assert (tmp_path / "out/submission.csv").read_bytes() == made.files["submission.csv"]
    assert json.loads((tmp_path / "out/prediction.json").read_text())["cutoff"] == "2024-07-18"
    blend = by_member(made.forecast)["purchase", "blend"]
    assert blend.mean() == pytest.approx(
        np.loadtxt(data(folder), delimiter=",", skiprows=180, usecols=1).mean(), rel=0.3
    )


def test_by_default_the_files_go_into_the_run_directory(folder, copy):
    where = predict(str(copy), data(folder), as_of="2024-07-10").write()
    assert where == str(copy / "predictions/2024-07-10")
    assert (copy / "predictions/2024-07-10/submission.csv").stat().st_size > 0


def test_an_update_moves_those_that_hold_a_level_and_no_others(folder):
    made = (predict(str(folder / "runs/a"), data(folder), update=update) for update in (False, True))
    plain, updated = (by_member(each.forecast) for each in made)
    moved = {name for (uid, name), y_hat in plain.items() if (y_hat != updated[uid, name]).any()}
    assert moved == {"arima", "arima-joint", "lstm-classic/s00", "blend"}


def test_a_member_without_weight_need_not_be_there(folder, tmp_path):
    shutil.copy(folder / "data.csv", tmp_path)
    (tmp_path / "config.yaml").write_text(
        "data: {kind: table}\nwindows: {unit: day, n_windows: 4, horizon: 7}\n"
        "blend: {candidates: [best-single], tie: 0}\n"
        "members: [{model: weekday-median}, {model: calendar-level}, {model: seasonal-naive, reference: true}]\n"
    )
    assert run(tmp_path, "a").returncode == 0
    assert len(RunStore(str(tmp_path / "a")).storage.names("batches", ".safetensors")) < 3
    made = predict(str(tmp_path / "a"), data(folder))
    assert made.files["submission.csv"] == (tmp_path / "a/submission.csv").read_bytes()


def test_after_an_edit_the_trials_of_the_present_configuration_are_used(folder, tmp_path):
    shutil.copy(folder / "data.csv", tmp_path)
    (tmp_path / "config.yaml").write_text(
        "data: {kind: table}\nwindows: {unit: day, n_windows: 2, horizon: 7}\nrun: {keep: all}\n"
        "members: [{model: lightgbm-direct, rounds: 5}]\n"
    )
    for seed in (1, 2):
        assert run(tmp_path, "a", "--set", f"seed={seed}").returncode == 0
    made = predict(str(tmp_path / "a"), data(folder))
    assert made.files["submission.csv"] == (tmp_path / "a/submission.csv").read_bytes()


def test_other_values_of_known_days_are_noted(folder, tmp_path):
    lines = (folder / "data.csv").read_text().splitlines()
    (tmp_path / "data.csv").write_text("\n".join([lines[0], *lines[31:]]) + "\n")
    notes = predict(str(folder / "runs/a"), str(tmp_path / "data.csv")).notes
    assert notes == ("purchase, redeem: fewer values up to 2024-07-04 than those the run was trained on",)
    day, purchase, redeem = lines[31].split(",")
    (tmp_path / "data.csv").write_text("\n".join([*lines[:31], f"{day},{purchase}1,{redeem}", *lines[32:]]) + "\n")
    notes = predict(str(folder / "runs/a"), str(tmp_path / "data.csv")).notes
    assert notes == ("purchase: other values up to 2024-07-04 than those the run was trained on",)


@pytest.mark.parametrize(
    ("as_of", "text", "sentence"),
    [
        ("2024-06-30", None, "the data end on 2024-06-30, before the run's own, which end on 2024-07-04"),
        ("soon", None, "not a date"),
        (None, "ds,purchase\n2024-07-18,5\n", "redeem"),
        (None, "ds,purchase,redeem\n2024-07-17,5,6\n2024-07-18,5,6\n", "cannot be forecast"),
        (
            None,
            100,
            r"purchase, which the run forecasts, has .*00 on 2024-01-01 where the run had .* another unit",
        ),
    ],
)
def test_data_that_do_not_fit_get_a_sentence(folder, tmp_path, as_of, text, sentence):
    if isinstance(text, int):  # the same amounts in another unit
        head, *rows = [line.split(",") for line in (folder / "data.csv").read_text().splitlines()]
        text = "\n".join(",".join(r) for r in [head, *([d, f"{int(a) * 100}", f"{int(b) * 100}"] for d, a, b in rows)])
    (tmp_path / "data.csv").write_text(text or (folder / "data.csv").read_text())
    with pytest.raises(UserError, match=sentence):
        predict(str(folder / "runs/a"), str(tmp_path / "data.csv"), as_of=as_of)


def test_a_series_of_a_panel_concerns_itself_alone(folder, tmp_path):
    ds = np.arange("2024-01-01", "2024-05-01", dtype="datetime64[D]")
    (tmp_path / "config.yaml").write_text(
        "data: {kind: panel}\nwindows: {unit: day, n_windows: 2, horizon: 7}\nblend: {candidates: [mean]}\n"
        "members: [{model: weekday-median}, {model: lightgbm-global, rounds: 3}]\n"
    )

    def panel(*entities):
        rows = [
            f"{e}/{t},{d},{i % 7 + i * i % 11 + 1}"
            for e in entities
            for t in ("purchase", "redeem")
            for i, d in enumerate(ds)
        ]
        (tmp_path / "data.csv").write_text("unique_id,ds,y\n" + "\n".join(rows) + "\n")

    panel("a", "b")
    assert run(tmp_path, "runs/p").returncode == 0
    whole = (tmp_path / "runs/p/submission.csv").read_text().splitlines()
    panel("a")
    made = predict(str(tmp_path / "runs/p"), data(tmp_path))
    assert [note.partition(":")[0] for note in made.notes] == ["b/purchase, b/redeem are left out"]
    assert made.files["submission.csv"].decode().splitlines() == [line for line in whole if line.startswith("a,")]
    assert not any(uid.startswith("b/") for uid, _ in by_member(made.forecast))
    panel("a", "b")
    text = (tmp_path / "data.csv").read_text()
    (tmp_path / "data.csv").write_text(re.sub(r"(?m)^(b/redeem,.*)$", r"\g<1>00", text))
    (note,) = predict(str(tmp_path / "runs/p"), data(tmp_path)).notes
    assert note.startswith(
        "b/redeem is left out: it has 100 on 2024-01-01 where the run had 1, and others on most days"
    )
    panel("c")
    with pytest.raises(DataError, match="a/purchase, which the run forecasts, is missing from the data"):
        predict(str(tmp_path / "runs/p"), data(tmp_path))
    panel("a", "b", "c")
    made = predict(str(tmp_path / "runs/p"), data(tmp_path))
    assert ("b/redeem", "lightgbm-global/s00") in by_member(made.forecast)
    assert made.notes == ("c/purchase, c/redeem: not in the run's forecast, and without one here",)
    assert made.files["submission.csv"].decode().splitlines() == whole


def test_mid_month_data_under_months_name_the_day_to_cut_at(folder, tmp_path):
    shutil.copy(folder / "data.csv", tmp_path)
    (tmp_path / "config.yaml").write_text(
        "data: {kind: table}\nwindows: {unit: month, n_windows: 2}\nmembers: [{model: weekday-median}]\n"
    )
    assert run(tmp_path, "a", "--as-of", "2024-05-31").returncode == 0
    with pytest.raises(DataError, match=r"in mid-month.*--as-of 2024-06-30"):
        predict(str(tmp_path / "a"), data(tmp_path))
    assert predict(str(tmp_path / "a"), data(tmp_path), as_of="2024-06-30").window.horizon == 31


def test_more_days_than_a_network_has_outputs_are_refused(folder, copy):
    edit(copy / "run.json", lambda facts: facts["config"]["windows"].update(horizon=20))
    with pytest.raises(
        DataError, match=r"cannot be forecast .* by lstm-direct/s0.: .* fitted for 1 to 14 days ahead, not 1 to 20"
    ):
        predict(str(copy), data(folder))


def pruned(path):
    for file in (path / "batches").glob("*.safetensors"):
        file.unlink()


SPOILT = {
    "unfinished": (lambda p: edit(p / "run.json", lambda f: f.update(status="running")), "holds no finished run"),
    "schema": (lambda p: edit(p / "run.json", lambda f: f.update(schema_version=99)), "schema version 99"),
    "blend schema": (lambda p: edit(p / "blend.json", lambda f: f.update(schema_version=7)), "blend.json has schema"),
    "part of the blend": (
        lambda p: edit(p / "blend.json", lambda f: f["targets"]["redeem"].pop("apply")),
        r"blend.json is damaged \(targets.redeem.apply: Field required\): run the same command again",
    ),
    "changed blend": (lambda p: (p / "blend.json").write_text("{}"), "blend.json is damaged"),
    "keep none": (lambda p: edit(p / "run.json", lambda f: f["config"]["run"].update(keep="none")), "keep: none"),
    "pruned": (pruned, "no longer holds the fitted state of"),
    "settings": (
        lambda p: edit(p / "run.json", lambda f: f["config"]["members"][1].update(k=5)),
        "the settings of weekday-median have changed",
    ),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_run_that_cannot_be_used_gets_a_sentence(folder, copy, kind):
    spoil, sentence = SPOILT[kind]
    spoil(copy)
    with pytest.raises(StorageError, match=sentence):
        predict(str(copy), data(folder))


def test_states_of_other_versions_are_refused(folder, monkeypatch):
    now = code_of("lightgbm-direct")
    for code, sentence in (
        (now.model_copy(update={"version": 0}), "fitted by version 0 of its model and this is version"),
        (now.model_copy(update={"libraries": {**now.libraries, "lightgbm": "1.2.3"}}), "install lightgbm==1.2.3"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(RunStore, "trials", aged(RunStore.trials, code))
            with pytest.raises(StorageError, match=sentence):
                predict(str(folder / "runs/a"), data(folder))


def aged(trials, code):
    """`trials` with another code of LightGBM's batches."""
    return lambda store: {
        key: replace(trial, batch=trial.batch.model_copy(update={"code": code}))
        if "lightgbm" in trial.batch.code.libraries
        else trial
        for key, trial in trials(store).items()
    }


def test_a_directory_of_nothing_is_a_sentence(folder, tmp_path):
    with pytest.raises(StorageError, match="holds no finished run"):
        predict(str(tmp_path), data(folder))


@pytest.mark.parametrize(("array", "model"), [("model", "lightgbm"), ("parameters", "lstm")])
def test_damaged_states_are_named_before_anything_is_forecast(folder, monkeypatch, array, model):
    whole = RunStore.states

    def damaged(store, file):
        return {
            key: replace(state, arrays={**state.arrays, array: state.arrays[array][1:]})
            if array in state.arrays
            else state
            for key, state in whole(store, file).items()
        }

    monkeypatch.setattr(RunStore, "states", damaged)
    with pytest.raises(StorageError, match=rf"/batches/.* is damaged \({model}.*run again"):
        predict(str(folder / "runs/a"), data(folder))
