from pathlib import Path

import pytest

from cluster.inference.wishes import Wishes
from cluster.request import RunRequest
from forecasting.errors import ConfigError


def request(config=None, data=None, run_dir=None):
    return RunRequest(config, data, run_dir, None, (), "local")


def test_names_have_defaults():
    assert (request().config_name, request().directory) == ("demo", "runs/demo")
    assert request("folder/mine.yaml").directory == "runs/mine"
    assert request(run_dir="s3://bucket/run").directory == "s3://bucket/run"


def test_overrides_reach_the_configuration():
    asked = RunRequest("demo", None, None, None, ("seed=9",), "local")
    assert asked.read_config().seed == 9


def test_the_bare_command_gets_a_sample_that_goes_away():
    with request().data_path() as path:
        assert any(Path(path).iterdir())
    assert not Path(path).exists()


def test_a_configuration_needs_data():
    with request("mine.yaml", "data.csv").data_path() as path:
        assert path == "data.csv"
    with (
        pytest.raises(ConfigError, match=r"mine.yaml names no data: add --data PATH"),
        request("mine.yaml").data_path(),
    ):
        pass


def test_a_seed_is_a_key_of_any_configuration():
    request = RunRequest("demo", None, None, None, (), "local", wishes=Wishes(seed=7))
    assert request.read_config().seed == 7
    assert RunRequest("demo", None, None, None, ("seed=8",), "local", wishes=Wishes(seed=7)).read_config().seed == 8


@pytest.mark.parametrize("config", [None, "demo"])
def test_the_demo_makes_its_data_whether_it_is_named_or_not(config):
    request = RunRequest(config, None, None, None, (), "local")
    assert request.is_made_up
    with request.data_path() as path:
        assert (Path(path) / "user_balance_table.csv").exists()
