"""Models by name: the built-in ones, then a user's own (see `forecasting.models.plugins`).

Takes a name from a configuration; gives the model's class. A module in this folder or in `lstm` whose class has a
`name` adds a built-in model. `forecasting.models.base` says what a model is.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from forecasting.errors import ConfigError
from forecasting.models import plugins
from forecasting.models.base import AnyModel
from forecasting.models.plugins import as_stored
from forecasting.registry import found_in

__all__ = ["as_stored", "built_in_models", "model_names", "model_type", "register"]

PACKAGES = ("forecasting.models", "forecasting.models.lstm")


@cache
def built_in_models() -> Mapping[str, type[AnyModel]]:
    """Name in a configuration → class. Imports the models' modules, but none of the libraries they train with."""
    return {cls.name: cls for package in PACKAGES for cls in found_in(package, _has_a_name)}


def register(name: str, cls: type[Any]) -> None:
    """Make a user's own model known to this process under a name for configurations.

    Raises
    ------
    ConfigError
        When the name is a built-in model's, or the class is no model.
    """
    if name in built_in_models():
        raise ConfigError(f"model {name!r} is built in: register {cls.__name__} under another name")
    plugins.add(name, cls)


def model_names() -> tuple[str, ...]:
    """The built-in models, then those that a user registered or an installed package brings."""
    return tuple(dict.fromkeys((*built_in_models(), *plugins.names())))


def model_type(name: str) -> type[AnyModel]:
    """The class registered under a name.

    Raises
    ------
    ConfigError
        When no model has this name.
    """
    found = built_in_models().get(name) or plugins.find(name)
    if found is None:
        known = sorted(model_names())
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "choose one of " + ", ".join(known)
        raise ConfigError(f"model {name!r} does not exist: {hint}")
    return found


def _has_a_name(value: Any) -> bool:
    return isinstance(value, type) and isinstance(vars(value).get("name"), str)
