"""Versions of installed distributions, and those that a model's numbers depend on."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from forecasting.models import model_type

__all__ = ["code_of", "installed"]


def installed(distribution: str) -> str | None:
    """Its version, or None where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def code_of(model: str) -> dict[str, Any]:
    """What a stored state must find again to forecast the same: the model's own version and its libraries'."""
    cls = model_type(model)
    return {"version": cls.version, "libraries": {name: installed(name) for name in cls.libraries}}
