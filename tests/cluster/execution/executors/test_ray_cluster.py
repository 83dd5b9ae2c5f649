import sys

import pytest

from cluster.config import parse_config
from cluster.execution.registry import executor_named
from forecasting.errors import ConfigError


def test_without_ray_the_other_executor_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cluster.execution.ray_pool", None)
    monkeypatch.delattr("cluster.execution.ray_pool", raising=False)
    config = parse_config({"members": [{"model": "seasonal-naive"}]}, "x")
    with pytest.raises(ConfigError, match="ray is not installed: install it, or run with --executor local"):
        executor_named("ray").connect(config).__enter__()
