"""Whether what the user named is a configuration or data."""

from __future__ import annotations

import re
from pathlib import Path

from cluster.config import bundled_configs, bundled_name
from cluster.keys import is_pipe
from forecasting.data.formats.files import Folder, open_location
from forecasting.places.uri import is_uri, without_secrets

__all__ = ["holds_competition", "is_data", "stem_of"]

_CONFIGS = (".yaml", ".yml")
_TABLES = (".csv", ".tsv", ".parquet", ".arrow", ".feather", ".xlsx", ".xlsm", ".xls", ".ods", ".zip", ".gz")
_FIRST_KEY = re.compile(r"(?:[A-Za-z_]\w*\s*:(?:\s|$)|\{|---)")
"""How a configuration begins, after empty lines and comments."""
_HEAD = 1 << 14
_COMPETITION = ("user_balance_table", "daily_totals")
"""Tables that only the competition's folder has."""


def is_data(named: str) -> bool:
    """Whether `named` is data, where a configuration is expected.

    A bundled name and a pipe are configurations; a folder, a URI and a file of tables are data; any other file is
    judged by its first lines.
    """
    path = Path(named)
    if is_pipe(named) or path.suffix.lower() in _CONFIGS:
        return False
    if bundled_name(named) in bundled_configs() and not path.is_file():
        return False
    if is_uri(named) or path.is_dir() or path.suffix.lower() in _TABLES:
        return True
    return path.is_file() and not _begins_with_key(path)


def _begins_with_key(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8", errors="replace").removeprefix("\ufeff")
    lines = [line for line in head.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return not lines or _FIRST_KEY.match(lines[0]) is not None


def holds_competition(data: str) -> bool:
    """Whether data are the competition's tables, which have a configuration of their own.

    Raises
    ------
    DataError
        When nothing is there.
    """
    location = open_location(data)
    if isinstance(location, Folder):
        return any(location.find(stem) for stem in _COMPETITION)
    return any(file.name.split("/")[-1].startswith(_COMPETITION) for file in location)


def stem_of(data: str) -> str:
    """What a run on these data is called: the file's name without its endings."""
    name = (
        without_secrets(data).partition("://")[2].strip("/*")
        if is_uri(data)
        else Path(data.split("?")[0]).resolve().name
    )
    stem = name.rsplit("/", 1)[-1]
    while Path(stem).suffix.lower() in (*_TABLES, ".txt"):
        stem = Path(stem).stem
    return stem or "data"
