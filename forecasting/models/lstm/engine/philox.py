"""Counter-based random numbers: Philox4x32-10.

One function on 64-bit integers that numpy, torch (CPU and GPU) and numba run alike, so that a fit's weights,
shuffles and dropout masks are the same numbers on every backend and device. Nothing is carried from draw to draw: a
number is a function of (key of the fit, stream, epoch, step, index).

Reference: Salmon, Moraes, Dror, Shaw (2011), Parallel random numbers: as easy as 1, 2, 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DROPOUT", "SHUFFLE", "WEIGHTS", "philox4x32", "shuffles", "split_key", "uniform", "words"]

WEIGHTS, SHUFFLE, DROPOUT = 1, 2, 3
"""Streams of a fit."""

MASK = 0xFFFFFFFF
PADDING = MASK + 1
"""Sorts after every 32-bit word."""


def philox4x32(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> tuple[Any, Any, Any, Any]:
    """Four 32-bit words (in 64-bit integers) from a counter of four words and a key of two.

    Arguments are int64 arrays or tensors of one broadcast shape, or ints. Products wrap around in 64 bits, which
    leaves their upper and lower 32 bits right after masking.
    """
    for _ in range(10):
        p0 = c0 * 0xD2511F53
        p1 = c2 * 0xCD9E8D57
        c0, c1, c2, c3 = ((p1 >> 32) & MASK) ^ c1 ^ k0, p1 & MASK, ((p0 >> 32) & MASK) ^ c3 ^ k1, p0 & MASK
        k0 = (k0 + 0x9E3779B9) & MASK
        k1 = (k1 + 0xBB67AE85) & MASK
    return c0, c1, c2, c3


def split_key(key: int) -> tuple[int, int]:
    """Lower and upper 32 bits of a fit's key."""
    return key & MASK, (key >> 32) & MASK


Epoch = int | NDArray[np.int64]


def words(keys: NDArray[np.int64], stream: int, n: int, epoch: Epoch = 0, step: int = 0) -> NDArray[np.int64]:
    """The first `n` 32-bit words of a stream, for `keys` ``[K, 2]`` and one `epoch` or ``[K, 1]`` of them: ``[K,
    n]``.
    """
    block = np.arange((n + 3) // 4, dtype=np.int64)[None, :] + np.zeros((len(keys), 1), dtype=np.int64)
    zero = np.zeros_like(block)
    four = philox4x32(block, zero + step, zero + epoch, zero + stream, keys[:, :1], keys[:, 1:])
    return np.stack(four, axis=-1).reshape(len(keys), -1)[:, :n]


def uniform(word: NDArray[np.int64]) -> NDArray[np.float32]:
    """Uniform in [0, 1): the upper 24 bits, exact in float32."""
    return (word >> 8).astype(np.float32) * np.float32(2.0**-24)


def shuffles(keys: NDArray[np.int64], lengths: NDArray[np.int64], epoch: Epoch) -> NDArray[np.int64]:
    """A permutation of the first `lengths` ``[K]`` numbers for each fit, then the rest: ``[K, max(lengths)]``."""
    n = int(lengths.max())
    draw = words(keys, SHUFFLE, n, epoch)
    draw = np.where(np.arange(n)[None, :] < lengths[:, None], draw, PADDING)
    return np.argsort(draw, axis=1, kind="stable")
