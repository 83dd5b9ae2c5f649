"""What a file of a ledger says of itself: facts in the metadata of its Parquet schema."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from ensembles.files.amounts import Amounts
from ensembles.files.stored import Stored
from ensembles.ledger.files.chain import next_generation
from forecasting.axis import Axis, Freq
from forecasting.calendar import Calendar
from forecasting.digests import digest_of
from forecasting.errors import DamagedFile, StorageError
from forecasting.schema import as_dates
from forecasting.score.points import submission_step

__all__ = ["ActualsFacts", "LedgerFacts", "VintageFacts", "table_bytes"]

KEY = b"tidecast.ledger"
ROWS_IN_GROUP = 4096
"""Rows are sorted by series, so that one series is found in one group."""
REMEDY = "restore it from a copy, or remove it: what it said is lost, and the files after it still name it"


class LedgerFacts(Stored):
    """Facts of any file of a ledger. `parents` are the heads its writer saw, `generation` is one more than the largest
    of theirs, 0 in files that do not say, and `identity` the digest of what it says: the same for the same content,
    whoever wrote it after what.
    """

    SCHEMA: ClassVar[int] = 1
    APART: ClassVar[frozenset[str]] = frozenset({"parents", "generation", "identity"})
    """What does not belong to the content."""

    schema_version: int = SCHEMA
    parents: tuple[str, ...] = ()
    generation: int = 0
    identity: str = ""

    def identified(self, table: pa.Table) -> Self:
        """With the digest of these facts and a table."""
        facts = json.dumps(self.model_dump(mode="json", exclude=set(self.APART)), sort_keys=True, ensure_ascii=False)
        sink = io.BytesIO()
        plain = table.combine_chunks().replace_schema_metadata(None)
        with pa.ipc.new_stream(sink, plain.schema) as stream:
            stream.write_table(plain)
        return self.model_copy(update={"identity": digest_of(sink.getvalue(), facts)})

    @classmethod
    def read(cls, source: pa.NativeFile | pa.BufferReader, where: str) -> Self:
        """The facts of a file, from its footer; `where` names it in errors.

        Raises
        ------
        StorageError
            When a newer version of this program wrote it.
        DamagedFile
            When it is no file of a ledger.
        """
        try:
            metadata = pq.read_schema(source).metadata or {}
            raw = json.loads(metadata[KEY])
            version = int(raw["schema_version"])
        except (pa.ArrowException, OSError, KeyError, ValueError, TypeError, RecursionError) as error:
            raise DamagedFile(where, " ".join(f"{type(error).__name__} {error}".split()), REMEDY) from None
        if version > cls.SCHEMA:
            what = f"it has schema version {version}, and this program reads up to {cls.SCHEMA}"
            raise StorageError(where=where, what=what, remedy="use the version of the program that wrote it")
        try:
            found = cls.model_validate(raw)
            found.check()
        except ValidationError as error:
            first = error.errors()[0]
            raise DamagedFile(where, f"{'.'.join(map(str, first['loc']))}: {first['msg']}", REMEDY) from None
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise DamagedFile(where, f"{type(error).__name__}: {error}", REMEDY) from None
        return found

    def after(self, parents: Mapping[str, int]) -> Self:
        """The same facts in a file that lists these files, by digest with their generations."""
        generation = next_generation(parents.values())
        return self.model_copy(update={"parents": tuple(sorted(parents)), "generation": generation})

    def check(self) -> None:
        """Take the content for what it is used for; whatever that raises means that it cannot be used."""


class VintageFacts(LedgerFacts):
    """Facts of a forecast as it was issued.

    `as_of` is the last day of the data, `start` and `end` the first and last day forecast. `origin`: run or predict;
    `trained_until` is the last day of the data that members were trained on. `data`, `configuration` and `plan` are
    fingerprints, the last empty where nothing was planned; `config` is the configuration without what says where and
    how it ran. `program` is the version that made it, and no part of the identity. `units`: entity → unit of its
    amounts, empty where all are in `unit`.
    """

    APART: ClassVar[frozenset[str]] = LedgerFacts.APART | {"program"}

    as_of: str
    start: str
    end: str
    trained_until: str
    origin: str
    unit: str | None
    units: Mapping[str, str | None] = {}
    freq: Freq
    week: tuple[int, ...] | None = None
    events: tuple[tuple[str, str], ...] = ()
    decimals: int | None = None
    signed: tuple[str, ...] = ()
    weights: Mapping[str, float]
    score: str
    data: str
    configuration: str
    plan: str = ""
    config: Mapping[str, Any]
    program: str | None = None

    def check(self) -> None:
        as_dates([self.as_of, self.start, self.end, self.trained_until, *(day for day, _ in self.events)])
        _ = self.amounts, self.calendar, self.rounding

    @property
    def kind(self) -> str:
        """Kind of the data, as ``data.kind``."""
        return str(self.config["data"].get("kind", "yuebao"))

    @property
    def amounts(self) -> Amounts:
        """How amounts are written."""
        return Amounts.of(self.kind, self.unit, self.decimals, self.signed)

    @property
    def rounding(self) -> float | None:
        """Smallest step of the submission, whose rounded amounts are judged."""
        return submission_step(self.kind, self.unit)

    @property
    def calendar(self) -> Calendar:
        """The calendar as it was known, with its events."""
        return Calendar(self.config.get("calendar"), self.events, self.week)

    @property
    def axis(self) -> Axis:
        """The periods of the data."""
        return Axis(self.freq, self.calendar)


class ActualsFacts(LedgerFacts):
    """Facts of a table of actual values: the first and last day in it, their unit, and the file's name."""

    start: str
    end: str
    unit: str | None
    name: str

    def check(self) -> None:
        as_dates([self.start, self.end])


def table_bytes(table: pa.Table, facts: LedgerFacts) -> bytes:
    """A file of a ledger: the same bytes for the same table and facts."""
    sink = io.BytesIO()
    stated = table.replace_schema_metadata({KEY: facts.model_dump_json().encode()})
    names = [field.name for field in table.schema if pa.types.is_string(field.type)]
    pq.write_table(
        stated,
        sink,
        compression="zstd",
        row_group_size=ROWS_IN_GROUP,
        use_dictionary=names,
        write_statistics=["unique_id"],
    )
    return sink.getvalue()
