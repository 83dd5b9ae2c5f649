"""Presets: the members and the blend of a run, for one series and for panels."""

from __future__ import annotations

from typing import Any

from cluster.config import bundled_presets
from cluster.keys import in_text, read_keys
from forecasting.errors import ConfigError

__all__ = ["DEFAULT_PRESET", "preset_keys", "preset_overrides"]

DEFAULT_PRESET = "standard"
PARTS = {"members", "blend"}
"""All that a preset may say."""


def preset_keys(name: str, *, panel: bool) -> dict[str, Any]:
    """The keys of a preset.

    Raises
    ------
    ConfigError
        When its file says more than members and blend.
    """
    full = f"panel-{name}" if panel else name
    keys = read_keys(str(bundled_presets()[full]))
    if not keys.keys() <= PARTS:
        raise ConfigError(where=f"preset {full}", what=f"it says more than {' and '.join(sorted(PARTS))}")
    return keys


def preset_overrides(name: str, *, panel: bool) -> tuple[str, ...]:
    """The keys of a preset as ``key=value``, for a configuration that has its own."""
    return tuple(f"{key}={in_text(value)}" for key, value in preset_keys(name, panel=panel).items())
