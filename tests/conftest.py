"""Environment for every test: set before numerical libraries or Ray are imported."""

import os

import pytest

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["NO_COLOR"] = "1"


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch):
    """Secrets of URIs that were opened are looked for in every sentence: those of one test are words in another."""
    monkeypatch.setattr("forecasting.places.uri._known", set())


@pytest.fixture(autouse=True)
def _ray_starts_when_it_is_needed(request, monkeypatch):
    """Most runs of tests fail before they train, and would each start a Ray meanwhile; those of Ray itself may."""
    if request.node.get_closest_marker("ray") is None:
        monkeypatch.setattr("cluster.execution.early.IS_EARLY", False)
