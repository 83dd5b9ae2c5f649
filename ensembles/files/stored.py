"""What the files of a run have in common, and what its JSON files do: frozen types inside, one sentence in errors."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from forecasting.errors import StorageError
from forecasting.schema import FloatArray

__all__ = ["FileOfRun", "Stored", "StoredFile", "rounded", "rounded_all"]


class FileOfRun(Protocol):
    """A file that a run directory holds under the name `FILE`: a `StoredFile`, or a `StoredTable` of module `table`."""

    FILE: ClassVar[str]

    def to_bytes(self) -> bytes:
        """The file's content."""
        ...

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Self:
        """Inverse of `to_bytes`; `where` names the run directory in errors. Raises StorageError when it is damaged."""
        ...


class Stored(BaseModel):
    """A part of a stored file. Fields stand in the file in the order of the class."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class StoredFile(Stored):
    """A whole JSON file, called `FILE` in the run directory, in layout `SCHEMA`."""

    FILE: ClassVar[str]
    SCHEMA: ClassVar[int]

    schema_version: int

    def to_bytes(self) -> bytes:
        """The file's content, readable by people."""
        facts = self.model_dump(mode="json")
        return (json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Self:
        """Inverse of `to_bytes`; `where` names the run directory in errors.

        Raises
        ------
        StorageError
            When the content is not such a file, or has another layout.
        """
        try:
            found = cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "content"
            raise StorageError(
                f"{where}/{cls.FILE} is damaged ({place}: {first['msg']}): run again to write it anew"
            ) from None
        if found.schema_version != cls.SCHEMA:
            raise StorageError(
                f"{where}/{cls.FILE} has schema version {found.schema_version} and this program reads {cls.SCHEMA}: "
                "use the version that wrote it, or run again with another --run-dir"
            )
        return found


def rounded(value: float | None, decimals: int = 6) -> float | None:
    """A value for JSON: rounded, so that files of two machines can be compared; None for NaN."""
    return None if value is None or math.isnan(value) else round(float(value), decimals)


def rounded_all(values: FloatArray | Sequence[float]) -> tuple[float | None, ...]:
    """`rounded` of each."""
    return tuple(rounded(float(value)) for value in values)
