"""Secrets of URIs: in no output, run directory, report or log, whether a command succeeds or fails."""

import io
import json
import re
import shutil
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cluster import api
from forecasting.data.formats.files import reading
from forecasting.errors import UserError
from forecasting.places.uri import located
from tests.runs import tidecast

pytestmark = pytest.mark.usefixtures("without_charts")

USER, PASSWORD, TOKEN, FRAGMENT = "AKIAPLANTED", "pl4nted/pass+w0rd", "pl4ntedtoken", "pl4ntedfragment"
PLANTED = ("planted", "pl4nted", "w0rd")
"""Parts of every secret: half of one is one too."""

CONFIG = """
data: {{kind: table, events: "{events}"}}
windows: {{unit: day, n_windows: 3, horizon: 7}}
members: [{{model: seasonal-naive}}, {{model: file, path: {path}}}, {{model: lightgbm-direct, rounds: 5}}]
blend: {{candidates: [mean]}}
"""


def hidden(path: Path, fragment: bool = False) -> str:
    """A local file as a URI with secrets, which pyarrow takes."""
    return f"file://{path}?token={TOKEN}&sig={TOKEN}" + (f"#{FRAGMENT}" if fragment else "")


def write_all(given: Path) -> None:
    """data.csv, later.csv, events.csv, mine.csv and config.yaml, with a secret in every place of the last."""
    given.mkdir()
    random = np.random.default_rng(1)
    ds = np.arange("2024-01-01", "2024-05-01", dtype="datetime64[D]")
    y = np.rint(1e6 * np.exp(random.normal(0, 0.1, (len(ds), 2)))).astype(int)
    lines = [f"{d},{a},{b}\n" for d, (a, b) in zip(ds, y, strict=True)]
    (given / "data.csv").write_text("ds,purchase,redeem\n" + "".join(lines[:-7]))
    (given / "later.csv").write_text("ds,purchase,redeem\n" + "".join(lines))
    (given / "folder").mkdir()
    (given / "folder/part.csv").write_text("ds,purchase,redeem\n" + "".join(lines[:-7]))
    (given / "events.csv").write_text("ds,name\n2024-03-01,sale\n2024-05-02,sale\n")
    ends = ds[-8] - np.array([21, 14, 7, 0, -7])
    rows = [f"{u},{c + h},{c},{1e6 + int(h)}\n" for u in ("purchase", "redeem") for c in ends for h in np.arange(1, 8)]
    (given / "mine.csv").write_text("unique_id,ds,cutoff,y_hat\n" + "".join(rows))
    text = CONFIG.format(events=hidden(given / "events.csv"), path=f'["{hidden(given / "mine.csv", fragment=True)}"]')
    (given / "config.yaml").write_text(text)


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file below a folder, with its name, as text; of Parquet also the cells."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        yield str(path), f"{path} {data.decode('latin-1')}"
        if path.suffix == ".parquet":
            table = pq.read_table(io.BytesIO(data))
            yield str(path), f"{table.schema.metadata} {table.to_pylist()}"


def assert_clean(where: str, text: str) -> None:
    for secret in PLANTED:
        found = text.lower().find(secret)
        assert found < 0, f"{where}: …{text[max(found - 100, 0) : found + 40]}…"


class Commands:
    """Runs commands in a folder of their own, and sees that none of them says or leaves a secret."""

    def __init__(self, folder: Path, given: Path) -> None:
        self.folder, self.given, self.count = folder, given, 0
        folder.mkdir()

    def __call__(self, code: int, *arguments: object, says: str = "") -> str:
        done = tidecast(self.folder, *map(str, arguments))
        said = done.stdout + done.stderr
        assert done.returncode == code, f"{arguments}: {said}"
        assert says in said, said
        assert "Traceback" not in said
        assert_clean(" ".join(map(str, arguments)), said)
        self.count += 1
        return said

    def check_files(self) -> None:
        for where, text in texts(self.folder):
            assert_clean(where, text)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    folder = tmp_path_factory.mktemp("given") / "inputs"
    write_all(folder)
    return folder


@pytest.fixture(scope="module")
def finished(given, tmp_path_factory):
    """A folder with the run `a`, whose every place was a URI with secrets, and what was done to make it."""
    command = Commands(tmp_path_factory.mktemp("finished") / "cwd", given)
    where = hidden(command.folder / "a")
    data, config = hidden(given / "data.csv", fragment=True), given / "config.yaml"
    command(0, "run", config, "--data", data, "--run-dir", where, "--executor", "local", says="forecast: 7 days")
    return command


