"""Signals that ask to stop, sent to processes: one sentence, code 130 and no lease left, whenever they come."""

import fcntl
import os
import pty
import random
import signal
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.terminal.signals import PATIENCE, StopSignals
from tests.runs import write_inputs

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")

CONFIG = """
data: {kind: table}
windows: {unit: day, n_windows: 3, horizon: 14}
members: [{model: seasonal-naive}, {model: lightgbm-direct, rounds: 400, seeds: 40}]
cluster: {fits_per_batch: 4}
"""
SCRIPT = "from cluster.terminal.main import main; main()"
"""What the installed command does."""
SENTENCE = "tidecast: interrupted; finished batches are kept, and the same command continues"
INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signals")
    write_inputs(folder)
    (folder / "config.yaml").write_text(CONFIG)
    return folder


def ignoring(number):
    return lambda: signal.signal(number, signal.SIG_IGN)


@contextmanager
def started(folder, *arguments, before=None, **options):
    """A process with the usual signals, even where the tests run under nohup or in the background."""

    def prepare():
        for number in (INT, TERM, HUP):
            signal.signal(number, signal.SIG_DFL)
        if before is not None:
            before()

    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    command = [sys.executable, "-c", SCRIPT, *arguments]
    process = subprocess.Popen(command, cwd=folder, env=env, preexec_fn=prepare, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def running(folder, run_dir, **options):
    arguments = ("run", "config.yaml", "--data", "data.csv", "--executor", "local", "--run-dir", run_dir)
    return started(folder, *arguments, **options)


def wait_for(there, process):
    end = time.monotonic() + 60
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.002)


def handles(process, number):
    """Whether a process handles a signal."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (number - 1) & 1)


def send(process, *numbers, pause=0.0):
    for number in numbers:
        process.send_signal(number)
        time.sleep(pause)


def assert_interrupted(process, lease):
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == SENTENCE
    assert err.count(SENTENCE) == 1
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert not lease.exists()


@pytest.mark.parametrize(
    ("numbers", "pause"),
    [
        pytest.param((INT,), 0, id="INT"),
        pytest.param((TERM,), 0, id="TERM"),
        pytest.param((HUP,), 0, id="HUP", marks=pytest.mark.slow),
        pytest.param((INT, INT), 0, id="INT INT", marks=pytest.mark.slow),
        pytest.param((TERM, *(INT,) * 40), 0.01, id="TERM INT * 40", marks=pytest.mark.slow),
    ],
)
def test_a_run_that_is_stopped_gives_its_lease_back(folder, numbers, pause):
    run_dir = f"runs/{len(numbers)}{numbers[0].name}{numbers[-1].name}"
    with running(folder, run_dir) as process:
        batches, lease = folder / run_dir / "batches", folder / run_dir / "lease.json"
        wait_for(lambda: lease.exists() and batches.is_dir() and any(batches.glob("*.parquet")), process)
        send(process, *numbers, pause=pause)
        assert_interrupted(process, lease)
    assert any(batches.glob("*.parquet")), "what was finished is kept"


def test_the_run_directory_was_just_taken(folder):
    with running(folder, "runs/taken") as process:
        lease = folder / "runs/taken/lease.json"
        wait_for(lease.exists, process)
        send(process, INT, INT)
        assert_interrupted(process, lease)


def test_while_the_commands_are_imported(folder):
    with running(folder, "runs/imports") as process:
        wait_for(lambda: handles(process, HUP), process)
        send(process, INT, TERM)
        assert_interrupted(process, folder / "runs/imports/lease.json")
    assert not (folder / "runs/imports").exists()


def test_nohup_and_a_watcher_of_the_run(folder):
    with running(folder, "runs/nohup", before=ignoring(HUP)) as process:
        lease = folder / "runs/nohup/lease.json"
        wait_for(lambda: (folder / "runs/nohup/run.json").exists(), process)
        send(process, HUP)
        with started(folder, "status", "runs/nohup", "--watch") as watch:
            assert "running" in watch.stdout.readline()
            send(watch, INT)
            _, err = watch.communicate(timeout=60)
            assert (watch.returncode, err.strip()) == (130, SENTENCE)
        assert process.poll() is None, "SIGHUP is ignored under nohup"
        send(process, TERM)
        assert_interrupted(process, lease)


@pytest.mark.parametrize(("ignored", "code"), [(False, 130), (True, 0)], ids=["plain", "nohup"])
def test_the_terminal_is_closed(folder, ignored, code):
    """A terminal that goes away sends SIGHUP, and writing to it fails."""
    (folder / "small.yaml").write_text(CONFIG.replace("rounds: 400, seeds: 40", "rounds: 60, seeds: 2"))
    run_dir = folder / f"runs/terminal{code}"
    terminal, inside = pty.openpty()

    def take_terminal():
        fcntl.ioctl(inside, termios.TIOCSCTTY, 0)
        if ignored:
            signal.signal(HUP, signal.SIG_IGN)

    arguments = ("run", "small.yaml", "--data", "data.csv", "--executor", "local", "--run-dir", str(run_dir))
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), inside)
    with started(folder, *arguments, start_new_session=True, before=take_terminal, **streams) as process:
        os.close(inside)
        wait_for((run_dir / "run.json").exists, process)
        os.close(terminal)
        assert process.wait(timeout=60) == code
    assert not (run_dir / "lease.json").exists()
    assert (run_dir / "submission.csv").exists() == ignored


def test_after_a_while_a_signal_is_acted_on_again(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("cluster.terminal.signals.time.monotonic", lambda: now[0])
    monkeypatch.setattr("cluster.terminal.signals.os._exit", sys.exit)
    signals = StopSignals()
    assert not signals.asked
    with pytest.raises(KeyboardInterrupt):
        signals._act(INT, None)
    now[0] += PATIENCE - 1
    signals._act(INT, None)
    now[0] += 2
    with pytest.raises(KeyboardInterrupt):
        signals._act(INT, None)
    assert signals.asked
    signals.finish(0)
    signals._act(INT, None)
    now[0] += PATIENCE + 1
    with pytest.raises(SystemExit) as end:
        signals._act(INT, None)
    assert end.value.code == 0, "the command was done: it ends as it would have ended"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whenever_signals_come(folder):
    """Bursts of signals at random times from the first handler on to the end of the process."""
    (folder / "config.yaml").write_text(CONFIG.replace("rounds: 400, seeds: 40", "rounds: 20, seeds: 2"))
    with running(folder, "runs/whenever") as process:
        assert process.wait(timeout=60) == 0
    with running(folder, "runs/whenever") as process:
        began = time.monotonic()
        assert process.wait(timeout=60) == 0
    seconds, draw, codes = time.monotonic() - began, random.Random(7), []
    for _ in range(30):
        with running(folder, "runs/whenever") as process:
            wait_for(lambda at=process: handles(at, HUP), process)
            time.sleep(draw.uniform(0, 1.2 * seconds))
            for number in draw.choices((INT, TERM, HUP), k=3):
                process.send_signal(number)
                time.sleep(draw.uniform(0, 0.02))
            _, err = process.communicate(timeout=60)
            codes.append(process.returncode)
        assert process.returncode in (0, 130), err
        assert (process.returncode == 130) == (SENTENCE in err)
        assert "Traceback" not in err
        assert not (folder / "runs/whenever/lease.json").exists()
    assert {0, 130} == set(codes)
