import json
import re
import shutil

import numpy as np
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


@pytest.mark.parametrize("score", ["wape", "linear"])
def test_the_worst_of_several_units_is_named_by_all_that_show_a_pooled_score(score, tmp_path):
    rng, days = np.random.default_rng(3), np.arange("2024-01-01", "2024-06-30", dtype="datetime64[D]")
    flows = {account: 100 * np.exp(rng.normal(0, sd, len(days))) for account, sd in (("main", 0.05), ("abroad", 0.5))}
    rows = [f"{a},{d},{v:.2f}" for a, flow in flows.items() for d, v in zip(days, flow, strict=True)]
    (tmp_path / "data.csv").write_text("account,ds,flow\n" + "\n".join(rows) + "\n")
    (tmp_path / "units.csv").write_text("entity,unit\nmain,EUR\nabroad,USD\n")
    (tmp_path / "config.yaml").write_text(
        "data: {kind: panel, entity: account, targets: {flow: 1.0}, units: units.csv}\n"
        "windows: {unit: day, n_windows: 3, horizon: 9}\nblend: {candidates: [mean]}\n"
        f"members: [{{model: seasonal-naive}}, {{model: calendar-level}}]\nscore: {{surrogate: {score}}}\n"
    )
    done = run(tmp_path, "r")
    assert done.returncode == 0, done.stderr
    said = [tidecast(tmp_path, *asked).stdout for asked in (("leaderboard", "r"), ("evaluate", "r"))]
    told = [re.findall(r"The blend's score is the mean .*", " ".join(text.split())) for text in said]
    if score == "linear":
        assert told == [[], []]
        return
    words = json.loads(tidecast(tmp_path, "evaluate", "r", "--json").stdout)["units"]
    assert re.fullmatch(
        r"The blend's score is the mean of its scores in 2 units: the worst is -?\d+\.\d\d in USD, "
        r"the best \d+\.\d\d in EUR\.",
        words,
    )
    assert told == [[words], [words]]
    assert words in (tmp_path / "r/report.html").read_text().replace("&#39;", "'")
