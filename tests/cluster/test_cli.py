"""Whole runs in one process: what comes out, what is reused, and what bad input gets."""

import json
import shutil
import sys

import pytest

from forecasting.sample.write import write_sample
from tests.runs import run, tidecast, write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Inputs and one finished run in runs/a."""
    folder = tmp_path_factory.mktemp("cli")
    write_inputs(folder)
    done = run(folder, "runs/a")
    assert done.returncode == 0, done.stderr
    assert "blend" in done.stdout
    assert "runs/a" in done.stdout
    return folder


def submission(folder, run_dir):
    return (folder / run_dir / "submission.csv").read_bytes()


def test_a_run_writes_every_file_of_the_contract(folder):
    run_dir = folder / "runs/a"
    names = (
        "submission.csv forecast.csv forecast.parquet oof.parquet leaderboard.csv leaderboard.json blend.json run.json"
    )
    for name in [*names.split(), "report.html", "events.jsonl"]:
        assert (run_dir / name).stat().st_size > 0, name
    rows = submission(folder, "runs/a").decode().split()
    assert len(rows) == 14
    assert not (run_dir / "tc_comp_predict_table.csv").exists()
    assert all(len(row.split(",")) == 3 and all(cell.isdigit() for cell in row.split(",")) for row in rows)
    board = json.loads((run_dir / "leaderboard.json").read_text())
    assert [row["family"] for row in board["rows"]].count("blend") == 1
    assert {row["family"] for row in board["rows"]} == {"blend", "candidate", "naive", "calendar", "gbm", "lstm"}
    facts = json.loads((run_dir / "run.json").read_text())
    assert (facts["status"], facts["failed"], facts["reproducible"]) == ("done", 0, True)


def test_the_competition_gets_its_result_table_by_its_own_name(tmp_path):
    write_sample(tmp_path / "data", users=20, days=120)
    config = (
        "{data: {kind: yuebao}, windows: {unit: day, n_windows: 2, horizon: 7}, members: [{model: seasonal-naive}]}"
    )
    (tmp_path / "config.yaml").write_text(config)
    made = tidecast(tmp_path, "run", "config.yaml", "--data", "data", "--run-dir", "run", "--executor", "local")
    assert made.returncode == 0, made.stderr
    again = tidecast(tmp_path, "predict", "run", "--data", "data", "--out", "out")
    assert again.returncode == 0, again.stderr
    assert "  forecast.csv  submission.csv  " in again.stdout
    for place in ("run", "out"):
        table = (tmp_path / place / "tc_comp_predict_table.csv").read_bytes()
        assert table == submission(tmp_path, place)
        assert [len(row.split(b",")) for row in table.split()] == [3] * 7


def test_the_same_again_is_the_same_to_the_byte(folder):
    assert run(folder, "runs/b").returncode == 0
    assert submission(folder, "runs/b") == submission(folder, "runs/a")


def test_other_batches_give_the_same_bytes(folder):
    done = run(folder, "runs/c", "--set", "cluster.fits_per_batch=8")
    assert done.returncode == 0, done.stderr
    assert submission(folder, "runs/c") == submission(folder, "runs/a")


def test_running_again_trains_nothing(folder):
    done = run(folder, "runs/a")
    assert "26 trials reused, 0 to train, 0 no longer" in done.stderr


def test_an_edited_member_is_trained_alone(folder):
    shutil.copytree(folder / "runs/a", folder / "runs/edited")
    done = run(folder, "runs/edited", "--set", "members.0.season_length=14")
    assert "24 trials reused, 2 to train, 2 no longer" in done.stderr


def test_lost_batches_alone_are_trained_again(folder):
    shutil.copytree(folder / "runs/a", folder / "runs/lost")
    batches = sorted((folder / "runs/lost/batches").glob("*.parquet"))
    batches[0].unlink()
    done = run(folder, "runs/lost")
    assert "0 to train" not in done.stderr
    assert submission(folder, "runs/lost") == submission(folder, "runs/a")


def test_other_data_in_the_same_directory_are_refused(folder, tmp_path):
    write_inputs(tmp_path, days=190)
    done = tidecast(folder, "run", "config.yaml", "--data", str(tmp_path / "data.csv"), "--run-dir", "runs/a")
    assert done.returncode == 2
    assert "holds a run on other data" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_leaderboard_can_be_read_by_people_and_programs(folder):
    assert "calendar-level/level=recent" in tidecast(folder, "leaderboard", "runs/a").stdout
    board = json.loads(tidecast(folder, "leaderboard", "runs/a", "--json").stdout)
    assert board["sort"] == "score"
    missing = tidecast(folder, "leaderboard", "runs/none")
    assert (missing.returncode, missing.stdout) == (2, "")


def test_a_leaderboard_of_many_windows_keeps_its_scores(folder):
    changes = ("windows.n_windows=9", "windows.horizon=7", "members=[{model: weekday-median}]")
    done = run(folder, "runs/many", *(part for change in changes for part in ("--set", change)))
    assert done.returncode == 0, done.stderr
    board = json.loads((folder / "runs/many/leaderboard.json").read_text())
    said = tidecast(folder, "leaderboard", "runs/many").stdout
    assert all(f"{row['score']:.2f}" in said for row in board["rows"])
    assert all(row["member"] in said for row in board["rows"] if row["family"] != "candidate")
    assert "9 windows: --json" in said
    assert board["windows"][0]["start"] not in said


def test_a_plan_starts_nothing(folder):
    done = tidecast(folder, "plan", "config.yaml", "--data", "data.csv")
    assert done.returncode == 0, done.stderr
    assert "26 trials, 104 fits" in done.stdout


def test_too_many_failures_end_with_code_3_and_the_reason(folder):
    (folder / "hard.yaml").write_text(
        "data: {kind: table}\nwindows: {unit: day, n_windows: 2, horizon: 7}\n"
        "members: [{model: seasonal-naive}, {model: seasonal-naive, season_length: 366, name: long}]\n"
    )
    arguments = ("run", "hard.yaml", "--data", "data.csv", "--run-dir", "runs/hard", "--executor", "local")
    done = tidecast(folder, *arguments)
    assert done.returncode == 3
    assert "2 of 4 trials failed" in done.stderr
    tolerant = tidecast(folder, *arguments, "--set", "run.max_failed_share=0.5")
    assert tolerant.returncode == 0, tolerant.stderr
    board = json.loads((folder / "runs/hard/leaderboard.json").read_text())
    row = next(row for row in board["rows"] if row["member"] == "long")
    assert row["status"] == "failed"
    assert "366 are needed" in row["reason"]


BAD = {
    "missing": (None, "no such file"),
    "empty": ("", "empty"),
    "column": ("ds,purchase\n2024-01-01,1\n", "redeem"),
    "date": ("ds,purchase,redeem\n2024-01-01,1,1\n2024-13-01,1,1\n", "2024-13-01"),
    "duplicate": ("ds,purchase,redeem\n2024-01-01,1,1\n2024-01-01,1,1\n", "2024-01-01"),
    "gap": ("ds,purchase,redeem\n2024-01-01,1,1\n2024-01-03,1,1\n", "2024-01-02"),
    "negative": ("ds,purchase,redeem\n2024-01-01,1,1\n2024-01-02,-1,1\n", "-1"),
    "hole": ("ds,purchase,redeem\n2024-01-01,1,1\n2024-01-02,,1\n", "purchase"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_data_get_one_sentence_and_leave_nothing(tmp_path, kind):
    write_inputs(tmp_path)
    text, word = BAD[kind]
    (tmp_path / "data.csv").unlink() if text is None else (tmp_path / "data.csv").write_text(text)
    done = run(tmp_path, "runs/a")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert word.lower() in done.stderr.lower()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--set", "windows.n_window=2"), "did you mean n_windows"),
        (("--as-of", "soon"), "not a date"),
        (("--as-of", "2031-01-01"), "the data end on"),
        (("--as-of", "2024-01-20"), "no backtest window fits"),
        (("--set", "windows.unit=month"), "--as-of 2024-06-30"),
        (("--set", "calendar=ZZ"), "not a calendar"),
    ],
)
def test_bad_configurations_get_one_sentence_and_leave_nothing(tmp_path, arguments, word):
    write_inputs(tmp_path)
    done = run(tmp_path, "runs/a", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert word in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_timeline_that_cannot_be_written_is_said_before_the_run(folder):
    done = run(folder, "runs/timeline", "--timeline", "runs", executor="ray")
    assert done.returncode == 2
    assert "is in the way" in done.stderr
    assert not (folder / "runs/timeline").exists()


def test_an_executor_without_a_timeline_says_so(folder):
    done = run(folder, "runs/timeline", "--timeline", "t.json")
    assert (done.returncode, done.stderr) == (
        2,
        "tidecast: executor local writes no timeline: leave out --timeline, or run with --executor ray\n",
    )
    assert not (folder / "runs/timeline").exists()


def test_usage_errors_are_code_2_and_help_is_quick(tmp_path):
    assert tidecast(tmp_path, "run", "--no-such-option").returncode == 2
    done = tidecast(tmp_path, "--help")
    assert done.returncode == 0
    for name in ("run", "plan", "config", "sample", "validate", "leaderboard", "score"):
        assert name in done.stdout


def test_score_of_a_submission(tmp_path):
    (tmp_path / "s.csv").write_text("20240101,90,110\n20240102,100,100\n")
    (tmp_path / "t.csv").write_text("report_date,purchase,redeem\n20240101,100,100\n20240102,100,100\n")
    score = json.loads(tidecast(tmp_path, "score", "s.csv", "t.csv", "--json").stdout)
    assert score["score"] == pytest.approx(10 - 10 / 3 / 2)
    assert tidecast(tmp_path, "score", "s.csv", "nothing.csv").returncode == 2
    unknown = tidecast(tmp_path, "score", "s.csv", "t.csv", "--surrogate", "rmse")
    assert unknown.returncode == 2
    assert "score 'rmse' does not exist: choose one of concave, convex, linear, wape" in unknown.stderr


def test_score_goes_by_the_configuration_and_knows_a_long_panel(tmp_path):
    (tmp_path / "s.csv").write_text("A,20240909,80\nA,20240910,100\n")
    (tmp_path / "t.csv").write_text("unique_id,ds,y\nA,2024-09-09,100\nA,2024-09-10,100\nB,2024-09-10,-1\n")
    (tmp_path / "c.yaml").write_text(
        "data: {kind: panel, targets: {y: 1.0}}\nscore: {surrogate: wape}\nmembers: [{model: seasonal-naive}]\n"
    )
    linear = pytest.approx(10 * (1 / 3 + 1) / 2)
    for options, expected in (
        ((), linear),
        (("--config", "c.yaml"), 9.0),
        (("--config", "c.yaml", "--surrogate", "linear"), linear),
    ):
        done = tidecast(tmp_path, "score", "s.csv", "t.csv", "--json", *options)
        assert json.loads(done.stdout)["score"] == expected, done.stderr
    assert "a day (2 days, 2024-09-09 to 2024-09-10)" in tidecast(tmp_path, "score", "s.csv", "t.csv").stdout


def test_a_family_whose_package_is_missing_says_so_and_the_rest_goes_on(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    done = run(folder, "runs/bare", "--set", "run.max_failed_share=0.5")
    assert done.returncode == 0, done.stderr
    board = json.loads((folder / "runs/bare/leaderboard.json").read_text())
    failed = {row["family"]: row["reason"] for row in board["rows"] if row["status"] == "failed"}
    assert set(failed) == {"gbm"}
    assert "the package lightgbm is not installed: install it, or leave this member out" in failed["gbm"]


def test_without_ray_the_other_executor_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "cluster.execution.ray_pool", None)
    monkeypatch.delattr("cluster.execution.ray_pool", raising=False)
    done = run(folder, "runs/noray", executor="ray")
    assert done.returncode == 2
    assert "run with --executor local" in done.stderr
    assert not (folder / "runs/noray").exists()


def test_a_run_without_a_blend_leaves_nothing_of_an_earlier_one(folder):
    windows = "data: {kind: table}\nwindows: {unit: day, n_windows: 3, horizon: 7}\n"
    (folder / "good.yaml").write_text(windows + "members: [{model: weekday-median}]\n")
    (folder / "none.yaml").write_text(windows + "members: [{model: seasonal-naive, season_length: 366}]\n")
    arguments = ("--data", "data.csv", "--run-dir", "runs/changed", "--executor", "local")
    assert tidecast(folder, "run", "good.yaml", *arguments).returncode == 0
    assert {"cash.csv", "cash.json", "alerts.csv"} <= {path.name for path in (folder / "runs/changed").iterdir()}
    assert tidecast(folder, "run", "none.yaml", "--set", "run.max_failed_share=1.0", *arguments).returncode != 0
    assert {path.name for path in (folder / "runs/changed").glob("*.csv")} == {"leaderboard.csv"}


def test_a_plan_of_nothing_says_what_there_is_and_what_would_be_used(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    done = tidecast(tmp_path, "plan")
    assert (done.returncode, done.stderr) == (0, "")
    facts = [line.split()[0] for line in done.stdout.splitlines()]
    assert facts == ["tidecast", "libraries", "CPU", "disk", "Ray", "GPU", "a", "next:"]
    assert str(tmp_path) in done.stdout
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert "Ray       the cluster at 10.0.0.1:6379" in tidecast(tmp_path, "plan").stdout


def test_a_pipe_gets_a_line_for_each_step(tmp_path):
    write_inputs(tmp_path)
    words = [" ".join(line.split()[1:3]) for line in run(tmp_path, "runs/a").steps]
    assert words == ["reads the", "reads the", "plans the", "trains 104", "104 of", "blends the"]
