"""Every key of a configuration with its value and meaning, as YAML with comments."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from cluster.config import RunConfig
from cluster.keys import in_text
from forecasting.errors import ConfigError
from forecasting.models import built_in_models, model_names, model_type
from forecasting.places.uri import redacted

__all__ = ["describe"]


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


def _section_lines(section: BaseModel) -> list[str]:
    return [
        _line(name, getattr(section, name), field.description, "  ")
        for name, field in type(section).model_fields.items()
    ]


def _member_lines(config: RunConfig | None) -> list[str]:
    if config is not None:
        return [f"  - {_flow(entry.model_dump(exclude_none=True))}" for entry in config.members]
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


def _line(name: str, value: Any, meaning: str | None, indent: str) -> str:
    if isinstance(value, tuple):
        value = list(value)
    return f"{indent}{name}: {_flow(value)}" + (f"  # {meaning}" if meaning else "")


def _flow(value: Any) -> str:
    return in_text(redacted(value.model_dump(mode="json") if isinstance(value, BaseModel) else value))
