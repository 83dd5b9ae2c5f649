"""The keys of a configuration as text: YAML from a file or a pipe, and single keys written as ``a.b=c``.

YAML takes the last of two equal keys. Here that is an error, because the first would be lost without a word. What no
configuration needs is refused before it costs time or memory: long texts, deep nests, values without end, huge numbers.
"""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Hashable, Iterable, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from forecasting.data.spec import day_of
from forecasting.errors import ConfigError, visible

__all__ = [
    "PIPE",
    "AsOf",
    "asked_day",
    "check_bounds",
    "fields_of",
    "home",
    "in_text",
    "is_pipe",
    "nearest_keys",
    "read_keys",
    "set_key",
]

PIPE = "-"
"""Stands for the standard input where a configuration belongs."""
AsOf = str | dt.date | None
"""The last day to be looked at, as it was asked for; None: all."""
MOST_CHARACTERS = 250_000
"""Of a whole configuration; reading so many takes seconds."""
MOST_VALUES = 100_000
"""Of a whole configuration, those that an alias repeats among them."""
MOST_LEVELS = 40
LONGEST_TEXT = 5_000
"""Characters of one key or value."""
MOST_MERGED = 100
"""Mappings that ``<<`` may merge into one, and keys that it may have then, times `MOST_MERGED`."""
LARGEST_WHOLE = 2**63 - 1
_SHOWN = 80
"""Characters of a bad text that a message repeats."""
_NO_YAML = ("%", "@", "`")
"""With these no value of YAML begins: such as %d.%m.%Y is meant as a text."""
_ALIKE = 0.6
"""Likeness from which on two names are taken for each other, from 0 to 1."""
_TOO_DEEP = "nested too deeply: a configuration is a few levels of keys"
_TOO_MANY = f"holds more than {MOST_VALUES:,} values: leave out what is repeated, and aliases of aliases"

_KINDS = {"timestamp": "date", "bool": "truth value"}
"""What a value looks like to YAML, by the end of its tag, and in a sentence; else it is a number."""


class _Refused(yaml.YAMLError):
    """A key that stands twice, or a value that cannot be, said in a sentence."""


class _Loader(yaml.SafeLoader):
    """YAML without types of Python, in which a key stands once, and nothing is so large that reading it takes long."""

    _level = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The node of what comes next in the text; `_Refused` when it is nested too deeply or too long."""
        self._level += 1
        if self._level > MOST_LEVELS:
            raise _Refused(_TOO_DEEP)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._level -= 1
        if isinstance(node, yaml.ScalarNode) and len(node.value) > LONGEST_TEXT:
            raise _Refused(f"line {node.start_mark.line + 1} holds a value of more than {LONGEST_TEXT:,} characters")
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge what ``<<`` names into the mapping; `_Refused` when that is a lot, as it grows with each level."""
        merges = [value for key, value in node.value if key.tag == "tag:yaml.org,2002:merge"]
        if sum(len(value.value) if isinstance(value, yaml.SequenceNode) else 1 for value in merges) > MOST_MERGED:
            raise _Refused(f"more than {MOST_MERGED} mappings are merged on line {node.start_mark.line + 1}")
        super().flatten_mapping(node)
        if len(node.value) > MOST_MERGED**2:
            raise _Refused(f"the mapping on line {node.start_mark.line + 1} has more than {MOST_MERGED**2:,} keys")

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping of a node; `_Refused` when a key is repeated."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line, name = key.start_mark.line + 1, key.value
            if not isinstance(name, str):
                continue  # a list or a mapping: no key, as YAML says below
            if name in lines:
                raise _Refused(f"{name} stands twice, on lines {lines[name]} and {line}: remove one")
            lines[name] = line
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node; `_Refused` where it looks like a date or a number and is none, such as 2024-11-31."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError, KeyError):
            kind = _KINDS.get(node.tag.rpartition(":")[2], "number")
            where, remedy = f"line {node.start_mark.line + 1}", "correct it, or put it in quotes if it is text"
            raise _Refused(f"{_shown(node.value)} on {where} is no {kind} that can be: {remedy}") from None


def home(path: str) -> str:
    """A path with ``~`` spelled out; URIs stay as they are."""
    return str(Path(path).expanduser()) if path.startswith("~") else path


def is_pipe(path: str) -> bool:
    """Whether a configuration comes from the standard input or another pipe."""
    return path == PIPE or (Path(path).exists() and not Path(path).is_file() and not Path(path).is_dir())


def read_keys(
    path: str, example: str = "see `tidecast config demo` for what a configuration looks like"
) -> dict[str, Any]:
    """The keys of a configuration file or pipe; `example` is the remedy where it holds none.

    Raises
    ------
    ConfigError
        When it cannot be read, is no YAML, holds no keys, or holds one twice.
    """
    name = "standard input" if path == PIPE else path
    try:
        raw = _parsed(_text(path))
    except _Refused as error:
        raise ConfigError(f"{name}: {error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}: not readable as YAML ({_one_line(error)}): fix that place") from None
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read ({error.strerror}): check the path") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{name}: holds no keys: {example}")
    return raw


def asked_day(as_of: str | dt.date) -> dt.date:
    """The day that ``--as-of`` or `as_of` means.

    Raises
    ------
    ConfigError
        When it is none.
    """
    try:
        return day_of(as_of)
    except ValueError as error:
        raise ConfigError(where=f"--as-of {as_of}", what=str(error)) from None


