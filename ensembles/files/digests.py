"""digests.json: the digests of a run's results, some of which have no place for one of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ensembles.files.stored import StoredFile

__all__ = ["DigestsFile"]


class DigestsFile(StoredFile):
    """The digest of each result by its name. What is not listed was not written by the run."""

    FILE: ClassVar[str] = "digests.json"
    SCHEMA: ClassVar[int] = 1

    schema_version: int = SCHEMA
    files: Mapping[str, str]
