"""The files of a run whose names could be acted upon: those for people, those that must be exact, and the report."""

import csv
import io
import json
import re

import pytest

from cluster.api import open_run
from ensembles.report.charts.bokeh_page import script_of_library
from tests.cluster.terminal.hostile import ESCAPES, MARKUP, RUN_DIR, SHOWN, run_hostile
from tests.runs import tidecast


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    run_hostile(folder)
    return folder


def rows(folder, name):
    return list(csv.reader(io.StringIO((folder / RUN_DIR / name).read_text(), newline="")))


@pytest.mark.parametrize(("name", "column"), [("forecast.csv", "net_flow"), ("cash.csv", "net_flow_q025")])
def test_ids_are_marked_in_files_for_people_and_numbers_are_not(folder, name, column):
    header, *lines = rows(folder, name)
    assert {line[0] for line in lines} - {"all"} == {MARKUP, "'=1+1"}
    amounts = [line[header.index(column)] for line in lines]
    assert any(amount.startswith("-") for amount in amounts)
    assert all(float(amount) == float(amount) for amount in amounts)


def test_a_submission_and_parquet_keep_ids_as_they_are(folder):
    assert {line[0] for line in rows(folder, "submission.csv")} == {MARKUP, "=1+1"}
    assert set(open_run(folder / RUN_DIR).forecast()["entity"]) == {MARKUP, "=1+1"}


def test_the_leaderboard_as_a_frame_has_the_names_as_they_are(folder):
    frame = open_run(folder / RUN_DIR).leaderboard()
    assert {MARKUP, ESCAPES, "blend"} <= set(frame["member"])
    assert list(frame.columns) == rows(folder, "leaderboard.csv")[0]
    assert frame["score"].dtype == float


def test_a_forecast_for_people_scores_as_the_submission_does(folder):
    def score(name):
        done = tidecast(folder, "score", f"{RUN_DIR}/{name}", "more.csv", "--config", "config.yaml", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["score"]

    assert score("forecast.csv") == score("submission.csv")


def test_a_comparison_marks_what_would_be_run(folder):
    (folder / "=runs").symlink_to(folder / RUN_DIR)
    done = tidecast(folder, "leaderboard", "=runs", RUN_DIR, "--csv", "c.csv", "--html", "c.html")
    assert done.returncode == 0, done.stderr
    header, first, second, *_ = csv.reader((folder / "c.csv").read_text().splitlines())
    assert (header[0], first[0], second[0]) == ("run", "'=runs", RUN_DIR)


def test_the_report_shows_marks_of_direction(folder):
    page = (folder / RUN_DIR / "report.html").read_text().replace(script_of_library(), "")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)
    assert SHOWN in page
