"""A run directory from somebody else: what its configuration names is not opened unless the user says so."""

import os
import shutil
import socket
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from cluster.config import parse_config
from cluster.rundir.run_facts import find_run
from cluster.rundir.store import RunStore
from tests.runs import tidecast

pytestmark = pytest.mark.usefixtures("without_charts")

CONFIG = """
data: {kind: table, events: events.csv, cache: kept}
windows: {unit: day, n_windows: 3, horizon: 7}
members: [{model: seasonal-naive}, {model: file, path: [mine.csv, other.csv]}]
blend: {candidates: [mean]}
"""


def write_rows(path, level):
    ends = np.datetime64("2024-04-23") - np.array([21, 14, 7, 0, -7])
    rows = [
        f"{u},{c + h},{c},{level + int(h)}\n" for u in ("purchase", "redeem") for c in ends for h in np.arange(1, 8)
    ]
    path.write_text("unique_id,ds,cutoff,y_hat\n" + "".join(rows))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Inputs, and a finished run `a` whose configuration names files beside them."""
    folder = tmp_path_factory.mktemp("external")
    ds = np.arange("2024-01-01", "2024-05-01", dtype="datetime64[D]")
    y = np.rint(1e6 * np.exp(np.random.default_rng(1).normal(0, 0.1, (len(ds), 2)))).astype(int)
    lines = [f"{d},{a},{b}\n" for d, (a, b) in zip(ds, y, strict=True)]
    (folder / "data.csv").write_text("ds,purchase,redeem\n" + "".join(lines[:-7]))
    (folder / "later.csv").write_text("ds,purchase,redeem\n" + "".join(lines))
    (folder / "later").mkdir()
    shutil.copy(folder / "later.csv", folder / "later/part.csv")
    (folder / "events.csv").write_text("ds,name\n2024-03-01,sale\n2024-05-02,sale\n")
    write_rows(folder / "mine.csv", 1e6)
    write_rows(folder / "other.csv", 1.1e6)
    (folder / "config.yaml").write_text(CONFIG)
    done = tidecast(folder, "run", "config.yaml", "--data", "data.csv", "--run-dir", "a", "--executor", "local")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def place(folder, tmp_path):
    """A copy of that folder, to be changed."""
    shutil.copytree(folder, tmp_path / "place")
    return tmp_path / "place"


def rewrite(folder, **changes):
    """Give the stored configuration of run `a` other keys, as its owner could: the file is whole."""
    store = RunStore(str(folder / "a"))
    run = find_run(store)
    config = dict(run.config)
    for key, value in changes.items():
        config[key] = value if key == "members" else {**config[key], **value}
    parse_config(config, "run.json")
    store.write(run.model_copy(update={"config": config}))


def predict(folder, *arguments, data="later.csv"):
    return tidecast(folder, "predict", "a", "--data", data, *arguments)


NAMED = "data.events (events.csv), data.cache (kept), members.1.path.0 (mine.csv), members.1.path.1 (other.csv)"


def test_what_it_names_is_listed_and_refused(folder):
    done = predict(folder)
    assert done.returncode == 2
    assert done.stderr == (
        f"tidecast: a/run.json: it names what lies outside the run directory: {NAMED}: "
        "add --allow-external if that may be opened\n"
    )


def test_it_is_opened_when_the_user_says_so(folder):
    done = predict(folder, "--allow-external", "--out", "all")
    assert done.returncode == 0, done.stderr
    places = ("data.events=events.csv", "data.cache=kept", "members.1.path.0=mine.csv", "members.1.path.1=other.csv")
    given = predict(folder, *(part for place in places for part in ("--set", place)), "--out", "each")
    assert given.returncode == 0, given.stderr
    assert (folder / "each/forecast.csv").read_bytes() == (folder / "all/forecast.csv").read_bytes()


def test_an_events_file_in_the_folder_of_the_data_belongs_to_them(place):
    shutil.copy(place / "events.csv", place / "later/events.csv")
    done = predict(place, data="later")
    assert NAMED.partition(", ")[2] in done.stderr
    assert "data.events" not in done.stderr


@pytest.mark.parametrize("name", ["../events.csv", "/etc/passwd", "sub/../../events.csv"])
def test_a_path_out_of_that_folder_does_not(place, name):
    rewrite(place, data={"events": name, "cache": None})
    (place / "later/sub").mkdir()
    done = predict(place, data="later")
    assert done.returncode == 2
    assert f"data.events ({name})" in done.stderr


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("blend.tie=1", "only what run.json names can be given again, which is data.events, data.cache, members.1"),
        ("members.1.path.0=other.csv", "the run was trained with mine.csv: give that one"),
        ("nonsense", "only what run.json names can be given again"),
        ("data.events=nowhere.csv", "nowhere.csv: there is no such file"),
    ],
)
def test_what_else_is_given_again_is_refused(folder, override, told):
    done = predict(folder, "--allow-external", "--set", override)
    assert done.returncode == 2
    assert told in done.stderr


@contextmanager
def listener():
    """A port of this machine, and the connections that were made to it."""
    made = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def accept():
            while not done.is_set():
                try:
                    made.append(server.accept()[0].close())
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1], made
        finally:
            done.set()
            thread.join()


COMMANDS = (
    ("predict", "a", "--data", "later.csv"),
    ("report", "a"),
    ("monitor", "a"),
    ("monitor", "a", "--actuals", "later.csv"),
    ("leaderboard", "a"),
    ("leaderboard", "a", "a"),
    ("evaluate", "a"),
    ("status", "a"),
)


@pytest.mark.parametrize("key", ["events", "path"])
def test_no_host_is_contacted(place, key):
    with listener() as (port, made):
        uri = f"s3://bucket/x.csv?endpoint_override=127.0.0.1:{port}&scheme=http"
        other = [{"model": "seasonal-naive"}, {"model": "file", "path": [uri, "other.csv"]}]
        rewrite(place, **({"data": {"events": uri}} if key == "events" else {"members": other}))
        codes = [tidecast(place, *command).returncode for command in COMMANDS]
    assert codes[0] == 2
    assert set(codes[1:]) == {0}
    assert made == []


def test_no_file_is_read(place):
    """A pipe that nobody writes to would keep its reader waiting; a file that is read has been opened."""
    os.mkfifo(place / "pipe")
    other = [{"model": "seasonal-naive"}, {"model": "file", "path": [str(place / "pipe"), "other.csv"]}]
    rewrite(place, data={"events": str(place / "pipe"), "cache": str(place / "pipe")}, members=other)
    codes = [tidecast(place, *command).returncode for command in COMMANDS]
    assert codes == [2, 0, 0, 0, 0, 0, 0, 0]


READ = {"run.json": "predict", "blend.json": "predict", "forecast.parquet": "predict", "batches": "predict"}
READ |= {"leaderboard.json": "report", "oof.parquet": "evaluate", "history.parquet": "report"}


@pytest.mark.parametrize("name", READ)
def test_links_out_of_the_directory_are_not_followed(place, name):
    elsewhere = place / "elsewhere"
    (place / "a" / name).rename(elsewhere)
    (place / "a" / name).symlink_to(elsewhere)
    done = predict(place, "--allow-external") if READ[name] == "predict" else tidecast(place, READ[name], "a")
    assert done.returncode == 2
    assert f"a/{name}: it leads out of the folder, so it is not opened" in done.stderr


def test_results_do_not_go_through_a_link(place):
    (place / "outside").mkdir()
    (place / "a/predictions").symlink_to(place / "outside")
    done = predict(place, "--allow-external")
    assert done.returncode == 2
    assert not any((place / "outside").iterdir())
