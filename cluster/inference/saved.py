"""An inferred configuration as a file, with a comment on every decision."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from cluster.inference.configuration import Inferred
from cluster.keys import in_text
from forecasting.errors import StorageError
from forecasting.places.uri import redacted

__all__ = ["as_text", "save"]

SECTIONS = ("data", "members")
"""Written key by key; other sections on one line."""


def save(found: Inferred, path: str, name: str) -> None:
    """Write a configuration; a file of the same content is left as it is.

    Raises
    ------
    StorageError
        When another file stands there, or it cannot be written.
    """
    text, file = as_text(found, path, name), Path(path)
    try:
        if file.exists() and file.read_bytes() != text.encode():
            raise StorageError(where=path, what="there is a file already", remedy="delete it, or choose another name")
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(where=path, what=f"it cannot be written ({error.strerror})") from None


def as_text(found: Inferred, path: str, name: str) -> str:
    """The configuration as YAML; `name` is the table, `path` where the file will stand."""
    own = quote(path)
    lines = [
        f"# Inferred from {name}: {found.about}.",
        f"# tidecast run {own} --data {quote(name)}  gives the same; tidecast config {own} --all  explains every key.",
    ]
    for key, value in redacted(found.keys).items():
        if key in SECTIONS and isinstance(value, dict):
            lines += [f"{key}:", *(_line(k, _plain(v), found.comments, "  ") for k, v in value.items())]
        elif key in SECTIONS and isinstance(value, list):
            lines += [_comment(f"{key}:", found.comments.get(key)), *(f"  - {in_text(entry)}" for entry in value)]
        else:
            lines.append(_line(key, value, found.comments, ""))
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> Any:
    """A date as it is written."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def _line(key: str, value: Any, comments: Mapping[str, str], indent: str) -> str:
    return _comment(f"{indent}{key}: {in_text(value)}", comments.get(key))


def _comment(text: str, comment: str | None) -> str:
    return f"{text}  # {comment}" if comment else text
