"""The run directory on an object store: a mock server on this machine speaks S3."""

import numpy as np
import pytest

from cluster.rundir.batch_file import write_batch
from cluster.rundir.lease import Lease
from cluster.rundir.storage import Storage
from cluster.rundir.store import RunStore
from forecasting.errors import StorageError
from tests.cluster.batches import work_of
from tests.cluster.rundir.test_batch_file import result
from tests.runs import run, tidecast, write_inputs

pytestmark = pytest.mark.usefixtures("without_charts")

moto = pytest.importorskip("moto.server", reason="moto is not installed: pip install -e '.[test]'")


@pytest.fixture(scope="module")
def bucket():
    """A URI prefix of a bucket on a mock server; the bucket is removed with the server."""
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    from pyarrow import fs

    keys = {"access_key": "key", "secret_key": "secret", "region": "us-east-1"}
    client = fs.S3FileSystem(endpoint_override=f"127.0.0.1:{port}", scheme="http", allow_bucket_creation=True, **keys)
    client.create_dir("runs")
    yield lambda name: f"s3://key:secret@runs/{name}?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
    server.stop()


def test_files_are_written_listed_read_and_deleted(bucket):
    storage = Storage(bucket("files"))
    storage.write("batches/a.txt", b"hello")
    assert storage.exists("batches/a.txt")
    assert storage.names("batches", ".txt") == ["batches/a.txt"]
    assert storage.read("batches/a.txt") == b"hello"
    storage.discard("batches/a.txt")
    assert not storage.exists("batches/a.txt")


def test_batches_come_back(bucket):
    store = RunStore(bucket("store"))
    write_batch(store.storage, work_of("b1"), [result("k1", 7.5)])
    assert store.forecasts(store.trials().values())["k1", "purchase"]
    assert store.states(*store.kept_states().values())["k1"].meta == {"order": [1, 0, 1]}


def test_a_second_driver_is_refused(bucket):
    storage = Storage(bucket("lease"))
    with Lease(storage, print), pytest.raises(StorageError, match="in use by another run"):
        Lease(storage, print).__enter__()


def test_secrets_of_a_uri_are_not_shown(bucket):
    assert "secret" not in Storage(bucket("x")).uri


def test_a_whole_run_and_its_continuation(bucket, tmp_path):
    write_inputs(tmp_path)
    (tmp_path / "config.yaml").write_text(
        "data: {kind: table}\nwindows: {unit: day, n_windows: 2, horizon: 7}\n"
        "members: [{model: seasonal-naive}, {model: calendar-level}]\n"
    )
    assert run(tmp_path, bucket("run")).returncode == 0
    assert run(tmp_path, "here").returncode == 0
    assert Storage(bucket("run")).read("submission.csv") == (tmp_path / "here/submission.csv").read_bytes()
    assert "4 trials reused, 0 to train" in run(tmp_path, bucket("run")).stderr


def test_data_events_and_forecasts_of_others_come_from_a_bucket(bucket, tmp_path):
    """Nothing of their keys is shown or stored, another key trains nothing again, and `predict` asks for the key."""
    write_inputs(tmp_path)
    inputs, rows = Storage(bucket("in")), []
    for cutoff in ("2024-07-04", "2024-07-11", "2024-07-18"):
        days = np.datetime64(cutoff) + np.arange(1, 8)
        rows += [f"{uid},{day},{cutoff},1000000\n" for uid in ("purchase", "redeem") for day in days]
    inputs.write("data.csv", (tmp_path / "data.csv").read_bytes())
    inputs.write("events.csv", b"ds,name\n2024-03-01,sale\n")
    inputs.write("mine.csv", ("unique_id,ds,cutoff,y_hat\n" + "".join(rows)).encode())
    text = (
        f"data: {{kind: table, events: '{bucket('in/events.csv')}'}}\n"
        f"windows: {{unit: day, n_windows: 2, horizon: 7}}\nblend: {{candidates: [mean]}}\n"
        f"members: [{{model: seasonal-naive}}, {{model: file, path: '{bucket('in/mine.csv')}'}}]\n"
    )
    (tmp_path / "config.yaml").write_text(text)
    asked = ("config.yaml", "--data", bucket("in/data.csv"), "--run-dir", "here", "--executor", "local")
    first = tidecast(tmp_path, "run", *asked)
    assert first.returncode == 0, first.stderr
    (tmp_path / "config.yaml").write_text(text.replace("key:secret@", "another:rotated@"))
    again = tidecast(tmp_path, "run", *asked)
    assert "4 trials reused, 0 to train" in again.stderr
    said = [first.stdout, first.stderr, again.stdout, again.stderr]
    stored = [path.read_text(errors="replace") for path in (tmp_path / "here").rglob("*") if path.is_file()]
    assert not [text for text in (*said, *stored) if "secret" in text or "rotated" in text]

    refused = tidecast(tmp_path, "predict", "here", "--data", bucket("in/data.csv"), "--allow-external")
    assert refused.returncode == 2
    assert "give the whole URI with --set data.events=URI" in refused.stderr
    places = (f"data.events={bucket('in/events.csv')}", f"members.1.path={bucket('in/mine.csv')}")
    given = [part for place in places for part in ("--set", place)]
    made = tidecast(tmp_path, "predict", "here", "--data", bucket("in/data.csv"), *given, "--out", "there")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "there/submission.csv").read_bytes() == (tmp_path / "here/submission.csv").read_bytes()
