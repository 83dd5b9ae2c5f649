"""Whole amounts shared out among many so that the shares sum to the total exactly."""

from __future__ import annotations

import numpy as np

from forecasting.schema import FloatArray, IntArray

__all__ = ["share_out", "share_out_below", "split_rows"]


def share_out(total: int, weights: FloatArray) -> IntArray:
    """Shares ``[n]`` of `total` (below 2^53), as proportional to `weights` ``[n]`` (a positive sum) as whole numbers
    can be.
    """
    cumulative = np.cumsum(weights)
    edges = np.floor(cumulative / cumulative[-1] * total).astype(np.int64)
    shares: IntArray = np.diff(edges, prepend=0)
    return shares


def share_out_below(total: int, weights: FloatArray, caps: IntArray) -> IntArray:
    """As `share_out`, no share above its cap; the caps must sum to at least `total`."""
    shares = np.minimum(share_out(total, weights), caps)
    left = total - int(shares.sum())
    if left:
        room = np.cumsum(caps - shares)
        shares += np.diff(np.minimum(room, left), prepend=0)
    return shares


def split_rows(totals: IntArray, weights: FloatArray) -> IntArray:
    """Each total ``[n]`` split into k whole parts ``[n, k]`` in the proportions of `weights` ``[n, k]`` (positive
    sums).
    """
    cumulative = np.cumsum(weights, axis=1)
    edges = np.floor(cumulative / cumulative[:, -1:] * totals[:, None]).astype(np.int64)
    parts: IntArray = np.diff(edges, axis=1, prepend=0)
    return parts
