"""What the files of a run have in common, and what its JSON files do: frozen types inside, one sentence in errors.

Every stored file is checked by a digest whenever it is read. A JSON file carries it as its last field, the name of a
batch's file holds it, and digests.json lists it for the results of a run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from forecasting.digests import is_sealed, seal, unseal
from forecasting.errors import DamagedFile, StorageError, UserError
from forecasting.schema import FloatArray

__all__ = ["FileOfRun", "Stored", "StoredFile", "amount_rounded", "rounded", "rounded_all"]


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
        """The file's content, readable by people, with its digest."""
        facts = self.model_dump(mode="json")
        return seal((json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(), self.FILE)

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Self:
        """Inverse of `to_bytes`; `where` names the run directory in errors.

        Raises
        ------
        StorageError
            When the content has another layout.
        DamagedFile
            When it is not such a file, or not as it was written.
        """
        facts = unseal(data, cls.FILE)
        readable = facts is not None or not is_sealed(data)  # older programs left files without a digest
        if readable and (version := _version(facts or data)) not in (None, cls.SCHEMA):
            raise StorageError(
                f"{where}/{cls.FILE} has schema version {version} and this program reads {cls.SCHEMA}: "
                "use the version that wrote it, or run again with another --run-dir"
            )
        if facts is None:
            raise DamagedFile(f"{where}/{cls.FILE}", "its content and its digest do not agree")
        try:
            found = cls.model_validate_json(facts)
            found.check()
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "content"
            raise DamagedFile(f"{where}/{cls.FILE}", f"{place}: {first['msg']}") from None
        except (UserError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise DamagedFile(f"{where}/{cls.FILE}", f"{type(error).__name__}: {error}") from None
        return found

    def check(self) -> None:
        """Take the content for what it is used for; whatever that raises means that it cannot be used."""


def _version(data: bytes) -> object:
    """The schema version that a JSON file names; None where it names none."""
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return facts.get("schema_version") if isinstance(facts, dict) else None


def rounded(value: float | None, decimals: int = 6) -> float | None:
    """A value for JSON: rounded, so that files of two machines can be compared; None for NaN."""
    return None if value is None or math.isnan(value) else round(float(value), decimals)


def amount_rounded(value: float) -> float | None:
    """An amount for JSON, whatever its unit: 12 significant digits; None for NaN."""
    return None if math.isnan(value) else float(f"{value:.12g}")


def rounded_all(values: FloatArray | Sequence[float]) -> tuple[float | None, ...]:
    """`rounded` of each."""
    return tuple(rounded(float(value)) for value in values)
