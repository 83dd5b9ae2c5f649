"""Values that cannot be are refused by their line, and days are read as they are usually written."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest
import yaml

from cluster.config import load_config, parse_config
from cluster.keys import asked_day, in_text, read_keys, set_key
from forecasting.errors import ConfigError


@pytest.mark.parametrize("key", ["as_of", "anything"])
def test_an_impossible_date_is_refused_by_its_line(tmp_path: Path, key: str) -> None:
    (tmp_path / "c.yaml").write_text(f"seed: 1\ndata:\n  {key}: 2024-11-31\n")
    with pytest.raises(ConfigError, match=r"c\.yaml: 2024-11-31 on line 3 is no date that can be: correct it"):
        read_keys(str(tmp_path / "c.yaml"))
    with pytest.raises(ConfigError, match=r"--set data\.as_of=2024-11-31: 2024-11-31 on line 1 is no date"):
        set_key({}, "data.as_of=2024-11-31")


@pytest.mark.parametrize("asked", ["2024-11-15", "20241115", dt.date(2024, 11, 15), dt.datetime(2024, 11, 15, 8)])
def test_a_day_may_be_written_in_two_ways(asked: str | dt.date) -> None:
    assert asked_day(asked) == dt.date(2024, 11, 15)


@pytest.mark.parametrize("asked", ["2024-W46-5", "2024-11-31", "20241131", "15.11.2024", ""])
def test_what_is_no_day_is_refused(asked: str) -> None:
    with pytest.raises(ConfigError, match=r"--as-of .*: not a date; "):
        asked_day(asked)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a, b]: 1\n", "not readable as YAML"),
        ("[" * 3000, "nested too deeply"),
        ("a: !!bool x\n", "x on line 1 is no truth value that can be"),
        ("a: 1\nb: 2\na: 3\n", "a stands twice, on lines 1 and 3: remove one"),
    ],
)
def test_odd_yaml_is_refused_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"c\.yaml: {said}"):
        read_keys(str(tmp_path / "c.yaml"))


@pytest.mark.parametrize(
    ("value", "text"),
    [("余额", "余额"), ("a\u202eb", r'"a\u202Eb"'), ({"a": ["\x1b余", 1]}, '{a: ["\\e余", 1]}'), (None, "null")],
)
def test_a_value_in_text_acts_on_no_terminal(value: object, text: str) -> None:
    assert in_text(value) == text
    assert yaml.safe_load(text) == value


@pytest.mark.parametrize("depth", [50, 300, 5_000, 100_000])
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")])
def test_nested_brackets_are_refused_at_any_depth(tmp_path: Path, depth: int, left: str, right: str) -> None:
    text = left * depth + "1" + right * depth
    with pytest.raises(ConfigError, match=r"^--set x=.{0,90}: (nested too deeply|longer than 250,000 characters)"):
        set_key({}, f"x={text}")
    (tmp_path / "c.yaml").write_text(f"seed: 1\nx:\n {text}\n")
    with pytest.raises(ConfigError, match=r"c\.yaml: (nested too deeply|longer than 250,000 characters)"):
        read_keys(str(tmp_path / "c.yaml"))


def test_a_deep_place_is_refused() -> None:
    with pytest.raises(ConfigError, match="nested too deeply"):
        set_key({}, ".".join("a" * 5000) + "=1")


LAUGHS = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 30)
)
MERGES = "m0: &m0 {x: 1}\n" + "".join(f"m{k}: &m{k} {{<<: [{', '.join([f'*m{k - 1}'] * 9)}]}}\n" for k in range(1, 30))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "holds more than 100,000 values"),
        ("a: &a [*a]\n", "a.0.0.*: nested too deeply"),
        (MERGES, "(the mapping on line .* has more than 10,000 keys|members: is missing)"),
        (f"m: &m {{x: 1}}\nn: {{<<: [{', '.join(['*m'] * 101)}]}}\n", "more than 100 mappings are merged on line 2"),
        ("#" * 250_001, "longer than 250,000 characters, and so no configuration"),
        (f"x: {'1:' * 2600}1\n", "line 1 holds a value of more than 5,000 characters"),
        (f"x: {'9' * 4999}\n", "9+… on line 1 is no number that can be"),
        (f"seed: {10**30}\n", "seed: is a number of 100 bits: give one of at most 63"),
        ("windows: {step_size: -9223372036854775808}\n", "windows.step_size: is a number of 64 bits"),
        ("run: {max_failed_share: .nan}\n", "run.max_failed_share: is nan: give a finite number"),
        ("members: [{model: arima, clip: -.inf}]\n", "members.0.clip: is -inf: give a finite number"),
        ("members: [{model: arima, clip: '1e400'}]\n", "members.0 .arima.: clip: input should be a finite number"),
        ("members: [{model: arima}]\nseed: '" + "9" * 40 + "'\n", "seed: "),
    ],
    ids=lambda value: value[:20],
)
def test_what_no_configuration_needs_is_refused_soon(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    started = time.process_time()
    with pytest.raises(ConfigError, match=rf"c\.yaml: {said}") as refused:
        load_config(str(tmp_path / "c.yaml"))
    assert len(str(refused.value)) < 400
    assert time.process_time() - started < 30


def test_keys_from_python_have_the_same_bounds() -> None:
    nest: list[object] = []
    for _ in range(5000):
        nest = [nest]
    for bad in (nest, 2**63, float("inf"), "x" * 5001, {"y" * 5001: 1}, ["x"] * 100_001):
        with pytest.raises(ConfigError, match=r"^mine: "):
            parse_config({"members": [{"model": "arima", "days": bad}]}, "mine")


def test_very_many_members_are_refused_before_they_are_made() -> None:
    entry = {"model": "arima", "days": list(range(28, 1028)), "max_p": [0, 1, 2, 3], "clip": list(range(1, 1001))}
    with pytest.raises(ConfigError, match=r"members\.0 \(arima\): makes more than 100,000 members: use shorter lists"):
        parse_config({"members": [entry]}, "mine")


def test_an_alias_still_saves_typing(tmp_path: Path) -> None:
    text = "members:\n- &first {model: arima, days: 90}\n- {<<: *first, name: other, days: 120}\n"
    (tmp_path / "c.yaml").write_text(text)
    assert [entry.settings["days"] for entry in load_config(str(tmp_path / "c.yaml")).members] == [90, 120]
