"""Addresses of files: a local path or a URI of pyarrow.fs, and what of a URI may be shown.

A URI can hold secrets: a user and a password, options after "?", a fragment after "#". Only `located` hands them on, to
the library that opens the place. Everything else goes through three functions before it is printed, stored, logged or
hashed: `without_secrets` for one URI, `redacted` for the values of a configuration, `scrubbed` for a sentence. Every
error of this program scrubs its own sentence (see `forecasting.errors`).

Libraries quote what they were given. So the secrets of every URI that was opened are remembered, and `scrubbed` finds
them in any text.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from pyarrow import fs

__all__ = ["is_cut", "is_uri", "located", "redacted", "scrubbed", "without_secrets"]

HIDDEN = "***"
CUT = f"?{HIDDEN}"
"""End of a stored URI of which something was cut."""
GS_SECONDS = 60
"""How long Google's store is tried before it counts as unreachable; by itself the library tries for 15 minutes."""
SHORTEST = 6
"""Characters of the shortest secret that is looked for in other texts: shorter ones are words of everyday sentences."""
PLAIN_OPTIONS = frozenset(
    {"scheme", "region", "endpoint_override", "allow_bucket_creation", "allow_bucket_deletion", "retry_limit_seconds"}
)
"""Options of a URI that are no secrets where a library quotes them."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ALMOST = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/{1,2}(.*)", re.DOTALL)
"""A URI, also with a slash too few."""
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]*\]|[^:@]*)(:\d*)?")
_IN_TEXT = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{0,30}:/+(?:"
    r"[^\s'\"<>]*@[^\s'\"<>]*"  # with a user
    r"|[^\s/?#@:'\"]{0,256}:(?!\d*(?:[/?#\s'\"]|$))[^\n@]{0,256}@[^\s'\"<>]*"  # a password with spaces or quotes
    r"|[^\s'\"<>]*)"
)
_USER = re.compile(r"(?<![^\s'\"(=\[{,])[^\s:@/'\"]{1,128}:[^\s@'\"]{1,256}@")
"""User and password of what lacks its scheme."""
_PAIR = re.compile(r"(?<![\w-])([\w-]{1,40})=([^\s&;,'\")\]}]*[^\s&;,'\")\]}.:])")
_SECRET_NAME = re.compile(
    r"access_?key|account_?key|api_?key|secret|token|passw(or)?d|signature|credential|\A(sig|sas|pwd)\Z", re.IGNORECASE
)
_TRAILING = ").,:;"

_known: set[str] = set()
"""Secrets of the URIs that this process has opened."""


def is_uri(text: str) -> bool:
    """Whether an address is a URI, and no local path."""
    return _URI.match(text) is not None


def without_secrets(uri: str) -> str:
    """A URI as it may be shown, without user, password, options and fragment; other text as it is.

    What somebody meant as a URI is treated as one. A password may hold any sign: where it cannot be told where it
    ends, only the scheme is left.
    """
    found = _ALMOST.match(uri)
    if found is None:
        return _without_scheme(uri)
    scheme, rest = found.groups()
    place, options = _split(rest)
    if _has_user(place):
        place = HIDDEN if "@" in options or "@" not in place else place.rpartition("@")[2]
    elif place == rest and not _PAIR.search(place):
        return uri
    return f"{scheme}://{_PAIR.sub(_pair, place)}"


def _without_scheme(path: str) -> str:
    """A path as it may be shown, which is a URI if it begins with a user and a password."""
    place, options = _split(path)
    shown = _USER.sub(f"{HIDDEN}@", place, count=1) if "/" in place.rpartition("@")[2] else place
    return shown if shown != place else place + _PAIR.sub(_pair, options)


def redacted(value: Any, mark: str = CUT) -> Any:
    """Values of a configuration with every URI as it may be stored; `mark` is added where something was cut.

    Without a mark it is the place alone, which is what identities are made from: they stay when a key changes.
    """
    if isinstance(value, dict):
        return {key: redacted(part, mark) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(redacted(part, mark) for part in value)
    if not isinstance(value, str):
        return value
    shown = without_secrets(value.removesuffix(CUT))
    return value if shown == value else shown + mark


def is_cut(uri: str) -> bool:
    """Whether a URI was stored without its secrets and options, so that nothing can be opened by it."""
    return is_uri(uri) and uri.endswith(CUT)


def scrubbed(text: str) -> str:
    """A sentence without the secrets of any URI in it, without ``password=…`` and without any secret that is known."""
    if not text:
        return text
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _IN_TEXT.sub(_shown, text)
    text = _USER.sub(f"{HIDDEN}@", text)
    return _PAIR.sub(_pair, text)


def located(address: str) -> tuple[fs.FileSystem, str]:
    """The file system of an address and the path in it. A local path may begin with ``~``.

    Raises
    ------
    pyarrow.ArrowException, OSError, ValueError
        What pyarrow raises of the URI, without its secrets.
    """
    import pyarrow as pa
    from pyarrow import fs

    if "\0" in address:
        raise ValueError("it holds a NUL character")
    if not is_uri(address):
        return fs.LocalFileSystem(), Path(address).expanduser().absolute().as_posix()
    _known.update(_secrets_of(address))
    try:
        found: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(_impatient(address))
    except (pa.ArrowException, OSError, ValueError) as error:
        text = str(error).replace(address, without_secrets(address))
        raise type(error)(scrubbed(text)) from None
    return found


def _split(rest: str) -> tuple[str, str]:
    """What follows the scheme: the place, and its options and fragment."""
    end = re.search(r"[?#]", rest)
    return (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])


def _has_user(place: str) -> bool:
    """Whether a place begins with a user: its first part holds an "@", or a colon without a port."""
    return _HOST.fullmatch(place.lstrip("/").partition("/")[0]) is None


def _secrets_of(uri: str) -> set[str]:
    """Everything of a URI that must not be seen, as it is written and as it is meant."""
    place, options = _split(uri.partition("://")[2])
    user = place.rpartition("@")[0] if _has_user(place) else ""
    found = {user, *user.split(":", 1)}
    for option in re.split(r"[?&;#]", options):
        name, sign, value = option.partition("=")
        found |= {value if sign else name} if name.lower() not in PLAIN_OPTIONS else set()
    return {text for secret in found for text in (secret, unquote(secret)) if len(text) >= SHORTEST}


def _shown(found: re.Match[str]) -> str:
    """A URI found in a sentence, as it may be shown."""
    text = found.group()
    kept = text.rstrip(_TRAILING)
    shown = without_secrets(kept)
    return text if shown == kept else shown + text[len(kept) :]


def _pair(found: re.Match[str]) -> str:
    return f"{found[1]}={HIDDEN}" if _SECRET_NAME.search(found[1]) else found.group()


def _impatient(uri: str) -> str:
    """A gs URI with a limit on retries."""
    if not uri.startswith(("gs://", "gcs://")) or "retry_limit_seconds=" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}retry_limit_seconds={GS_SECONDS}"
