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

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic_core import PydanticSerializationError

from forecasting.errors import ConfigError, visible
from forecasting.models.base import AnyModel, ReadsPeers, Settings

__all__ = ["GROUP", "add", "as_stored", "check_class", "find", "names", "only_here", "temporarily"]

GROUP = "tidecast.models"
"""Entry point group that packages put their models in."""
FACTS = ("family", "version", "libraries", "seeded", "seconds_per_fit", "settings_type", "predict")
STACKED = ("backend", "fits_per_batch", "bytes_per_fit")
FITS = ("fit", "fit_many", "fit_all")
CALLED = ("predict", *FITS, *STACKED, "update", "check", "fingerprint", "warm_up", "gpu_count")
TYPES: dict[str, type[Any]] = {
    "family": str,
    "version": int,
    "libraries": tuple,
    "seeded": bool,
    "on_log": bool,
    "reads_gaps": bool,
}
KEPT_FAMILIES = ("blend", "candidate", "reference")
"""Of rows of the leaderboard that are no members, or that are never blended."""
LONGEST_NAME = 80

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
    if not isinstance(name, str) or not name.strip() or visible(name) != name or len(name) > LONGEST_NAME:
        raise ConfigError(f"model {name!r}: a name is text of 1 to {LONGEST_NAME} characters that can be seen")
    where = f"model {name!r} ({getattr(cls, '__name__', cls)})"
    if not isinstance(cls, type):
        raise ConfigError(f"{where} is no class: register the class itself, made from its settings when it is used")
    for attribute in (*FACTS, *(STACKED if hasattr(cls, "fit_many") else ())):
        if not hasattr(cls, attribute):
            raise ConfigError(f"{where} lacks {attribute}: forecasting.models.base says what a model has")
    if sum(hasattr(cls, fit) for fit in FITS) != 1:
        raise ConfigError(f"{where} must have one of {', '.join(FITS)}: forecasting.models.base says which")
    for fault in _faults(cls):
        raise ConfigError(f"{where}: {fault}")
    return cls


def _faults(cls: type[Any]) -> Iterator[str]:
    """What a class says of itself that cannot be."""
    for attribute, kind in TYPES.items():
        value = getattr(cls, attribute, kind())
        if type(value) is not kind and not isinstance(value, property):
            yield f"{attribute} must be of type {kind.__name__}, and is {value!r}"
    if not all(isinstance(library, str) and library for library in cls.libraries):
        yield f"libraries must be names of distributions, and are {cls.libraries!r}"
    if not cls.family.strip() or visible(cls.family) != cls.family or cls.family in KEPT_FAMILIES:
        yield f"family must be a name other than {', '.join(KEPT_FAMILIES)}, and is {cls.family!r}"
    if not (isinstance(cls.settings_type, type) and issubclass(cls.settings_type, Settings)):
        yield "settings_type must be a class made from forecasting.models.base.Settings"
    for method in CALLED:
        if hasattr(cls, method) and not callable(getattr(cls, method)):
            yield f"{method} must be a method"
    if not isinstance(cls.seconds_per_fit, property):
        yield from _faults_of_seconds(cls.seconds_per_fit)


def _faults_of_seconds(seconds: object) -> Iterator[str]:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        yield f"seconds_per_fit must be a number above 0, and is {seconds!r}"


def as_stored(cls: type[AnyModel], settings: Settings, place: str) -> dict[str, Any]:
    """Settings as JSON, of which the same settings and a model can be made in any process; `place` begins an error.

    Raises
    ------
    ConfigError
        When they cannot be JSON, or no model can be made of them.
    """
    for name, value in settings:
        if isinstance(value, set | frozenset):
            raise ConfigError(f"{place}: setting {name} is a set, which has no order: make it a list or a tuple")
    try:
        stored = settings.model_dump(mode="json")
        model = cls(type(settings).model_validate(stored))
        faults = [*_faults_of_seconds(model.seconds_per_fit)]
        if isinstance(model, ReadsPeers) and type(model.n_peers) is not int:
            faults.append(f"n_peers must be a whole number, and is {model.n_peers!r}")
    except (MemoryError, KeyboardInterrupt, ConfigError):
        raise
    except PydanticSerializationError as error:
        raise ConfigError(f"{place}: a setting is nothing that JSON can hold ({error}): use numbers and text") from None
    except BaseException as error:
        told = f"{type(error).__name__}: {error}".strip(": ")
        raise ConfigError(f"{place}: no model can be made of these settings ({told}): mend {cls.__name__}") from None
    if faults:
        raise ConfigError(f"{place}: {faults[0]}")
    return stored


@cache
def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
