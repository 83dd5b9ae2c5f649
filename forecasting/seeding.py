"""Identity and randomness: hashes of content, and random streams keyed by them.

A stream's key is made from the run seed, the member, the series and the cutoff — never from a position, a worker or a
batch — so that adding a member, or moving a fit elsewhere, changes no other fit.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from forecasting.schema import iso

__all__ = ["content_hash", "fit_key", "generator"]


def content_hash(*parts: Any, length: int = 16) -> str:
    """Hexadecimal hash of JSON-able parts; equal content gives equal hashes on every machine."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def fit_key(run_seed: int, member_id: str, unique_id: str, cutoff: np.datetime64) -> int:
    """64-bit key of the random streams of one fit (`unique_id` a target: a member fitted on all its series at once)."""
    return int(content_hash(run_seed, member_id, unique_id, iso(cutoff)), 16)


def generator(key: int, stream: str) -> np.random.Generator:
    """The numpy generator of one named stream of a fit, e.g. ``generator(key, "subsample")``."""
    mixed = int(content_hash(key, stream), 16)
    return np.random.Generator(np.random.Philox(key=mixed))
