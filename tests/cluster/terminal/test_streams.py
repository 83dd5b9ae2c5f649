"""How a command ends whoever reads it, in processes of their own with real pipes."""

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.rundir.lease import Lease
from cluster.rundir.storage import Storage
from cluster.terminal.streams import has_reader, open_streams
from forecasting.errors import StorageError
from tests.runs import command, edit, run, write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")

CONFIG = """
data: {kind: table}
windows: {unit: day, n_windows: 2, horizon: 7}
members: [{model: seasonal-naive, name: 余额}, {model: weekday-median}]
"""
RUN = ("run", "config.yaml", "--data", "data.csv", "--executor", "local", "--run-dir")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Inputs and a finished run in runs/a."""
    folder = tmp_path_factory.mktemp("streams")
    write_inputs(folder, days=100)
    (folder / "config.yaml").write_text(CONFIG)
    assert run(folder, "runs/a").returncode == 0
    return folder


def ended(folder, *arguments, **options):
    """A command that has ended; stdout and stderr are pipes unless said otherwise."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    root = str(Path(__file__).parents[3])
    env = {**os.environ, "PYTHONPATH": root, **options.pop("env", {})}
    return subprocess.run(command(*arguments), cwd=folder, env=env, timeout=120, check=False, **options)


@pytest.fixture
def left():
    """The writing end of a pipe whose reader left."""
    read, write = os.pipe()
    os.close(read)
    yield write
    os.close(write)


class Failing(io.FileIO):
    """A file that cannot be written."""

    def __init__(self, error, terminal=False):
        super().__init__(os.devnull, "w")
        self.error, self.terminal = error, terminal

    def isatty(self):
        return self.terminal

    def write(self, data):
        raise OSError(self.error, os.strerror(self.error))


@pytest.fixture
def replaced(monkeypatch):
    """Makes stdout and stderr of two files, as `open_streams` does; None: it was closed."""
    before = []

    def replace(out, err):
        for names, raw in ((("stdout", "__stdout__"), out), (("stderr", "__stderr__"), err)):
            stream = raw and io.TextIOWrapper(io.BufferedWriter(raw), "ascii")
            before.append(stream)
            for name in names:
                monkeypatch.setattr(sys, name, stream)
        open_streams()
        return sys.stdout, sys.stderr

    yield replace
    for stream in before:
        if stream is not None:
            stream.close()


@pytest.mark.parametrize(("error", "terminal"), [(errno.EPIPE, False), (errno.EIO, True)])
def test_what_nobody_reads_is_dropped(replaced, error, terminal):
    out, err = replaced(Failing(error, terminal), Failing(errno.ENOSPC))
    assert has_reader(out)
    for stream in (out, err):
        stream.write("text")
        stream.flush()
        stream.write("more")
        stream.flush()
    assert not has_reader(out)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_results_that_do_not_arrive_are_an_error_once(replaced, error):
    out, _ = replaced(Failing(error), None)
    out.write("text")
    with pytest.raises(StorageError, match="standard output: cannot be written"):
        out.flush()
    out.flush()


def test_streams_that_are_closed_swallow_and_others_replace(replaced, monkeypatch, tmp_path):
    out, err = replaced(io.FileIO(tmp_path / "out", "w"), None)
    out.write("█▁ → ─│ 余 \U0001f600 …\n")
    err.write("gone")
    for stream in (out, err):
        stream.flush()
        assert not stream.isatty()
        assert stream.fileno() > 2
    assert (tmp_path / "out").read_bytes() == b"81 -> -| \\u4f59 \\U0001f600 ...\n"
    mine = io.StringIO()
    monkeypatch.setattr(sys, "stdout", mine)
    open_streams()
    assert sys.stdout is mine, "somebody took the output before"


@pytest.mark.parametrize("arguments", [("leaderboard", "runs/a"), ("leaderboard", "runs/a", "--json"), ("--help",)])
def test_a_reader_that_left_is_no_failure(folder, left, arguments):
    done = ended(folder, *arguments, stdout=left)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_run_goes_on_when_its_readers_left(folder, left):
    done = ended(folder, *RUN, "runs/unread", stdout=left, stderr=left)
    assert done.returncode == 0
    assert json.loads((folder / "runs/unread/run.json").read_text())["status"] == "done"
    assert not (folder / "runs/unread/lease.json").exists()


