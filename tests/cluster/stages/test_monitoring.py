"""Abnormal days on the command line: of a run's own backtest and of new actual values, judged by labels."""

import json

import pytest

from tests.runs import run, tidecast, write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")

CONFIG = """
data: {kind: table}
windows: {unit: day, n_windows: 6, horizon: 14}
members: [{model: weekday-median}, {model: calendar-level}]
"""
PLANTED = {"2024-06-25": "spike", "2024-07-02": "drain", "2024-07-03": "drain"}
END = "2024-07-04"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on 200 days with planted anomalies among its last 28, and a table that labels every day."""
    folder = tmp_path_factory.mktemp("monitor")
    write_inputs(folder)
    (folder / "config.yaml").write_text(CONFIG)
    head, *rows = [line.split(",") for line in (folder / "data.csv").read_text().splitlines()]
    rows = [[d, p, str(int(r) * 8) if d in PLANTED else r] for d, p, r in rows]
    (folder / "data.csv").write_text("\n".join(",".join(row) for row in [head, *rows]) + "\n")
    labelled = [f"{d},{PLANTED.get(d, '')}" for d, *_ in rows]
    (folder / "labels.csv").write_text("date,anomaly\n" + "\n".join(labelled) + "\n")
    done = run(folder, "run", "--as-of", END)
    assert done.returncode == 0, done.stderr
    return folder


def judged(folder, *arguments):
    done = tidecast(folder, "monitor", "run", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_alerts_of_the_backtest_are_judged_by_labels(folder):
    found = judged(folder, "--labels", "labels.csv")
    assert {alert["ds"] for alert in found["alerts"]} >= set(PLANTED)
    first, edge = found["quality"][:2]
    assert (edge["severity"], edge["n_anomalies"], edge["n_found"], edge["recall"]) == (1.0, 2, 2, 1.0)
    assert edge["found_by_kind"] == {"drain": [1, 1], "spike": [1, 1]}
    assert edge["precision"] == edge["n_right"] / edge["n_alerts"] == 3 / edge["n_alerts"]
    assert first["n_alerts"] >= edge["n_alerts"] >= found["quality"][-1]["n_alerts"]


def test_people_get_a_table(folder):
    done = tidecast(folder, "monitor", "run", "--labels", "labels.csv")
    assert done.returncode == 0, done.stderr
    assert "1 or more" in done.stdout
    assert "100%" in done.stdout
    kinds = [line.split() for line in done.stdout.splitlines() if line.strip().startswith(("drain", "spike"))]
    assert [kind[:4] for kind in kinds] == [["drain", "1", "1", "100%"], ["spike", "1", "1", "100%"]]
    assert "median from an anomaly's first day to its alert" in done.stdout
    plain = tidecast(folder, "monitor", "run").stdout
    assert "2024-07-03" in plain
    assert "recall" not in plain


def test_alerts_of_new_values_are_judged_by_labels(folder):
    (folder / "new.csv").write_text("date,purchase,redeem\n2024-07-20,1,1\n2024-07-05,5,9000000\n")
    (folder / "known.csv").write_text("date,what\n2024-07-05,outage\n2024-07-06,outage\n2024-06-25,spike\n")
    found = judged(folder, "--actuals", "new.csv", "--labels", "known.csv", "--label", "what")
    assert found["quality"][1]["found_by_kind"] == {"outage": [1, 1]}  # the spike lies before the days judged


def test_a_day_without_flow_is_valid_json(folder):
    (folder / "none.csv").write_text("date,purchase,redeem\n2024-07-05,0,0\n")
    found = json.loads(
        tidecast(folder, "monitor", "run", "--actuals", "none.csv", "--json").stdout, parse_constant=pytest.fail
    )
    assert [alert["n_days"] for alert in found["alerts"]] == [1, 1]
    assert all(1 < alert["severity"] < 2 for alert in found["alerts"])
    assert "quality" not in found


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--labels", "nothing.csv"), "nothing.csv: no such file: give the table of labelled days"),
        (("--labels", "labels.csv", "--label", "kind"), "labels.csv: there is no column 'kind' among date, anomaly"),
        (("--labels", "config.yaml"), "config.yaml"),
        (("--actuals", "nothing.csv"), "nothing.csv: there is no such file"),
    ],
)
def test_bad_input_gets_a_sentence(folder, arguments, sentence):
    done = tidecast(folder, "monitor", "run", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert sentence in done.stderr


def test_a_run_of_one_window_has_no_bands_to_judge_by(folder):
    assert run(folder, "short", "--set", "windows.n_windows=1").returncode == 0
    done = tidecast(folder, "monitor", "short")
    assert done.returncode == 2
    assert "no day of its backtest has bands" in done.stderr
