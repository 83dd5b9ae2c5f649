"""Digests: how a stored file shows that it is as it was written.

A JSON object carries the digest of its other fields as its last one. Other files have it in their name or in a list.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["digest_of", "is_sealed", "seal", "unseal"]

_SEAL = re.compile(rb',(\n?) "digest": "([0-9a-f]{32})"\1\}\n\Z')
"""The end of a JSON file with a digest."""


def digest_of(data: bytes, name: str = "") -> str:
    """The first 32 hexadecimal digits of the SHA-256 of a file, and of its name where that must not change either."""
    return hashlib.sha256(name.encode() + b"\0" + data if name else data).hexdigest()[:32]


def seal(facts: bytes, name: str) -> bytes:
    """The text of a JSON object with its digest as the last field. `facts` end in a brace and a line feed."""
    body = facts.removesuffix(b"}\n")
    gap = b"\n" if body.endswith(b"\n") else b""
    return body.removesuffix(gap) + b',%b "digest": "%b"%b}\n' % (gap, digest_of(facts, name).encode(), gap)


def unseal(data: bytes, name: str) -> bytes | None:
    """Inverse of `seal`; None where there is no digest, or another."""
    found = _SEAL.search(data)
    if found is None:
        return None
    facts = data[: found.start()] + found[1] + b"}\n"
    return facts if digest_of(facts, name).encode() == found[2] else None


def is_sealed(data: bytes) -> bool:
    """Whether a JSON object ends with a digest, right or wrong."""
    return _SEAL.search(data) is not None
