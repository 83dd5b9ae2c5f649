"""`tidecast config`: short by default, all of it, or one key."""

import pytest
import yaml

from cluster.config import RunConfig, bundled_configs, load_config, parse_config
from cluster.describe import describe, describe_key, differences, known_keys, overview
from cluster.keys import fields_of
from forecasting.errors import ConfigError
from forecasting.models import model_names
from tests.runs import tidecast


@pytest.mark.parametrize("name", bundled_configs())
def test_the_short_form_reads_back_as_the_same_configuration(name):
    config = load_config(name)
    text = differences(config)
    assert parse_config(yaml.safe_load(text), "printed") == config
    assert parse_config(yaml.safe_load(describe(config)), "printed") == config
    assert len(text.splitlines()) < len(describe(config).splitlines())


def test_the_short_form_of_a_small_configuration_fits_80_columns():
    assert max(map(len, differences(load_config("demo")).splitlines())) <= 80


def test_a_calendar_that_was_switched_off_stays_off():
    config = load_config("yuebao", ["calendar=null"])
    assert parse_config(yaml.safe_load(differences(config)), "printed").calendar is None


def test_without_a_configuration_there_is_an_overview_of_names_in_80_columns(tmp_path):
    said = tidecast(tmp_path, "config").stdout
    assert said == overview()
    assert all(name in said for name in [*bundled_configs(), *model_names(), *RunConfig.model_fields])
    assert max(map(len, said.splitlines())) <= 80


def test_all_is_every_key_with_its_meaning(tmp_path):
    assert tidecast(tmp_path, "config", "--all").stdout == describe()
    assert tidecast(tmp_path, "config", "demo", "--all").stdout == describe(load_config("demo"))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("windows.n_windows", ("default  4\n", "whole number at least 1 and at most 60\n", "backtest windows")),
        ("windows.unit", ("one of month, day\n", "default  month\n")),
        ("windows.split", ("number above 0 and below 1, or null\n", "default  null\n")),
        ("data.as_of", ("a day as 2024-11-15, or null\n",)),
        ("data.targets", ("{purchase: 0.45, redeem: 0.55}\n", "names, each with: number\n")),
        ("score.surrogate", ("one of concave, convex, linear, wape\n",)),
        ("bands", ("default  [80, 95]\n", "a list: whole number\n")),
        ("blend.calibrate", ("true or false\n",)),
        ("cluster.gpu_cost.least", ("whole number at least 0 and at most 1000000\n",)),
        ("members.0.model", ("none: it must be given\n",)),
        ("members.seeds", ("whole number at least 1 and at most 10000\n",)),
        ("lstm-direct.epochs", ("default  25\n", "most passes over the training windows\n")),
    ],
)
def test_one_key_has_meaning_default_and_allowed_values(key, said):
    text = describe_key(key)
    assert all(part in text for part in (*said, "meaning  ", "default  ", "allowed  ")), text


def test_a_key_of_a_configuration_has_its_value(tmp_path):
    done = tidecast(tmp_path, "config", "yuebao", "--set", "windows.n_windows=9", "--key", "windows.n_windows")
    assert "value    9 in yuebao\n" in done.stdout
    assert "value    null in yuebao\n" in tidecast(tmp_path, "config", "yuebao", "--key", "data.max_lag").stdout


@pytest.mark.parametrize("key", ["windows", "lstm-direct", "members", "cluster.gpu_cost"])
def test_a_section_and_a_model_list_their_keys(key):
    lines = [line.split()[0] for line in describe_key(key).splitlines()[2:] if line]
    assert lines
    assert set(lines) == {known for known in known_keys() if known.startswith(f"{key}.")}


def test_every_key_can_be_described_and_no_other():
    for key in known_keys():
        assert describe_key(key).startswith(f"{key}\n")
    assert set(fields_of(RunConfig)) < set(known_keys())
    with pytest.raises(ConfigError, match="--key xyzzy: there is no such key; tidecast config --all lists all"):
        describe_key("xyzzy")


def test_no_secret_of_a_uri_is_shown(tmp_path):
    uri = "s3://user:planted@bucket/events.csv"
    for arguments in ((), ("--all",), ("--key", "data.events")):
        said = tidecast(tmp_path, "config", "yuebao", "--set", f"data.events={uri}", *arguments)
        assert said.returncode == 0, said.stderr
        assert "bucket/events.csv" in said.stdout
        assert "planted" not in said.stdout


def test_data_are_no_configuration(tmp_path):
    (tmp_path / "flows.csv").write_text("date,inflow\n2026-01-01,1\n")
    done = tidecast(tmp_path, "config", "flows.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert "flows.csv: it is data, and a configuration belongs here: `tidecast run DATA --save-config" in done.stderr
