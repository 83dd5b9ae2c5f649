"""Executors by name."""

from __future__ import annotations

from typing import Any

from cluster.execution.executors.base import Executor
from forecasting.errors import ConfigError
from forecasting.registry import found_in

__all__ = ["executor_named", "executors"]


def executors() -> dict[str, Executor]:
    """Every executor by name, in the order of its modules."""
    found: tuple[Executor, ...] = found_in("cluster.execution.executors", _is_executor)
    return {executor.name: executor for executor in found}


def executor_named(name: str) -> Executor:
    """The executor of this name.

    Raises
    ------
    ConfigError
        When there is none.
    """
    known = executors()
    if name not in known:
        raise ConfigError(f"there is no executor {name!r}: choose one of {', '.join(known)}")
    return known[name]


def _is_executor(value: Any) -> bool:
    return isinstance(value, Executor) and not isinstance(value, type)