def test_forty_commands_that_succeed_show_and_store_no_secret(given, finished):
    command, config = finished, given / "config.yaml"
    a, data, later = (hidden(path) for path in (command.folder / "a", given / "data.csv", given / "later.csv"))
    again = (
        "--set",
        f"data.events={hidden(given / 'events.csv')}",
        "--set",
        f"members.1.path.0={hidden(given / 'mine.csv')}",
    )
    local = ("--executor", "local")
    command(0, "run", config, "--data", data, "--run-dir", a, *local, says="6 trials reused, 0 to train")
    command(0, "plan", config, "--data", data)
    command(0, "plan", config, "--data", data, "--run-dir", a)
    command(0, "plan", config, "--data", hidden(given / "folder"))
    command(0, "plan", data)
    command(0, "config", config)
    command(0, "config", config, "--set", f"data.events={data}")
    command(0, "validate", data, "--config", config)
    command(0, "validate", data, "--config", config, "--json")
    command(0, "validate", data)
    command(0, "validate", hidden(given / "folder"), "--json")
    for asked in ((), ("--json",)):
        command(0, "status", a, *asked)
        command(0, "leaderboard", a, *asked)
        command(0, "evaluate", a, *asked)
        command(0, "monitor", a, *asked)
    command(0, "status", a, "--watch")
    command(0, "monitor", a, "--actuals", given / "later.csv")
    command(0, "report", a)
    command(0, "run", data, "--preset", "fast", "--save-config", "saved.yaml", "--horizon", "7", *local)
    command(0, "run", data, "--preset", "fast", "--horizon", "7", "--run-dir", "b", *again[:2], *local)
    command(0, "plan", data, "--save-config", "other.yaml", "--horizon", "7", *again[:2])
    command(0, "config", "other.yaml")
    command(0, "run", config, "--data", hidden(given / "folder"), "--run-dir", hidden(command.folder / "c"), *local)
    for out in ((), ("--csv", "both.csv"), ("--html", "both.html"), ("--json",)):
        command(0, "leaderboard", a, hidden(command.folder / "c"), *out)
    command(0, "predict", a, "--data", later, *again)
    command(0, "predict", a, "--data", later, *again, "--update", "--out", hidden(command.folder / "out"))
    command(0, "predict", a, "--data", data, *again, "--as-of", "2024-04-23")
    command(0, "predict", hidden(command.folder / "b"), "--data", later, *again[:2])
    for shown in ("a", "b", "c", hidden(command.folder / "b")):
        command(0, "report", shown)
    command(0, "score", "a/submission.csv", given / "later.csv")
    assert command.count >= 40
    command.check_files()


def test_a_rotated_key_trains_nothing_again(given, finished, tmp_path):
    """Secrets are part of no id and no fingerprint."""
    shutil.copytree(finished.folder / "a", tmp_path / "a")
    text = (given / "config.yaml").read_text()
    (tmp_path / "rotated.yaml").write_text(text.replace(TOKEN, "another").replace(FRAGMENT, "other"))
    command = ("run", "rotated.yaml", "--data", f"file://{given}/data.csv", "--run-dir", "a", "--executor", "local")
    done = tidecast(tmp_path, *command)
    assert "6 trials reused, 0 to train" in done.stderr


def test_what_was_not_stored_is_asked_for(given, finished):
    asked = r"data.events is file:///.*/events.csv, and its user, password and options were not stored: give the whole "
    said = finished(2, "predict", "a", "--data", given / "later.csv", "--allow-external")
    assert re.search(asked + "URI with --set data.events=URI", said), said
    stored = json.loads((finished.folder / "a/run.json").read_text())["config"]
    assert stored["data"]["events"] == f"file://{given}/events.csv?***"
    copied = ("--set", f"data.events={stored['data']['events']}")
    said = finished(2, "plan", given / "config.yaml", "--data", given / "data.csv", *copied)
    assert "events.csv: its user, password and options were not stored: give the whole URI" in said


