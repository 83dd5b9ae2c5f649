"""Functions that numba compiles: without the GIL, on one thread, kept on disk.

Cheap to import; numba is loaded when a function is decorated, so modules of compiled functions are imported where they
are used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["compiled"]


def compiled(**flags: Any) -> Callable[[Any], Any]:
    """`numba.njit` without the GIL, cached on disk where a folder for that can be written.

    Where numba is not installed the function stays as it is: slower, with the same results.
    """

    def decorate(function: Any) -> Any:
        try:
            from numba import njit
        except ModuleNotFoundError:
            return function
        try:
            return njit(nogil=True, cache=True, error_model="numpy", **flags)(function)
        except RuntimeError:  # numba found no folder to write to
            return njit(nogil=True, error_model="numpy", **flags)(function)

    return decorate
