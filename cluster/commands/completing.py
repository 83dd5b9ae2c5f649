"""What a shell offers after Tab; read by the shell through ``tidecast --install-completion``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["configurations", "keys", "presets", "settable"]


def configurations(incomplete: str) -> list[str]:
    """Bundled configurations, and the files and folders of the working directory."""
    from cluster.config import bundled_configs

    here = sorted(path.name for path in Path().iterdir() if not path.name.startswith("."))
    return _beginning(incomplete, [*bundled_configs(), *here])


def presets(incomplete: str) -> list[str]:
    """Names of presets."""
    from cluster.inference.wishes import PRESET_NAMES

    return _beginning(incomplete, PRESET_NAMES)


def keys(incomplete: str) -> list[str]:
    """Keys, sections and models, as `tidecast config --key` takes them."""
    from cluster.describe import known_keys

    return _beginning(incomplete, known_keys())


def settable(incomplete: str) -> list[str]:
    """Keys of a configuration with their sign, as `--set` takes them."""
    from cluster.config import RunConfig
    from cluster.keys import fields_of

    keys = fields_of(RunConfig)
    sections = {key.rpartition(".")[0] for key in keys}
    return _beginning(incomplete, [f"{key}=" for key in keys if key not in sections])


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