FEW = 4
"""URIs that are tried each time; all of them in the slow tests."""
UNREADABLE = (
    f"s3://{USER}:pl4nted pass'w0rd@bucket/x.csv",
    f"s3://{USER}:pl4nted%zzpass@bucket/x.csv?secret_key={TOKEN}",
    f"s3:/{USER}:pl4nted@bucket/x.csv",
    f"{USER}:pl4nted@bucket/x.csv?access_key={TOKEN}",
    f"s3://{USER}:{PASSWORD}@bucket/x.csv",
    f"s3://{USER}:pl4nted@bucket/x.csv?bad={TOKEN}",
    f"s4://{USER}:pl4nted@bucket/x.csv",
    f"https://{USER}:pl4nted@host/x.csv?sig={TOKEN}#{FRAGMENT}",
    f"gs://{USER}:pl4nted@bucket/x.csv",
    f"file://{USER}:pl4nted@host/x.csv",
    f"file:///nowhere/x.csv?token={TOKEN}",
)


@pytest.mark.parametrize(
    "uri", [*UNREADABLE[:FEW], *(pytest.param(uri, marks=pytest.mark.slow) for uri in UNREADABLE[FEW:])]
)
def test_commands_that_fail_show_and_store_no_secret(uri, given, tmp_path):
    command, config = Commands(tmp_path / "cwd", given), given / "config.yaml"
    local, data = ("--executor", "local"), given / "data.csv"
    command(2, "run", config, "--data", uri, *local)
    command(2, "validate", uri, "--config", config)
    command(2, "plan", config, "--data", data, "--set", f"data.events={uri}")
    command(2, "plan", uri)
    command(2, "status", uri)
    command(2, "predict", uri, "--data", data)
    command(2, "config", uri)
    command(2, "score", uri, data)
    command(2, "plan", config, "--data", data, "--set", f"windows.n_windows={uri}")
    command(2, "config", config, "--set", f"data.cache={uri}")
    command(2, "run", config, data, uri)
    # A file member that cannot be read is a row with its reason, and half of the trials failed.
    path = uri.replace("'", "''")
    members = ("--set", f"members.1.path=['{path}']", "--set", "members.2={model: weekday-median}")
    command(3, "run", config, "--data", data, "--run-dir", "half", *members, *local)
    command(0, "status", "half")
    command.check_files()
    assert command.count >= 13


def test_yaml_that_cannot_be_read_is_not_quoted(given, tmp_path):
    command = Commands(tmp_path / "cwd", given)
    long = "x" * 60
    (given / "broken.yaml").write_text(f"data: {{events: 's3://{USER}:pl4nted{long}@bucket/{long}', kind: table: x}}\n")
    command(2, "config", given / "broken.yaml", says="on line 1")
    command(2, "config", given / "config.yaml", "--set", f"data.events=[s3://{USER}:pl4nted@b/{long}")


@contextmanager
def telltale() -> Iterator[str]:
    """An S3 server that has every file, gives none, and quotes the user's key and secret."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = f"<Error><Code>InvalidAccessKeyId</Code><Message>{USER} with {PASSWORD} is unknown</Message></Error>"
            self.send_response(403)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_PUT = do_POST = do_GET

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    quoted = PASSWORD.replace("/", "%2F").replace("+", "%2B")
    options = f"endpoint_override=127.0.0.1:{server.server_port}&scheme=http&region=us-east-1"
    try:
        yield f"s3://{USER}:{quoted}@bucket/x.csv?{options}"
    finally:
        server.shutdown()
        server.server_close()


def test_what_a_server_quotes_is_not_shown(given, tmp_path):
    """The library keeps the server's words at times only, so the sentence is also made without it."""
    command, config = Commands(tmp_path / "cwd", given), given / "config.yaml"
    with telltale() as uri:
        command(2, "run", config, "--data", uri, "--executor", "local")
        command(2, "status", uri)
        command(2, "plan", config, "--data", given / "data.csv", "--set", f"data.events={uri}")
        located(uri)
    with (
        pytest.raises(UserError, match=r"x.csv: it cannot be read \(\*\*\* with \*\*\* is unknown\)"),
        reading("x.csv"),
    ):
        raise OSError(f"{USER} with {PASSWORD} is unknown")


def test_an_error_is_clean_however_it_is_printed(given):
    """In Python too: the sentence, its fields, and a formatted traceback with what it hides."""
    for uri in UNREADABLE:
        with pytest.raises(UserError) as caught:
            api.run(uri, str(given / "config.yaml"), executor="local", quiet=True)
        error = caught.value
        quoted = (str(error), error.where, error.what, error.remedy, *map(str, error.args))
        printed = "".join(traceback.TracebackException.from_exception(error).format())
        lines = [line for line in printed.splitlines() if "api.run(" not in line]
        assert_clean(uri, "\n".join((*quoted, *lines)))
