"""A user's own models: registered by hand, or found by an entry point.

By hand, for a notebook or a script that runs with the local executor:

    from forecasting.models import register
    register("my-model", MyModel)

By an entry point of an installed package, for every process and so for Ray's workers too:

    [project.entry-points."tidecast.models"]
    my-model = "my_package.models:MyModel"

Either way a configuration may then say ``{model: my-model}``. `forecasting.models.base` says what a model is, and
`forecasting.testing.check_model` whether a class keeps to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from forecasting.errors import ConfigError
from forecasting.models.base import AnyModel

__all__ = ["GROUP", "add", "check_class", "find", "names", "only_here", "temporarily"]

GROUP = "tidecast.models"
"""Entry point group that packages put their models in."""
FACTS = ("family", "version", "libraries", "seeded", "seconds_per_fit", "settings_type", "predict")
STACKED = ("backend", "fits_per_batch", "bytes_per_fit")
FITS = ("fit", "fit_many", "fit_all")

_registered: dict[str, type[AnyModel]] = {}


def add(name: str, cls: type[Any]) -> None:
    """Register a class. A name that was registered before gets the new class, as when a notebook's cell runs twice.

    Raises ConfigError when the class is no model.
    """
    _registered[name] = check_class(name, cls)


def find(name: str) -> type[AnyModel] | None:
    """The class of this name, None where there is none.

    Raises
    ------
    ConfigError
        When an entry point of this name cannot be loaded, or is no model.
    """
    if name in _registered:
        return _registered[name]
    entry = _entries().get(name)
    if entry is None:
        return None
    try:
        cls = entry.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"model {name!r}: its entry point {entry.value} cannot be loaded ({error}): mend or remove that package"
        ) from None
    return check_class(name, cls)


def names() -> tuple[str, ...]:
    """Names of all plug-ins."""
    return (*_registered, *_entries())


def only_here(name: str) -> bool:
    """Whether the model is known to this process alone, so that a Ray worker could not build it."""
    return name in _registered


@contextmanager
def temporarily(name: str, cls: type[Any]) -> Iterator[None]:
    """Have a class registered for the length of a block."""
    add(name, cls)
    try:
        yield
    finally:
        del _registered[name]


def check_class(name: str, cls: Any) -> type[AnyModel]:
    """The class, when it has all that a model needs.

    Raises
    ------
    ConfigError
        Naming what it lacks.
    """
    where = f"model {name!r} ({getattr(cls, '__name__', cls)})"
    if not isinstance(cls, type):
        raise ConfigError(f"{where} is no class: register the class itself, made from its settings when it is used")
    for attribute in (*FACTS, *(STACKED if hasattr(cls, "fit_many") else ())):
        if not hasattr(cls, attribute):
            raise ConfigError(f"{where} lacks {attribute}: forecasting.models.base says what a model has")
    if sum(hasattr(cls, fit) for fit in FITS) != 1:
        raise ConfigError(f"{where} must have one of {', '.join(FITS)}: forecasting.models.base says which")
    return cls


@cache
def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
