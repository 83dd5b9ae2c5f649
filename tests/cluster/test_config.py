from importlib.metadata import EntryPoint

import pytest
import yaml
from pydantic import Field

from cluster.config import bundled_configs, expand_members, load_config, parse_config
from cluster.describe import describe
from forecasting.axis import Axis
from forecasting.calendar import Calendar
from forecasting.errors import ConfigError
from forecasting.models import plugins
from forecasting.models.base import Settings
from forecasting.models.naive import SeasonalNaive

MINIMAL = {"members": [{"model": "seasonal-naive"}]}


def refused(raw, *words):
    with pytest.raises(ConfigError) as caught:
        parse_config(raw, "my.yaml")
    text = str(caught.value)
    assert text.startswith("my.yaml: ")
    assert "\n" not in text
    for word in words:
        assert word in text, text


@pytest.mark.parametrize("name", bundled_configs())
def test_bundled_configurations_are_valid(name):
    assert expand_members(load_config(name))
    assert load_config(f"configs/{name}.yaml") == load_config(name)


def test_an_unknown_key_names_the_nearest():
    refused({**MINIMAL, "window": {}}, "window: unknown key; did you mean windows?")
    refused({**MINIMAL, "windows": {"n_window": 3}}, "windows.n_window: unknown key; did you mean n_windows?")
    refused(
        {"members": [{"model": "arima", "max_pp": 1}]}, "members.0 (arima)", "max_pp: unknown key; did you mean max_p?"
    )


def test_values_out_of_range_are_refused_with_the_place():
    refused({**MINIMAL, "windows": {"n_windows": 0}}, "windows.n_windows", "greater than or equal to 1")
    refused({**MINIMAL, "cluster": {"gpus_per_worker": 0.3}}, "gpus_per_worker must be 1, 0.5, 0.25, 0.125 or 0")
    refused({**MINIMAL, "cluster": {"gpus_per_worker": 0, "device": "cuda"}}, "must be above 0 for device cuda")
    refused({**MINIMAL, "cluster": {"gpu_cost": {"fit": 0}}}, "cluster.gpu_cost.fit", "greater than 0")
    refused({**MINIMAL, "run": {"keep": "some"}}, "run.keep")
    refused({**MINIMAL, "score": {"surrogate": "rmse"}}, "score.surrogate: is no score: choose one of concave, convex,")
    refused({**MINIMAL, "blend": {"candidates": ["gredy"]}}, "'gredy' is none of mean, median, trimmed-mean")
    refused({"members": []}, "members")
    refused({}, "members: is missing")


def test_models_and_members_are_checked():
    with pytest.raises(ConfigError, match="'arma' does not exist: did you mean arima"):
        parse_config({"members": [{"model": "arma"}]}, "my.yaml")
    refused({"members": [{"model": "arima", "seeds": 3}]}, "does not use its seed")
    refused({"members": [{"model": "seasonal-naive"}, {"model": "seasonal-naive"}]}, "makes seasonal-naive twice")
    refused({"members": [{"model": "weekday-mean", "k": []}]}, "empty list")


def test_lists_expand_to_a_grid_times_seeds():
    raw = {"members": [{"model": "lstm-direct", "input_size": [7, 15], "hidden_size": [4, 8], "seeds": 3}]}
    members = expand_members(parse_config(raw, "x"))
    assert len(members) == 12
    assert len({m.member_id for m in members}) == 12
    assert [m.member_id for m in members] == sorted(m.member_id for m in members)
    assert len({m.setting for m in members}) == 4


def test_a_members_identity_is_model_settings_and_seed_alone():
    def ids(*entries):
        return {m.member_id for m in expand_members(parse_config({"members": list(entries)}, "x"))}

    alone = ids({"model": "weekday-mean", "k": 4})
    assert alone < ids({"model": "weekday-mean", "k": [3, 4]}, {"model": "seasonal-naive"})
    assert alone == ids({"model": "weekday-mean"})  # the default said aloud
    assert alone == ids({"model": "weekday-mean", "name": "another label"})


