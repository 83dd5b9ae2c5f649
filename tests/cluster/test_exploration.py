"""`tidecast explore`: the same data as a run reads, on the screen, as JSON, and from Python."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from cluster import api
from forecasting.errors import ConfigError, DataError
from forecasting.sample.write import write_sample
from tests.ensembles.exploration.planted import panel, table
from tests.runs import ROOT, tidecast

COST = """
import re, resource, sys
from pathlib import Path
from cluster import api
page = api.explore(sys.argv[1]).html()
used = resource.getrusage(resource.RUSAGE_SELF)
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(used.ru_utime + used.ru_stime, peak / 1024, len(page) / 1e6)
"""
"""The peak is not ru_maxrss: that begins with what the process that starts this one holds."""


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explore")
    table().to_csv(folder / "flows.csv", index=False)
    write_sample(folder / "small", users=60, days=120)
    return folder


def test_sentences_and_the_path_of_the_page(flows):
    done = tidecast(flows, "explore", "flows.csv", "--calendar", "DE", "--unit", "EUR")
    assert done.returncode == 0, done.stderr
    *lines, page = done.stdout.splitlines()
    assert page == "explore-flows.html"
    assert (flows / page).stat().st_size < 5e6
    assert lines[0].startswith("The data: One table with 560 days")
    assert any(line.startswith("Shifts of level: inflow shifts up on 2024-10-2") for line in lines)


def test_json_alone_writes_no_page_and_says_the_same(flows):
    done = tidecast(flows, "explore", "flows.csv", "--calendar", "DE", "--unit", "EUR", "--json")
    told = json.loads(done.stdout)
    same = api.explore(flows / "flows.csv", calendar="DE", unit="EUR")
    assert told["facts"][1:] == json.loads(json.dumps(same.as_json()))["facts"][1:]  # the first names the path
    both = tidecast(flows, "explore", "small", "--json", "--html", "pages/small.html")
    assert json.loads(both.stdout)["facts"][0]["numbers"]["kind"] == "yuebao"
    assert both.stderr.strip().endswith("pages/small.html")
    assert not (flows / "explore-small.html").exists()


def test_a_configuration_says_what_the_data_are(flows):
    data = {"kind": "table", "targets": {"out": 1.0}, "columns": {"ds": "date", "out": "outflow"}}
    config = {"data": data, "members": [{"model": "seasonal-naive"}]}
    found = api.explore(flows / "flows.csv", config)
    assert found.facts["data"].numbers["targets"] == ["out"]
    frame = api.explore(table(), config)
    assert frame.facts["weekdays"].sentence == found.facts["weekdays"].sentence


def test_targets_as_of_and_single_keys(flows):
    found = api.explore(flows / "flows.csv", targets="outflow", as_of="2025-01-31", overrides=["data.unit=USD"])
    told = found.facts["data"].numbers
    assert (told["targets"], told["end"], told["unit"]) == (["outflow"], "2025-01-31", "USD")
    with pytest.raises(ConfigError, match="the data end on 2025-07-13"):
        api.explore(flows / "flows.csv", as_of="2026-01-31")


def test_the_name_is_that_of_the_data(flows):
    assert api.explore(flows / "small").material.name == "small"
    assert api.explore(panel()).material.name == "the frame"


def test_nothing_of_training_is_said(flows):
    notes = api.explore(flows / "flows.csv").facts["data"].numbers["notes"]
    assert "dates: date" in notes
    assert not any(note.startswith(("members", "windows", "score")) for note in notes)


def test_data_that_cannot_be_read_are_refused_in_one_sentence(flows):
    (flows / "bad.csv").write_text("date,a\n2024-01-01,1\n2024-01-01,2\n")
    done = tidecast(flows, "explore", "bad.csv")
    assert done.returncode == 2
    assert done.stderr.startswith("tidecast: bad.csv")
    assert len(done.stderr.splitlines()) == 1
    assert tidecast(flows, "explore", "nothing.csv").returncode == 2
    with pytest.raises(DataError):
        api.explore({"a": [1]})


def test_a_refusal_that_is_no_gap_stays_one(flows):
    (flows / "twice.csv").write_text("date,a\n" + "".join(f"2024-01-{d:02},1\n" for d in (*range(1, 31), 30)))
    with pytest.raises(DataError, match="stands twice"):
        api.explore(flows / "twice.csv", targets="a")


@pytest.mark.slow
def test_the_full_folder_and_a_panel_of_a_thousand_series_take_seconds(tmp_path):
    write_sample(tmp_path / "full", users=28_000)
    ds, ids = pd.date_range("2023-01-01", periods=731), np.repeat(np.arange(1000), 731)
    y = np.random.default_rng(1).lognormal(8, 1, 731_000).round(2)
    pd.DataFrame({"unique_id": ids, "ds": np.tile(ds, 1000), "y": y}).to_csv(tmp_path / "panel.csv", index=False)
    for name, most in (("full", 15.0), ("panel.csv", 20.0)):
        command = [sys.executable, "-c", COST, str(tmp_path / name)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        seconds, megabytes, page = map(float, done.stdout.split())  # CPU seconds: others may use the machine
        assert seconds <= most, done.stdout
        assert megabytes <= 700
        assert page < 5
