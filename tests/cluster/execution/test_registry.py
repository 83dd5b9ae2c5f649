import subprocess
import sys

import pytest

from cluster.execution.registry import executor_named, executors
from forecasting.errors import ConfigError


def test_executors_are_found_by_name():
    assert sorted(executors()) == ["local", "ray"]
    assert executor_named("local").in_process
    assert not executor_named("local").has_timeline
    assert not executor_named("ray").in_process
    assert executor_named("ray").has_timeline


def test_an_unknown_executor_is_a_sentence():
    with pytest.raises(ConfigError, match="there is no executor 'slurm': choose one of local, ray"):
        executor_named("slurm")


def test_listing_executors_does_not_load_ray():
    code = "import sys; from cluster.execution.registry import executors; executors(); sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
