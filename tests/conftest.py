"""Environment for every test: set before numerical libraries or Ray are imported."""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["NO_COLOR"] = "1"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each command that tests start would compile all its modules again

# The same examples each time, and no clock: `--hypothesis-profile=default` looks for others.
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.hookimpl(trylast=True)  # behind what leaves tests out
def pytest_collection_modifyitems(items):
    """Processes take files in this order: those with the longest timeouts first, then those with most tests.

    A long file that came last would be run by one process, while the others have ended.
    """
    limits, sizes = Counter(), Counter(item.path for item in items)
    for item in items:
        if marker := item.get_closest_marker("timeout"):
            limits[item.path] = max(limits[item.path], marker.args[0])
        elif item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(900))
    items.sort(key=lambda item: (-limits[item.path], -sizes[item.path]))


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch):
    """Secrets of URIs that were opened are looked for in every sentence: those of one test are words in another."""
    monkeypatch.setattr("forecasting.places.uri._known", set())


@pytest.fixture(autouse=True)
def _ray_starts_when_it_is_needed(request, monkeypatch):
    """Most runs of tests fail before they train, and would each start a Ray meanwhile; those of Ray itself may."""
    if request.node.get_closest_marker("ray") is None:
        monkeypatch.setattr("cluster.execution.early.IS_EARLY", False)


@pytest.fixture(scope="session", autouse=True)
def _files_are_not_synced():
    """No test cuts the power: whether the order of syncs is right is seen on the virtual disk of `tests.sim`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield


@pytest.fixture(scope="module")
def without_charts():
    """For modules of tests that look at no chart."""
    from tests.runs import charts_as_text  # behind the environment, which numerical libraries read

    with charts_as_text():
        yield
