import json
import shutil

import pytest

from cluster.stages.evaluation import evaluate_run
from forecasting.errors import StorageError
from tests.runs import edit, run, tidecast, write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    write_inputs(folder)
    (folder / "config.yaml").write_text(
        "data: {kind: table}\nwindows: {unit: day, n_windows: 2, horizon: 7}\n"
        "members: [{model: seasonal-naive}, {model: weekday-median}]\n"
    )
    assert run(folder, "run").returncode == 0
    return folder


def test_the_blend_stands_against_the_other_ways(folder):
    found = evaluate_run(str(folder / "run"))
    assert {"blend", "seasonal-naive"} <= {row.name for row in found.contenders}
    assert len(found.cutoffs) == 2
    (blend,) = (row for row in found.contenders if row.name == "blend")
    board = json.loads((folder / "run/leaderboard.json").read_text())
    (score,) = (row["score"] for row in board["rows"] if row["family"] == "blend")
    assert blend.score == pytest.approx(score, abs=0.01)


def test_people_and_programs_can_read_it(folder):
    told = json.loads(tidecast(folder, "evaluate", "run", "--json").stdout)
    assert {row["name"] for row in told["contenders"]} >= {"blend", "seasonal-naive"}
    assert "intervals:" in tidecast(folder, "evaluate", "run").stdout


def test_files_of_two_runs_are_not_put_together(folder, tmp_path):
    shutil.copytree(folder / "run", tmp_path / "run")
    edit(tmp_path / "run/run.json", lambda facts: facts["config"]["data"].update(targets={"purchase": 1.0}))
    with pytest.raises(StorageError, match=r"run\.json and leaderboard\.json do not belong together"):
        evaluate_run(str(tmp_path / "run"))


def test_a_run_must_be_finished(tmp_path):
    with pytest.raises(StorageError, match="holds no finished run"):
        evaluate_run(str(tmp_path))
