"""Connecting while something else is done, with an executor whose slowness is known."""

import threading
from contextlib import contextmanager

import pytest

from cluster.execution import early
from cluster.execution.early import connecting
from cluster.terminal.main import CONNECTING
from forecasting.errors import ConfigError, DataError


class Slow:
    """Connects when it is allowed to, and notes what happens to the connection and in which thread."""

    name, in_process, has_timeline, in_background = "slow", False, False, True

    def __init__(self, error=None):
        self.may, self.closed, self.threads, self._error = threading.Event(), threading.Event(), set(), error

    @contextmanager
    def connect(self, config):
        self.threads.add(threading.current_thread())
        self.may.wait(10)
        if self._error:
            raise self._error
        yield f"session of {config}"
        self.threads.add(threading.current_thread())
        self.closed.set()


@pytest.fixture(autouse=True)
def _early(monkeypatch):
    monkeypatch.setattr(early, "IS_EARLY", True)


def test_the_session_is_there_when_it_is_asked_for_and_one_thread_opens_and_closes_it():
    slow = Slow()
    with connecting(slow, "c") as connection:
        slow.may.set()
        assert connection.session() == "session of c"
        assert not slow.closed.is_set()
    assert slow.closed.is_set()
    (thread,) = slow.threads
    assert (thread.name, thread.daemon, thread.is_alive()) == (CONNECTING, True, False)


def test_bad_data_do_not_wait_for_the_connection_which_closes_itself():
    slow = Slow()
    with pytest.raises(DataError), connecting(slow, "c"):
        raise DataError("bad")
    assert not slow.closed.is_set()
    slow.may.set()
    assert slow.closed.wait(10)


def test_what_stood_in_the_way_is_said_when_the_session_is_asked_for():
    slow = Slow(ConfigError("no Ray"))
    slow.may.set()
    with pytest.raises(ConfigError, match="no Ray"), connecting(slow, "c") as connection:
        connection.session()


def test_what_stood_in_the_way_of_a_session_that_nobody_asked_for_is_not_said():
    slow = Slow(ConfigError("no Ray"))
    slow.may.set()
    with pytest.raises(DataError), connecting(slow, "c"):
        raise DataError("bad")


def test_an_executor_of_this_process_is_connected_when_it_is_asked_for():
    slow = Slow()
    slow.in_background = False
    slow.may.set()
    with connecting(slow, "c") as connection:
        assert slow.threads == set()
        connection.session()
    assert slow.threads == {threading.current_thread()}


@pytest.mark.parametrize("in_background", [True, False])
def test_a_session_that_is_released_is_closed_while_the_run_goes_on(in_background):
    slow = Slow()
    slow.in_background = in_background
    slow.may.set()
    with connecting(slow, "c") as connection:
        connection.session()
        connection.release()
        assert slow.closed.wait(10)
