"""Find the objects of one kind that a package's modules define.

Scores, models, blend methods, report sections and data sources are each one module in a folder. A new one is found
because its module is there; no table names it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

__all__ = ["found_in"]


@cache
def found_in(package: str, accept: Callable[[Any], bool]) -> tuple[Any, ...]:
    """Every public object of a package's modules that `accept` takes; its subpackages are not searched.

    Parameters
    ----------
    package
        Dotted name of the package. Its modules are imported, so they should import heavy libraries where they use them.
    accept
        Tells whether an object is wanted. Pass a module-level function: results are cached by it.

    Returns
    -------
    tuple
        Modules by name, each module's objects as it defines them. A class or function that a module
        only imports is left out.
    """
    found = {id(value): value for module in _modules(package) for value in _defined(module) if accept(value)}
    return tuple(found.values())


def _modules(package: str) -> list[ModuleType]:
    path = import_module(package).__path__
    names = sorted(info.name for info in pkgutil.iter_modules(path) if not info.ispkg)
    return [import_module(f"{package}.{name}") for name in names]


def _defined(module: ModuleType) -> list[Any]:
    public = [value for name, value in vars(module).items() if not name.startswith("_")]
    return [value for value in public if not _is_imported(value, module)]


def _is_imported(value: Any, module: ModuleType) -> bool:
    """Classes and functions know where they were defined. Other objects have their class's ``__module__``."""
    return isinstance(value, type | FunctionType) and value.__module__ != module.__name__
