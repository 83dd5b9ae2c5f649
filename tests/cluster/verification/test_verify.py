"""`tidecast verify`: what it says of a run as it was written, and of one that was not."""

import json
import shutil

import numpy as np
import pytest

from cluster.rundir.store import RunStore
from tests.runs import edit, run, tidecast, write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")

CONFIG = """
seed: 3
data: {kind: table}
windows: {unit: day, n_windows: 2, horizon: 14}
members:
  - {model: seasonal-naive}
  - {model: seasonal-naive, season_length: 366, name: too-long}
  - {model: lightgbm-direct, rounds: 5}
  - {model: lstm-direct, input_size: 7, hidden_size: 4, epochs: 2, seeds: 2}
run: {max_failed_share: 0.5}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify")
    write_inputs(folder)
    (folder / "config.yaml").write_text(CONFIG)
    assert run(folder, "whole").returncode == 0
    assert tidecast(folder, "predict", "whole", "--data", "data.csv").returncode == 0
    return folder


@pytest.fixture
def copy(folder, request):
    path = folder / "copy"
    shutil.copytree(folder / "whole", path)
    yield path
    shutil.rmtree(path)


def verify(folder, run_dir, *arguments):
    done = tidecast(folder, "verify", run_dir, "--json", *arguments)
    return done.returncode, {check["what"]: check for check in json.loads(done.stdout)}


def test_a_run_as_it_was_written(folder):
    code, checks = verify(folder, "whole", "--data", "data.csv", "--retrain", "1")
    assert (code, {check["status"] for check in checks.values()}) == (0, {"ok"})
    assert checks["trials"]["detail"] == "10 of 10 trained again, the same to the last bit"
    assert list(checks) == ["run.json", "results", "batches", "events", "predictions", "versions", "data", "trials"]
    lines = tidecast(folder, "verify", "whole").stdout.splitlines()
    assert lines[-1].split() == ["not", "checked", "data", "give", "--data"]
    assert len(lines) == 7


def test_all_trials_are_trained_again_of_a_run_whose_plan_became_known_later(folder, request):
    """The plan is read as of the run's end, which leaves out rows that trials depend on: these are the run's."""
    request.addfinalizer(lambda: shutil.rmtree(folder / "planned"))
    last = np.datetime64("2024-01-01") + 199
    rows = [(last - 20, last + 5), (last - 18, last - 12), (last - 16, last - 40), (last + 2, last + 1)]
    table = "".join(f"{day},purchase,1000,{known}\n" for day, known in rows)
    (folder / "plan.csv").write_text("date,series,amount,known\n" + table)
    keys = ("data.planned=plan.csv", "members=[{model: seasonal-naive}, {model: weekday-median}]")
    done = tidecast(folder, "run", "config.yaml", "--data", "data.csv", "--run-dir", "planned", "--executor", "local",
                    *(part for key in keys for part in ("--set", key)))  # fmt: skip
    assert done.returncode == 0, done.stderr
    code, checks = verify(folder, "planned", "--data", "data.csv", "--retrain", "1", "--allow-external")
    assert code == 0
    assert checks["trials"]["detail"] == "4 of 4 trained again, the same to the last bit"
    later = "; 1 row that became known later is taken from run.json"
    assert checks["plan"]["detail"] == f"amounts planned up to {last}, as the run had them{later}"
    (folder / "plan.csv").write_text(table.join(("date,series,amount,known\n", "")).replace("1000", "1001"))
    code, checks = verify(folder, "planned", "--data", "data.csv", "--retrain", "1", "--allow-external")
    assert (code, checks["plan"]["status"], "trials" in checks) == (2, "differs", False)


def test_trials_that_are_not_stored_are_counted(folder, monkeypatch):
    monkeypatch.setattr("forecasting.models.naive.SeasonalNaive.version", 99)
    code, checks = verify(folder, "whole", "--data", "data.csv", "--retrain", "1")
    assert code == 0
    assert checks["trials"]["detail"] == (
        "6 of 6 trained again, the same to the last bit; 4 of all 10 are not stored by this version of their model, "
        "and not compared"
    )


def test_what_is_not_known_is_not_checked(folder):
    code, checks = verify(folder, "whole", "--data", "data.csv")
    assert (code, checks["trials"]["status"]) == (0, "not checked")
    done = tidecast(folder, "verify", "whole", "--retrain", "0.5")
    assert (done.returncode, done.stderr) == (
        2,
        "tidecast: --retrain: training needs the data of the run: give --data too\n",
    )
    assert "holds no run" in tidecast(folder, "verify", "nowhere").stderr


def test_other_data_are_told_and_later_days_do_not_matter(folder):
    lines = (folder / "data.csv").read_text().splitlines()
    (folder / "later.csv").write_text("\n".join([*lines, "2024-07-19,5,5"]) + "\n")
    (folder / "other.csv").write_text("\n".join(lines).replace(lines[7], "2024-01-07,1,1") + "\n")
    assert verify(folder, "whole", "--data", "later.csv")[1]["data"]["status"] == "ok"
    code, checks = verify(folder, "whole", "--data", "other.csv", "--retrain", "1")
    assert (code, checks["data"]["status"], "trials" in checks) == (2, "differs", False)


def damaged(path, name):
    data = bytearray((path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (path / name).write_bytes(data)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("run.json", "run.json"),
        ("digests.json", "results"),
        ("submission.csv", "results"),
        ("report.html", "results"),
        ("oof.parquet", "results"),
        ("events.jsonl", "events"),
        ("predictions/2024-07-18/forecast.csv", "predictions"),
        ("predictions/2024-07-18/prediction.json", "predictions"),
    ],
)
def test_a_changed_file_is_named(folder, copy, name, what):
    damaged(copy, name)
    code, checks = verify(folder, "copy")
    assert (code, checks[what]["status"]) == (2, "damaged")
    assert name in checks[what]["detail"]


def test_an_emptied_course_of_the_run_is_named_also_after_a_new_report(folder, copy):
    (copy / "events.jsonl").write_bytes(b"")
    assert tidecast(folder, "report", "copy").returncode == 0
    code, checks = verify(folder, "copy")
    assert (code, checks["results"]["status"]) == (2, "damaged")
    assert "events.jsonl is damaged" in checks["results"]["detail"]


def test_changed_and_lost_batches_are_named(folder, copy):
    names = sorted(path.name for path in (copy / "batches").iterdir())
    for name in names[:2]:
        damaged(copy / "batches", name)
    done = tidecast(folder, "verify", "copy")
    assert done.returncode == 2
    (copy / "leaderboard.csv").unlink()
    (copy / "notes.txt").write_text("mine")
    again = tidecast(folder, "verify", "copy").stdout
    assert "leaderboard.csv" in again
    assert "notes.txt: not written by the run" in again


def test_trials_that_come_out_differently_are_named(folder, monkeypatch):
    forecasts = RunStore.forecasts

    def changed(store, trials):
        return {
            key: {cutoff: y_hat + 1e-9 * y_hat for cutoff, y_hat in made.items()}
            for key, made in forecasts(store, trials).items()
        }

    monkeypatch.setattr(RunStore, "forecasts", changed)
    code, checks = verify(folder, "whole", "--data", "data.csv", "--retrain", "1")
    assert (code, checks["trials"]["status"]) == (2, "differs")
    assert checks["trials"]["detail"].startswith("8 of 10 trained again came out differently: ")


def test_another_machine_or_package_set_is_not_comparable(folder, copy):
    for change, reason in (
        (lambda facts: facts["environment"].update(processor="Z80"), "the run was trained on Z80, and this is "),
        (lambda facts: facts["environment"]["libraries"].update(numpy="1.0"), "other libraries: numpy 1.0 then"),
        (lambda facts: facts.update(device="cuda"), "the run was trained on a GPU, and here is none"),
    ):
        edit(copy / "run.json", change)
        code, checks = verify(folder, "copy", "--data", "data.csv", "--retrain", "0.1")
        assert (code, checks["trials"]["status"]) == (0, "not comparable")
        assert reason in checks["trials"]["detail"]
        shutil.copy(folder / "whole/run.json", copy / "run.json")
    assert verify(folder, "copy")[1]["versions"]["status"] == "ok"


def test_a_run_that_is_not_done_has_no_results_to_check(folder, copy):
    edit(copy / "run.json", lambda facts: facts.update(status="running"))
    (copy / "digests.json").unlink()
    code, checks = verify(folder, "copy")
    assert (code, checks["results"]["detail"]) == (0, "the run has not come to an end")


def test_a_damaged_run_goes_on_and_a_damaged_result_is_written_again(folder, copy):
    batch = next((copy / "batches").glob("*.parquet"))
    damaged(copy / "batches", batch.name)
    damaged(copy, "run.json")
    damaged(copy, "leaderboard.json")
    assert "leaderboard.json is damaged" in tidecast(folder, "leaderboard", "copy").stderr
    done = run(folder, "copy")
    assert done.returncode == 0
    assert "run.json is damaged" in done.stderr
    assert (
        f"{batch.name} is damaged (its header" in done.stderr or f"{batch.name} is damaged (its content" in done.stderr
    )
    assert (copy / "submission.csv").read_bytes() == (folder / "whole/submission.csv").read_bytes()
    assert verify(folder, "copy")[0] == 0
    for name in ("forecast.csv", "report.html", "leaderboard.csv", "submission.csv"):
        damaged(copy, name)
    assert verify(folder, "copy")[0] == 2
    assert tidecast(folder, "report", "copy").returncode == 0
    assert verify(folder, "copy")[0] == 0
    assert (copy / "submission.csv").read_bytes() == (folder / "whole/submission.csv").read_bytes()
    assert (copy / "forecast.csv").read_bytes() == (folder / "whole/forecast.csv").read_bytes()