def test_overrides_reach_nested_keys_and_list_items(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(MINIMAL))
    config = load_config(str(path), ["windows.n_windows=2", "members.0.season_length=14", "seed=9", "calendar=null"])
    assert (config.windows.n_windows, config.seed, config.calendar) == (2, 9, None)
    assert config.members[0].settings == {"season_length": 14}
    for bad, word in (
        ("seed", "key=value"),
        ("members.7.k=1", "from 0 to 0"),
        ("members.0.model.x=1", "no section|single value"),
        ("a=[", "not YAML"),
    ):
        with pytest.raises(ConfigError, match=word):
            load_config(str(path), [bad])


@pytest.mark.parametrize(("kind", "calendar"), [("yuebao", "CN"), ("table", None), ("panel", None)])
def test_the_competition_alone_has_a_calendar_unasked(kind, calendar):
    assert parse_config({**MINIMAL, "data": {"kind": kind}}, "x").calendar == calendar
    assert parse_config({**MINIMAL, "data": {"kind": kind}, "calendar": None}, "x").calendar is None
    assert parse_config({**MINIMAL, "data": {"kind": kind}, "calendar": "DE"}, "x").calendar == "DE"


def test_norway_without_quotes_is_refused_with_the_remedy(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(MINIMAL) + "calendar: NO\n")
    with pytest.raises(ConfigError, match="calendar: put the code in quotes, as in calendar: 'NO'"):
        load_config(str(path))
    path.write_text(yaml.safe_dump(MINIMAL) + "calendar: 'NO'\n")
    assert load_config(str(path)).calendar == "NO"


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "\x00", "members: &a [*a]"])
def test_a_file_that_is_no_configuration_is_one_sentence(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_file_lists_the_bundled_ones():
    with pytest.raises(ConfigError, match=r"bundled are .*demo.*yuebao"):
        load_config("nope.yaml")


def test_describe_prints_every_key_and_reads_back():
    config = load_config("demo")
    text = describe(config)
    assert parse_config(yaml.safe_load(text), "printed") == config
    assert all("#" in line for line in text.splitlines() if not line.startswith("  - "))
    assert "model: lstm-direct" in describe()


class Week(Settings):
    weeks: int = Field(3, description="weeks looked back")


def test_models_of_ones_own_are_listed_beside_the_built_in(monkeypatch):
    own = type("Own", (SeasonalNaive,), {"family": "mine", "settings_type": Week})
    broken = EntryPoint("broken", "no_such_package:Model", plugins.GROUP)
    monkeypatch.setattr(plugins, "_entries", lambda: {"broken": broken})
    with plugins.temporarily("last-weeks", own):
        text = describe()
    assert "  - model: last-weeks  # family mine, a plug-in\n    weeks: 3  # weeks looked back\n" in text
    assert "  # model 'broken': its entry point no_such_package:Model cannot be loaded" in text
    assert "model: file" in text
    assert yaml.safe_load(text)["members"][-1] == {"model": "last-weeks", "weeks": 3}
    assert "last-weeks" not in describe()


def test_a_season_that_is_left_out_is_that_of_the_periods():
    raw = {"members": [{"model": "seasonal-naive"}, {"model": "arima", "season_length": 7}]}

    def seasons(freq, week=None):
        members = expand_members(parse_config(raw, "x"), Axis(freq, Calendar(week=week)))
        return {m.model: m.settings["season_length"] for m in members}

    assert seasons("D") == {"seasonal-naive": 7, "arima": 7}
    assert seasons("B") == {"seasonal-naive": 5, "arima": 7}
    assert seasons("B", (0, 1, 2, 3, 4, 5)) == {"seasonal-naive": 6, "arima": 7}
    assert seasons("W") == {"seasonal-naive": 52, "arima": 7}
    daily = expand_members(parse_config(raw, "x"))
    assert daily == expand_members(parse_config(raw, "x"), Axis("D", Calendar("DE")))