def test_bad_input_is_code_2_also_without_a_reader(folder, left):
    assert ended(folder, "leaderboard", "runs/none", stdout=left, stderr=left).returncode == 2


def test_a_watch_ends_when_its_reader_left(folder, left):
    assert run(folder, "runs/watched").returncode == 0
    with Lease(Storage(str(folder / "runs/watched")), print):  # so it seems to run
        edit(folder / "runs/watched/run.json", lambda facts: facts.update(status="running"))
        assert b"running" in ended(folder, "status", "runs/watched").stdout
        done = ended(folder, "status", "runs/watched", "--watch", stdout=left)
    assert (done.returncode, done.stderr) == (0, b"")


def closed(*numbers):
    def close():
        for number in numbers:
            os.close(number)

    return close


@pytest.mark.skipif(os.name != "posix", reason="descriptors of POSIX")
@pytest.mark.parametrize(
    "numbers", [(1,), pytest.param((2,), marks=pytest.mark.slow), pytest.param((0, 1, 2), marks=pytest.mark.slow)]
)
def test_closed_streams_are_no_failure_and_get_no_file(folder, numbers):
    run_dir = f"runs/closed{len(numbers)}{numbers[0]}"
    done = ended(folder, *RUN, run_dir, preexec_fn=closed(*numbers))
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert b"tidecast: " not in done.stdout, "what belongs on stderr"
    for name in ("submission.csv", "leaderboard.csv"):
        assert (folder / run_dir / name).read_bytes().count(b"tidecast") == 0
    assert ended(folder, "leaderboard", "runs/none", preexec_fn=closed(*numbers)).returncode == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_results_that_cannot_be_written_are_a_sentence(folder):
    with open("/dev/full", "wb") as full:
        done = ended(folder, "leaderboard", "runs/a", stdout=full)
        quiet = ended(folder, *RUN, "runs/a", stderr=full)
    assert done.returncode == 2
    assert done.stderr.startswith(b"tidecast: standard output: cannot be written: No space left on device: free some")
    assert done.stderr.count(b"\n") == 1
    assert quiet.returncode == 0, "stderr need not arrive"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_bad_input_is_code_2_also_where_nothing_can_be_written(folder):
    (folder / "bad.csv").write_text("ds,purchase,redeem\n2024-01-01,1,1\n2024-01-02,-1,1\n")
    with open("/dev/full", "wb") as full:
        assert ended(folder, "validate", "bad.csv", "--config", "config.yaml", "--json", stdout=full).returncode == 2


ENCODINGS = {
    "ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "latin-1": {"PYTHONIOENCODING": "latin-1:strict"},
    "cp437": {"PYTHONIOENCODING": "cp437"},
}


@pytest.mark.parametrize("name", ["ascii", *(pytest.param(n, marks=pytest.mark.slow) for n in ("latin-1", "cp437"))])
def test_what_cannot_be_encoded_is_replaced(folder, name):
    done = ended(folder, *RUN, "runs/a", env=ENCODINGS[name])
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(name)
    assert r"\u4f59\u989d" in text
    assert r"\u25" not in text, "lines and bars have plain forms"
    assert "----" in text or (name == "cp437" and "────" in text), "that code page has lines; rich decides"


def test_json_holds_in_any_encoding(folder):
    as_json = ended(folder, "leaderboard", "runs/a", "--json", env={"PYTHONIOENCODING": "cp1252"})
    assert "余额" in {row["member"] for row in json.loads(as_json.stdout.decode("ascii"))["rows"]}


def test_unbuffered_output_is_as_good(folder, left):
    arguments = [sys.executable, "-u", "-m", "cluster.cli", "leaderboard", "runs/a"]
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(__file__).parents[3])}
    for stdout in (left, subprocess.PIPE):
        done = subprocess.run(arguments, cwd=folder, env=env, stdout=stdout, stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
