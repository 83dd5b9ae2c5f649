"""prediction.json: what a prediction from new data was made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ensembles.files.stored import StoredFile

__all__ = ["PredictionFile"]


class PredictionFile(StoredFile):
    """`run` and `data` say where both lie, without secrets; days are ISO dates.

    `cutoff` is the last day known, `start` and `end` the days forecast; `updated` whether levels were re-estimated;
    `notes` are sentences for the user; `files` the digests of the files beside it by name.
    """

    FILE: ClassVar[str] = "prediction.json"
    SCHEMA: ClassVar[int] = 2

    schema_version: int = SCHEMA
    run: str
    data: str
    cutoff: str
    start: str
    end: str
    updated: bool
    notes: tuple[str, ...]
    files: Mapping[str, str]
