"""Values that cannot be are refused by their line, and days are read as they are usually written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml

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
