import sys

import pytest

from cluster.config import parse_config
from cluster.execution.executors.ray_cluster import RAY
from cluster.execution.registry import executor_named
from forecasting.errors import ConfigError


def test_without_ray_the_other_executor_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cluster.execution.ray_pool", None)
    monkeypatch.delattr("cluster.execution.ray_pool", raising=False)
    config = parse_config({"members": [{"model": "seasonal-naive"}]}, "x")
    with pytest.raises(ConfigError, match="ray is not installed: install it, or run with --executor local"):
        executor_named("ray").connect(config).__enter__()


def test_it_is_local_unless_a_cluster_is_named_or_the_caller_joined_one(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert RAY.is_local()
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert not RAY.is_local()
    monkeypatch.setenv("RAY_ADDRESS", "local")
    assert RAY.is_local()
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    assert not RAY.is_local()
