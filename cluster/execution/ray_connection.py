"""The connection of this process to Ray: a Ray of our own on this machine, or the cluster that RAY_ADDRESS names.

Ray waits for minutes where a cluster does not answer, and sometimes ends the process. So joining is tried first in a
process of its own with a limit of time (see `ray_probe`), and every way that it can fail becomes one sentence.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import ray
from ray import exceptions as ray_errors

from forecasting.errors import ConfigError

__all__ = ["connected", "is_shared", "is_theirs"]

log = logging.getLogger(__name__)

JOIN_SECONDS = 30.0
"""How long a cluster may take to be joined; it takes two on a machine that is not busy."""
_ADDRESS = re.compile(r"(?:[\w.-]+|\[[0-9a-f:.%]+\]):\d{1,5}", re.ASCII | re.IGNORECASE)
_LOG_HEAD = re.compile(r"^\[[^\]]*\]\s*(?:\S+:\d+:\s*)?")
_LONGEST = 300
"""Characters of what Ray says that are shown."""
_REMEDY = "start the cluster or correct RAY_ADDRESS, or unset it to compute on this machine"
_FAILURES = (OSError, RuntimeError, ValueError, ray_errors.RayError)
"""What `ray.init` raises where it cannot start or join; a ConnectionError and a TimeoutError are OSErrors."""


class _Connection:
    """One connection for all runs of this process: the first opens it, the last closes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.n_runs = 0
        self._keeper: _Keeper | None = None

    @property
    def is_ours(self) -> bool:
        return self._keeper is not None

    def enter(self) -> None:
        with self._lock:
            if self.n_runs == 0 and not ray.is_initialized():
                keeper = _Keeper()
                keeper.start()
                keeper.joined.result()
                self._keeper = keeper
            self.n_runs += 1

    def leave(self) -> None:
        with self._lock:
            self.n_runs -= 1
            if self.n_runs == 0 and self._keeper is not None:
                self._keeper.over.set()
                self._keeper.join()
                self._keeper = None


class _Keeper(threading.Thread):
    """Opens the connection, and closes it when it is over.

    The kernel ends Ray's processes with the thread that started them, so that thread must not be one of a run: another
    run that shares the connection may last longer.
    """

    def __init__(self) -> None:
        super().__init__(name="tidecast keeps Ray", daemon=True)
        self.joined: Future[None] = Future()
        self.over = threading.Event()

    def run(self) -> None:
        """Join, wait and leave; what stood in the way is the outcome of `joined`."""
        try:
            _start_or_join(os.environ.get("RAY_ADDRESS", "").strip())
        except BaseException as error:
            self.joined.set_exception(error)
            return
        self.joined.set_result(None)
        self.over.wait()
        ray.shutdown()


_CONNECTION = _Connection()


@contextmanager
def connected() -> Iterator[None]:
    """A Ray of our own on this machine, the cluster at RAY_ADDRESS, or the one that the caller joined before.

    Runs in several threads share it. One that the caller joined is left open.

    Raises
    ------
    ConfigError
        When Ray does not start, or the cluster cannot be joined.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    # Since Ray 2.56 the variable decides whether a worker without GPUs keeps seeing them; the coming default is fine
    # here.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    _CONNECTION.enter()
    try:
        yield
    finally:
        _CONNECTION.leave()


def is_theirs() -> bool:
    """Whether this process uses a Ray that no run of ours started."""
    return ray.is_initialized() and not _CONNECTION.is_ours


def is_shared() -> bool:
    """Whether several runs of this process use the connection now."""
    return _CONNECTION.n_runs > 1


def _start_or_join(address: str) -> None:
    logging.getLogger("ray").setLevel(logging.ERROR)  # Ray warns that another thread than the main one joins
    if address not in ("", "local"):
        _check_address(address)
        _probe(address)
        try:
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
        except _FAILURES as error:
            raise _cannot_join(address, str(error)) from None
        log.info("tidecast: using the Ray cluster at %s", ray.get_runtime_context().gcs_address)
        return
    try:
        ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except _FAILURES as error:
        raise ConfigError(f"Ray did not start ({_short(str(error))}): fix that, or run with --executor local") from None


def _check_address(address: str) -> None:
    """Refuse, before anything is contacted, what is no host and port. It is not shown: it may hold a password."""
    scheme, sign, _ = address.partition("://")
    if sign:
        raise ConfigError(
            f"RAY_ADDRESS starts with {scheme}://, and a run joins a cluster as HOST:PORT of its head, such as "
            "10.0.0.1:6379: correct it, or submit a job with `ray job submit --address http://HOST:8265 -- tidecast "
            "run …`"
        )
    if address != "auto" and not (_ADDRESS.fullmatch(address) and 0 < int(address.rpartition(":")[2]) < 1 << 16):
        raise ConfigError(
            "RAY_ADDRESS is no address of a Ray cluster: write it as HOST:PORT of its head, such as 10.0.0.1:6379, or "
            "unset it to compute on this machine"
        )


def _probe(address: str) -> None:
    """Join the cluster for a moment from another process, as long as that takes, but no more than `JOIN_SECONDS`."""
    script = Path(__file__).with_name("ray_probe.py")
    # A job's settings would make an environment for the probe, too.
    environment = {key: value for key, value in os.environ.items() if key != "RAY_JOB_CONFIG_JSON_ENV_VAR"}
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(script), address],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=JOIN_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as expired:
        raise _cannot_join(address, f"no answer within {JOIN_SECONDS:.0f} s", _text(expired.stderr)) from None
    if done.returncode:
        stderr = _text(done.stderr)
        said = _text(done.stdout).strip().splitlines() or [_last_message(stderr)]
        raise _cannot_join(address, said[-1], stderr)


def _cannot_join(address: str, reason: str, stderr: str = "") -> ConfigError:
    reason, remedy = _short(reason), _REMEDY
    if "Unauthenticated" in stderr or "AuthenticationError" in stderr or "authentication token" in reason:
        reason = "it asks for a token that this user does not have"
        remedy = "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH as the cluster has them, or unset RAY_ADDRESS"
    elif reason.startswith("Version mismatch"):
        remedy = "use the cluster's versions, or unset RAY_ADDRESS to compute on this machine"
    return ConfigError(f"RAY_ADDRESS={address}: no Ray cluster can be joined there ({reason}): {remedy}")


def _last_message(stderr: str) -> str:
    """What Ray logged last before it ended the process; the addresses of a stack follow such a line."""
    messages = [_LOG_HEAD.sub("", line) for line in stderr.splitlines() if line.startswith("[20")]
    return messages[-1] if messages else "Ray ended the process that tried"


def _text(output: bytes | None) -> str:
    return "" if output is None else output.decode("utf-8", "replace")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
