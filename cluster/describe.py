"""What a configuration says, as YAML with comments: all of it, what differs from the defaults, or one key of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cluster.config import MemberEntry, RunConfig, bundled_configs, bundled_presets
from cluster.keys import fields_of, in_text, nearest_keys
from forecasting.errors import ConfigError
from forecasting.models import built_in_models, model_names, model_type
from forecasting.places.uri import redacted

__all__ = ["describe", "describe_key", "differences", "known_keys", "option_hint", "overview"]

_USAGE = """\
tidecast config NAME          what a configuration sets
tidecast config NAME --all    every key of it with its value and meaning
tidecast config --all         every key and every model with its defaults
tidecast config --key a.b     one key: its meaning, default and allowed values
"""
_WIDTH = 80
"""Characters of a line of the overview."""
_KINDS = {"integer": "whole number", "number": "number", "string": "text"}
_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def describe(config: RunConfig | None = None) -> str:
    """Every key with its value (or default) and meaning, as YAML with comments."""
    lines: list[str] = []
    for name, field in RunConfig.model_fields.items():
        value = (
            getattr(config, name)
            if config
            else None
            if field.is_required()
            else field.get_default(call_default_factory=True)
        )
        if isinstance(value, BaseModel):
            lines += [f"{name}:  # {field.description}", *_section_lines(value)]
        elif name == "members":
            lines += [f"members:  # {field.description}", *_member_lines(config)]
        else:
            lines.append(_line(name, value, field.description, ""))
    return "\n".join(lines) + "\n"


def differences(config: RunConfig) -> str:
    """What a configuration sets beyond the defaults, with short comments; read back, it is the same configuration."""
    lines: list[str] = []
    for name, field in RunConfig.model_fields.items():
        value = getattr(config, name)
        if name == "members":
            lines += [f"members:  # {field.description}", *_member_lines(config)]
        elif isinstance(value, BaseModel):
            fields = type(value).model_fields
            own = [
                _short_line(key, getattr(value, key), inner.description, "  ")
                for key, inner in fields.items()
                if getattr(value, key) != inner.get_default(call_default_factory=True)
            ]
            lines += [f"{name}:  # {field.description}", *own] if own else []
        elif name == "calendar" or value != field.get_default(call_default_factory=True):
            lines.append(_short_line(name, value, field.description, ""))
    return "\n".join(lines) + "\n"


def overview() -> str:
    """The bundled configurations, presets, sections and models by name, and how to see more of them."""
    presets = ", ".join(name for name in bundled_presets() if not name.startswith("panel-"))
    families: dict[str, list[str]] = {}
    for model in model_names():
        try:
            families.setdefault(model_type(model).family, []).append(model)
        except ConfigError as error:  # as in `_member_lines`
            families.setdefault("not usable", []).append(str(error))
    sections = {name: (field.description or "").partition(";")[0] for name, field in RunConfig.model_fields.items()}
    configs = {name: _first_sentence(path) for name, path in bundled_configs().items()}
    models = {family: ", ".join(names) for family, names in families.items()}
    parts = {
        "bundled configurations": configs, "presets, for --preset": {presets: ""}, "keys and sections": sections,
        "models by family": models,
    }  # fmt: skip
    return _USAGE + "".join(f"\n{title}\n{_indented(rows, _WIDTH)}" for title, rows in parts.items())


def _indented(rows: Mapping[str, str], most: int = 10_000) -> str:
    """A name and a text on each line, cut to `most` characters."""
    width = max(map(len, rows))
    lines = (
        f"  {name:<{width}}  {shorten(text, max(most - width - 4, 20), placeholder=' …')}"
        for name, text in rows.items()
    )
    return "".join(line.rstrip() + "\n" for line in lines)


def _first_sentence(path: Path) -> str:
    """The first sentence of the comment that a configuration begins with."""
    lines = path.read_text(encoding="utf-8").splitlines()
    n_comments = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return " ".join(line.lstrip("# ") for line in lines[:n_comments]).partition(". ")[0].rstrip(".")


def known_keys() -> dict[str, FieldInfo]:
    """Every key as it is written after ``--key``, sections among them: of a member as ``members.seeds``, of a model as
    ``lstm-direct.epochs``.
    """
    keys = fields_of(RunConfig) | {f"members.{name}": field for name, field in MemberEntry.model_fields.items()}
    for model in model_names():
        try:
            settings = model_type(model).settings_type
        except ConfigError:
            continue
        keys |= {f"{model}.{name}": field for name, field in settings.model_fields.items()}
    return keys


def describe_key(key: str, config: RunConfig | None = None, source: str = "") -> str:
    """One key: meaning, default, allowed values and, of a configuration, its value; a section or a model with its keys.

    Raises
    ------
    ConfigError
        When there is no such key; the sentence names the nearest.
    """
    keys = known_keys()
    place = ".".join(part for part in key.split(".") if not part.isdigit())
    inside = {name: field.description or "" for name, field in keys.items() if name.startswith(f"{place}.")}
    if place not in keys and not inside:
        near = nearest_keys(place, keys)
        hint = f"did you mean {' or '.join(near)}?" if near else "tidecast config --all lists all"
        raise ConfigError(f"--key {key}: there is no such key; {hint}")
    head = f"{place}\n"
    if inside:
        meaning = keys[place].description if place in keys else f"a model of family {model_type(place).family}"
        return f"{head}  meaning  {meaning}\n\n{_indented(inside)}"
    field, value = keys[place], _value_at(config, place)
    rows = {"meaning": field.description or "", "default": _default(field), "allowed": _allowed_of(field)}
    if value is not None:
        rows["value"] = f"{value} in {source}"
    return head + _indented(rows)


def _value_at(config: RunConfig | None, place: str) -> str | None:
    """The value of a key of a configuration as text; None without one, and for what is of members and models."""
    node: Any = config
    for part in place.split("."):
        node = getattr(node, part, None) if isinstance(node, BaseModel) else None
        if node is None and config is not None and place in fields_of(RunConfig):
            return "null"
    return None if node is None else _flow(list(node) if isinstance(node, tuple) else node)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none: it must be given"
    value = field.get_default(call_default_factory=True)
    return _flow(list(value) if isinstance(value, tuple) else value)


def _allowed_of(field: FieldInfo) -> str:
    from pydantic import TypeAdapter

    kind: Any = Annotated[field.annotation, field]
    return _allowed(TypeAdapter(kind).json_schema())


def _allowed(schema: Mapping[str, Any]) -> str:
    """What a JSON schema allows, in words."""
    if options := schema.get("anyOf"):
        return ", or ".join(_allowed(option) for option in options)
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "const" in schema:
        return str(schema["const"])
    if schema.get("format") == "date":
        return "a day as 2024-11-15"
    kind = schema.get("type")
    if kind == "boolean":
        return "true or false"
    if kind == "array":
        return f"a list: {_allowed(schema.get('items', {}))}"
    if kind == "object":
        return f"names, each with: {_allowed(schema.get('additionalProperties') or {})}"
    bounds = [f"{words} {schema[name]}" for name, words in _BOUNDS.items() if name in schema]
    return " ".join([_KINDS.get(str(kind), str(kind or "any value")), " and ".join(bounds)]).rstrip()


def option_hint(option: str) -> str | None:
    """The key that somebody may mean who gives it as an option, such as ``--n-windows``, and how to set it."""
    name = option.lstrip("-").replace("-", "_")
    keys = [key for key in fields_of(RunConfig) if key.rpartition(".")[2] == name or key.replace(".", "_") == name]
    return f"it is a key of the configuration: --set {keys[0]}=VALUE" if keys else None


def _section_lines(section: BaseModel) -> list[str]:
    return [
        _line(name, getattr(section, name), field.description, "  ")
        for name, field in type(section).model_fields.items()
    ]


def _member_lines(config: RunConfig | None) -> list[str]:
    if config is not None:
        return [f"  - {_flow(_of_entry(entry))}" for entry in config.members]
    lines = []
    for model in model_names():
        try:
            cls = model_type(model)
        except ConfigError as error:  # somebody's package that cannot be used is no reason to hide the rest
            lines.append(f"  # {error}")
            continue
        whose = "" if model in built_in_models() else ", a plug-in"
        lines.append(f"  - model: {model}  # family {cls.family}{whose}")
        if cls.seeded:
            lines.append(_line("seeds", 1, "members that differ in their random streams only", "    "))
        for name, field in cls.settings_type.model_fields.items():
            lines.append(_line(name, field.get_default(call_default_factory=True), field.description, "    "))
    return lines


def _of_entry(entry: MemberEntry) -> dict[str, Any]:
    """The keys of an entry of `members`, without its own at their defaults; settings are all as they were set."""
    own = {name: field.default for name, field in MemberEntry.model_fields.items()}
    return {name: value for name, value in entry.model_dump().items() if name not in own or value != own[name]}


def _line(name: str, value: Any, meaning: str | None, indent: str) -> str:
    if isinstance(value, tuple):
        value = list(value)
    return f"{indent}{name}: {_flow(value)}" + (f"  # {meaning}" if meaning else "")


def _short_line(name: str, value: Any, meaning: str | None, indent: str) -> str:
    """As `_line`, its meaning cut to the width; `tidecast config --key` has all of it."""
    line = _line(name, value, None, indent)
    room = _WIDTH - len(line) - len("  # ")
    cut = shorten(meaning or "", max(room, 0), placeholder=" …") if room > len("meaning …") else ""
    return f"{line}  # {cut}" if cut else line


def _flow(value: Any) -> str:
    return in_text(redacted(value.model_dump(mode="json") if isinstance(value, BaseModel) else value))