def set_key(raw: dict[str, Any], override: str) -> None:
    """Set one key of a configuration, written as ``windows.n_windows=3`` or ``members.0.seeds=4``.

    Raises
    ------
    ConfigError
        When it is written in another way, or there is no such place.
    """
    key, sign, text = override.partition("=")
    override = _shown(override)
    if not sign or not key.strip():
        raise ConfigError(f"--set {override}: write it as key=value, such as windows.n_windows=3")
    try:
        value = text.strip() if text.lstrip().startswith(_NO_YAML) else _parsed(text)
    except _Refused as error:
        raise ConfigError(f"--set {override}: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: the value is not YAML ({_one_line(error)})") from None
    node: Any = raw
    *parents, last = key.strip().split(".")
    if len(parents) >= MOST_LEVELS:
        raise ConfigError(f"--set {override}: {_TOO_DEEP}")
    for part in parents:
        node = _descend(node, part, override)
    if isinstance(node, list):
        node[_index(node, last, override)] = value
    elif isinstance(node, dict):
        node[last] = value
    else:
        raise ConfigError(f"--set {override}: {'.'.join(parents)} is a single value and has no keys")


def fields_of(model: type[BaseModel], before: str = "") -> dict[str, FieldInfo]:
    """Every key of a configuration as ``a.b``, its sections among them, with what is known of it."""
    found: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        found[f"{before}{name}"] = field
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= fields_of(field.annotation, f"{before}{name}.")
    return found


def nearest_keys(name: str, keys: Iterable[str]) -> list[str]:
    """Those of `keys` that somebody may mean who writes `name`: spelled most alike, as a whole or in the last part."""

    def alike(key: str) -> float:
        last = SequenceMatcher(None, name.rpartition(".")[2], key.rpartition(".")[2]).ratio()
        return max(last, SequenceMatcher(None, name, key).ratio())

    likeness = {key: alike(key) for key in keys}
    best = max(likeness.values(), default=0.0)
    return [key for key in likeness if likeness[key] == best][:3] if best >= _ALIKE else []


def in_text(value: Any) -> str:
    """A value as YAML on one line, in which what a terminal would act on is escaped."""
    text = _dumped(value, allow_unicode=True)
    return text if visible(text) == text else _dumped(value, allow_unicode=False)


def _dumped(value: Any, *, allow_unicode: bool) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=allow_unicode, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def check_bounds(raw: Mapping[str, Any], source: str) -> None:
    """Refuse what no setting can mean and nobody should have to wait for; `source` names the configuration in errors.

    Raises
    ------
    ConfigError
        Deep nests, very many values, long texts, whole numbers beyond 64 bits, and nan and inf.
    """
    left: list[tuple[str, Any, int]] = [("", raw, 0)]
    n_values = 0
    while left:
        place, value, level = left.pop()
        n_values += 1
        fault = _fault(value, level) if n_values <= MOST_VALUES else _TOO_MANY
        if fault is not None:
            raise ConfigError(f"{source}: {_shown(place) + ': ' if place and fault != _TOO_MANY else ''}{fault}")
        before = f"{place}." if place else ""
        if isinstance(value, Mapping):
            left += [(f"{before}{_shown(str(key))}", inner, level + 1) for key, inner in value.items()]
            left += [(place, key, level) for key in value if isinstance(key, str) and len(key) > LONGEST_TEXT]
        elif isinstance(value, (list, tuple, set)):
            left += [(f"{before}{index}", inner, level + 1) for index, inner in enumerate(value)]


def _fault(value: Any, level: int) -> str | None:
    """What is wrong with one value by itself."""
    if level > MOST_LEVELS:
        return _TOO_DEEP
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"is longer than {LONGEST_TEXT:,} characters: shorten it"
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        return f"is a number of {value.bit_length()} bits: give one of at most 63"
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}: give a finite number"
    return None


def _text(path: str) -> str:
    """The text of a file or pipe, which is read no further than a configuration can be long."""
    if path == PIPE:
        text = sys.stdin.read(MOST_CHARACTERS + 1)
    else:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(MOST_CHARACTERS + 1)
    if len(text) > MOST_CHARACTERS:
        raise _Refused(f"longer than {MOST_CHARACTERS:,} characters, and so no configuration: check the path")
    return text


def _parsed(text: str) -> Any:
    if len(text) > MOST_CHARACTERS:
        raise _Refused(f"longer than {MOST_CHARACTERS:,} characters: shorten it")
    try:
        return yaml.load(text, _Loader)
    except RecursionError:
        raise _Refused(_TOO_DEEP) from None


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _descend(node: Any, part: str, override: str) -> Any:
    if isinstance(node, list):
        return node[_index(node, part, override)]
    if not isinstance(node, dict):
        raise ConfigError(f"--set {override}: there is no section {part!r} to set a key in")
    if node.get(part) is None:
        node[part] = {}
    return node[part]


def _index(node: list[Any], part: str, override: str) -> int:
    if not part.isdigit() or int(part) >= len(node):
        raise ConfigError(f"--set {override}: {part!r} must be a number from 0 to {len(node) - 1}")
    return int(part)


def _one_line(error: Exception) -> str:
    """What is wrong and where, without the lines that YAML quotes: they may hold a secret, and half of a URI."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{error.problem} on line {mark.line + 1}, column {mark.column + 1}"
    return " ".join(str(error).split())
