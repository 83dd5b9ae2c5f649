"""Versions of installed distributions, and those that a model's numbers depend on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from ensembles.files.stored import Stored
from forecasting.models import model_type

__all__ = ["ModelCode", "code_of", "installed"]


class ModelCode(Stored):
    """The code that fitted a model: its own version, and the versions of the libraries it uses."""

    version: int
    libraries: Mapping[str, str | None]


@cache
def installed(distribution: str) -> str | None:
    """Version of a distribution, or None where it is not installed; its files are read once."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def code_of(model: str) -> ModelCode:
    """The code of a model in this program: a stored state must find the same code to forecast the same."""
    cls = model_type(model)
    return ModelCode(version=cls.version, libraries={name: installed(name) for name in cls.libraries})
