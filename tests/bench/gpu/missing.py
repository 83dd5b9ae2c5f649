"""Which of the program's libraries a machine lacks, and the command that fetches them on another machine."""

from __future__ import annotations

import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

__all__ = ["fetch_command", "install_command", "missing"]

PROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"
IMPORTED_AS = {"pyyaml": "yaml"}
ALSO = "pytest>=8.3"
"""What runs the tests."""


def missing() -> list[str]:
    """Requirements of the program and its tests, as pip takes them, whose package cannot be imported here."""
    wanted = [*tomllib.loads(PROJECT.read_text())["project"]["dependencies"], ALSO]
    return [requirement for requirement in wanted if not _is_there(requirement)]


def _is_there(requirement: str) -> bool:
    name = requirement.partition(">")[0].partition("[")[0]
    try:
        return find_spec(IMPORTED_AS.get(name, name)) is not None
    except (ModuleNotFoundError, ValueError):  # ValueError: a stand-in without a spec
        return False


def fetch_command(requirements: list[str]) -> str:
    """What to run on a machine with a network; `wheels` is then carried over."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"pip download --only-binary=:all: --python-version {version} --dest wheels {_quoted(requirements)}"


def install_command(requirements: list[str]) -> str:
    """What to run here, beside `wheels`."""
    return f"pip install --no-index --find-links wheels {_quoted(requirements)}"


def _quoted(requirements: list[str]) -> str:
    return " ".join(f"'{requirement}'" for requirement in requirements)
