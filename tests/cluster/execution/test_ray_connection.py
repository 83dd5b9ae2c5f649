"""Every way that joining a Ray cluster can fail is one sentence, soon; a real Ray stands in tests/ray."""

import socket
import threading
import time

import pytest

from cluster.execution import ray_connection
from cluster.execution.ray_connection import connected, is_shared
from forecasting.errors import ConfigError


def refusal(monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    started = time.monotonic()
    with pytest.raises(ConfigError) as refused:
        connected().__enter__()
    assert time.monotonic() - started < 20
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("address", ["http://u:secret@head:8265", "https://head:8265", "ray://head:10001", "x://y"])
def test_an_address_for_something_else_tells_where_jobs_go(monkeypatch, address):
    said = refusal(monkeypatch, address)
    assert said.startswith(f"RAY_ADDRESS starts with {address.partition('/')[0]}//")
    assert "ray job submit" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "address", ["head", "127.0.0.1", ":6379", "head:", "head:x", "head:0", "head:65536", "u:secret@head:6379", "a b:1"]
)
def test_what_is_no_host_and_port_is_refused_without_being_shown(monkeypatch, address):
    said = refusal(monkeypatch, address)
    assert said.startswith("RAY_ADDRESS is no address of a Ray cluster: write it as HOST:PORT")
    assert "secret" not in said


@pytest.mark.parametrize(
    ("host", "reason"), [("127.0.0.1", "Connection refused"), ("[::1]", ""), ("no-such-host.invalid", "")]
)
def test_where_nothing_listens(monkeypatch, host, reason):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = refusal(monkeypatch, f"{host}:{port}")
    assert said.startswith(f"RAY_ADDRESS={host}:{port}: no Ray cluster can be joined there (")
    assert reason in said
    assert said.endswith("start the cluster or correct RAY_ADDRESS, or unset it to compute on this machine")


def test_a_host_that_never_answers(monkeypatch):
    """A full queue of connections: what comes besides is dropped, as by a firewall."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        time.sleep(0.1)
        said = refusal(monkeypatch, f"127.0.0.1:{full.getsockname()[1]}")
    assert "(timed out)" in said


@pytest.mark.ray
def test_where_something_else_listens(monkeypatch):
    monkeypatch.setattr(ray_connection, "JOIN_SECONDS", 5.0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = refusal(monkeypatch, f"127.0.0.1:{other.getsockname()[1]}")
    assert "(no answer within 5 s)" in said


LOGGED = "[2026-11-26 05:18:39,520 E 9212 9227] core_worker.cc:1029: the raylet is dead.\\n*** stack ***\\n"


@pytest.mark.parametrize(
    ("body", "reason", "remedy"),
    [
        ("raise RuntimeError('Version mismatch:\\n Ray: 2.60.0\\n Ray: 2.59.0')", "mismatch: Ray: 2.60.0 Ray: 2.59.0",
         "use the cluster's versions"),
        ("raise Exception('Token authentication is enabled but no authentication token was found')", "asks for a token",
         "set RAY_AUTH_MODE=token"),
        ("sys.stderr.write('[2026-11-26 05:21:17] x.cc:1: Unauthenticated: RPC error'); sys.stderr.flush(); "
         "time.sleep(60)", "asks for a token", "set RAY_AUTH_MODE=token"),
        (f"sys.stderr.write('{LOGGED}'); sys.stderr.flush(); os.abort()", "(the raylet is dead.)", "start the cluster"),
        ("os._exit(1)", "Ray ended the process that tried", "start the cluster"),
        ("raise ValueError()", "(ValueError)", "start the cluster"),
        ("raise ValueError('x' * 5000)", "xxx…", "start the cluster"),
    ],
)  # fmt: skip
def test_what_ray_says_becomes_the_reason(monkeypatch, tmp_path, body, reason, remedy):
    """A Ray made for the test stands in the probe's path: what clusters of another version or with tokens do."""
    (tmp_path / "ray.py").write_text(f"import os, sys, time\ndef init(**_):\n    {body}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(ray_connection, "JOIN_SECONDS", 5.0)
    with socket.create_server(("127.0.0.1", 0)) as head:
        said = refusal(monkeypatch, f"127.0.0.1:{head.getsockname()[1]}")
    assert reason in said
    assert remedy in said
    assert len(said) < 600


class FakeRay:
    """As much of Ray as a connection needs; notes what is done to it."""

    def __init__(self, running=False):
        self.running, self.calls = running, []

    def is_initialized(self):
        return self.running

    def init(self, **options):
        assert not self.running
        time.sleep(0.05)
        self.running = True
        self.calls.append(options["address"])

    def shutdown(self):
        self.running = False
        self.calls.append("shutdown")


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    ray = FakeRay()
    monkeypatch.setattr(ray_connection, "ray", ray)
    return ray


@pytest.mark.parametrize("address", ["", "  ", "local"])
def test_an_empty_address_is_none(fake, monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with connected():
        assert not is_shared()
    assert fake.calls == ["local", "shutdown"]


def test_threads_share_one_connection_and_the_last_closes_it(fake):
    inside, leave = threading.Barrier(5), threading.Event()

    def work():
        with connected():
            inside.wait(10)
            leave.wait(10)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    assert is_shared()
    with connected():
        leave.set()
        for thread in threads:
            thread.join()
        assert fake.calls == ["local"]
        assert not is_shared()
    assert fake.calls == ["local", "shutdown"]


def test_a_connection_of_the_caller_stays_open(fake):
    fake.running = True
    with connected():
        pass
    assert fake.calls == []


def test_a_run_that_cannot_join_leaves_no_trace(fake, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("RAY_ADDRESS", "nonsense")
        with pytest.raises(ConfigError):
            connected().__enter__()
    with connected():
        assert not is_shared()
    assert fake.calls == ["local", "shutdown"]


def test_the_probe_loads_nothing_of_the_program():
    """It is run as a script, outside the package."""
    source = ray_connection.Path(ray_connection.__file__).with_name("ray_probe.py").read_text()
    assert "from cluster" not in source
    assert "import cluster" not in source
