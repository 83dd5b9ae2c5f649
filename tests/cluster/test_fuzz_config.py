"""A few cases of the fuzzer of configurations; ``python -m tests.cluster.fuzz_config`` is the long run."""

from random import Random

import pytest

from forecasting.errors import ConfigError
from tests.cluster import fuzz_config
from tests.forecasting.fuzz import Broken
from tests.runs import write_inputs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    write_inputs(folder)
    return folder


def test_configurations_are_planned_or_refused_in_a_sentence(folder):
    outcomes = [fuzz_config.plan_case(Random(f"plan {number}"), folder) for number in range(20)]
    assert 10 <= outcomes.count("success") < 20  # mostly valid, and not all


@pytest.mark.slow
def test_configurations_run_or_are_refused_in_a_sentence(folder):
    outcomes = [fuzz_config.run_case(Random(f"run {number}"), folder) for number in range(20)]
    assert 10 <= outcomes.count("success") < 20


@pytest.mark.parametrize("error", [KeyError("x"), ConfigError("no")])
def test_the_fuzzer_notices_a_traceback_and_a_bad_sentence(folder, monkeypatch, error):
    def fail(_):
        raise error

    monkeypatch.setattr(fuzz_config, "plan_only", fail)
    with pytest.raises((KeyError, Broken)):
        fuzz_config.plan_case(Random(1), folder)
