"""What the LSTM models use of pydantic, for a machine that has none: settings with their defaults, unchecked.

The models' settings are pydantic classes. To train with the defaults, a class only has to take keywords and to give its
defaults for the others. Nothing is validated here, and the page says so.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

__all__ = ["install_if_missing"]


class FieldInfo:
    """A default that has a description."""

    def __init__(self, default: Any) -> None:
        self.default = default


def field(default: Any = ..., **_: Any) -> Any:
    return FieldInfo(default)


class BaseModel:
    """Keywords become attributes; the others have their class's defaults."""

    def __init_subclass__(cls, **_: Any) -> None:
        for name, value in list(vars(cls).items()):
            if isinstance(value, FieldInfo):
                setattr(cls, name, value.default)

    def __init__(self, **given: Any) -> None:
        known = {name for cls in type(self).__mro__ for name in vars(cls).get("__annotations__", {})}
        if unknown := set(given) - known:
            raise TypeError(f"{type(self).__name__} has no setting {min(unknown)}")
        for cls in type(self).__mro__:
            for method in vars(cls).values():
                if getattr(getattr(method, "__func__", None), "completes", False):
                    given = method.__func__(type(self), given)
        vars(self).update(given)


def model_validator(*, mode: str) -> Any:
    """A decorator of class methods that complete the keywords; others would need the checks that are missing here."""
    if mode != "before":
        raise NotImplementedError(f"a model_validator of mode {mode!r}: the stand-in knows before alone")

    def mark(method: Any) -> Any:
        method.__func__.completes = True
        return method

    return mark


def model_serializer(*_: Any, **__: Any) -> Any:
    """A decorator; nothing is serialized."""
    return lambda method: method


def install_if_missing() -> bool:
    """Put the stand-in where `import pydantic` finds it, unless there is a pydantic. Returns whether it did."""
    try:
        import pydantic  # noqa: F401
    except ModuleNotFoundError:
        module, config = ModuleType("pydantic"), ModuleType("pydantic.config")
        names = {"BaseModel": BaseModel, "Field": field, "ConfigDict": dict, "SerializerFunctionWrapHandler": object}
        names |= {"model_serializer": model_serializer, "model_validator": model_validator}
        vars(module).update(names, config=config)
        vars(config).update(JsonDict=dict)
        sys.modules.update({"pydantic": module, "pydantic.config": config})
        return True
    return False
