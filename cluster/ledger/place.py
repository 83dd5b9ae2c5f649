"""A ledger: a folder or URI with one immutable file per forecast, and one per table of actual values.

    vintages/<digest>.parquet   a forecast as it was issued (see `ensembles.ledger.files.vintage`)
    actuals/<digest>.parquet    actual values as they were reported (see `ensembles.ledger.files.actuals`)

A file is called after the digest of its content, so that any changed byte shows, and lists the heads that its writer
saw (see `ensembles.ledger.files.chain`), so that any removed file shows but a head. Files are written whole or not at
all, under names that nobody else gives to other content: writers need no lock, and nothing is ever written over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cluster.rundir.storage import Storage
from ensembles.ledger.files.actuals import ReportedActuals
from ensembles.ledger.files.chain import heads_of, in_order, missing_from
from ensembles.ledger.files.facts import REMEDY, ActualsFacts, LedgerFacts, VintageFacts
from ensembles.ledger.files.vintage import Listed, Vintage
from forecasting.axis import NOUNS, Freq
from forecasting.digests import digest_of
from forecasting.errors import ConfigError, DamagedFile, StorageError

__all__ = ["Added", "Damage", "Ledger"]

SUFFIX = ".parquet"
VINTAGES, ACTUALS = "vintages", "actuals"

Facts = TypeVar("Facts", bound=LedgerFacts)


@dataclass(frozen=True)
class Added:
    """A file by its digest, and whether it is new; `damaged` are sentences on files that were met on the way."""

    uri: str
    digest: str
    is_new: bool
    damaged: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What was done, for the user."""
        done = "the forecast was added to" if self.is_new else "the forecast was already in"
        return "; ".join((f"{done} the ledger at {self.uri} as {self.digest}", *self.damaged))


@dataclass
class Damage:
    """What is wrong with a ledger, filled while it is read: `files` that are not as they were written, and the digests
    of files that are listed and `missing`.
    """

    files: list[DamagedFile] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.files or self.missing)

    @property
    def sentences(self) -> list[str]:
        """One for each file."""
        gone = [f"{name} is missing: a later file lists it; restore it from a copy" for name in self.missing]
        return [*map(str, self.files), *gone]


@dataclass(frozen=True)
class _Folder(Generic[Facts]):
    """The files of one kind."""

    storage: Storage
    name: str
    kind: type[Facts]

    def digests(self) -> list[str]:
        """Digests by which the files are called, sorted."""
        return [name.rpartition("/")[2].removesuffix(SUFFIX) for name in self.storage.names(self.name, SUFFIX)]

    def path(self, digest: str) -> str:
        return f"{self.name}/{digest}{SUFFIX}"

    def where(self, digest: str) -> str:
        return f"{self.storage.uri}/{self.path(digest)}"

    def facts(self) -> tuple[dict[str, Facts], tuple[str, ...]]:
        """Facts by digest, from footers alone, and the files whose footers cannot be read."""
        found: dict[str, Facts] = {}
        damaged = []
        for digest in self.digests():
            try:
                found[digest] = self._facts_of(digest)
            except DamagedFile as error:
                damaged.append(str(error))
        return found, tuple(damaged)

    def _facts_of(self, digest: str) -> Facts:
        with self.storage.open(self.path(digest)) as file:
            try:
                return self.kind.read(file, self.where(digest))
            except StorageError:
                self.whole(digest)  # a changed byte is not a newer version
                raise

    def whole(self, digest: str) -> bytes:
        """The content of a file. Raises DamagedFile when it is not as it was written."""
        data = self.storage.read(self.path(digest))
        if digest_of(data) != digest:
            raise DamagedFile(self.where(digest), "its content and the digest in its name do not agree", REMEDY)
        return data

    def is_whole(self, digest: str) -> bool:
        try:
            self.whole(digest)
        except DamagedFile:
            return False
        return True

    def heads(self, known: Mapping[str, Facts] | None = None) -> dict[str, int]:
        """The files that no other file lists, by digest with their generations; `known` are `facts`, to spare time."""
        facts = self.facts()[0] if known is None else known
        last = max((of_file.generation for of_file in facts.values()), default=0)
        heads = heads_of(_lists(facts), self.digests())
        return {digest: facts[digest].generation if digest in facts else last for digest in heads}

    def create(self, data: bytes) -> str:
        """Write a file under its digest, unless it is there."""
        digest = digest_of(data)
        self.storage.create(self.path(digest), data)
        return digest


def _lists(facts: Mapping[str, LedgerFacts]) -> dict[str, tuple[str, ...]]:
    return {digest: of_file.parents for digest, of_file in facts.items()}


class Ledger:
    """Reads a ledger and adds to it.

    Every method raises StorageError, with the place and the remedy, when it cannot be read or written, or was written
    by a newer version of this program. An empty place raises ConfigError.
    """

    def __init__(self, place: str) -> None:
        if not place.strip():
            raise ConfigError("the place of the ledger is empty: give a folder or a URI")
        self.storage = Storage(place)
        self._vintages = _Folder(self.storage, VINTAGES, VintageFacts)
        self._actuals = _Folder(self.storage, ACTUALS, ActualsFacts)

    @property
    def uri(self) -> str:
        """The place as it may be shown."""
        return self.storage.uri

    @property
    def is_there(self) -> bool:
        """Whether any forecast was ever added."""
        return bool(self._vintages.digests())

    # -- adding

    def add(self, vintage: Vintage) -> Added:
        """Add a forecast, unless the same one is there.

        Raises
        ------
        ConfigError
            When the ledger holds forecasts of another kind: another unit, other periods or other targets.
        """
        facts, damaged = self._vintages.facts()
        for digest, known in facts.items():
            if known.identity == vintage.facts.identity and self._vintages.is_whole(digest):
                return Added(self.uri, digest, False, damaged)
        new = vintage.facts
        self._must_fit(facts, new.unit, new.freq, new.weights, new.units)
        heads = self._vintages.heads(facts)
        return Added(self.uri, self._vintages.create(vintage.to_bytes(heads)), True, damaged)

    def check_fits(
        self, unit: str | None, freq: Freq, targets: Collection[str], units: Mapping[str, str | None]
    ) -> None:
        """Raises ConfigError, before any work, when a forecast of this kind cannot be added."""
        self._must_fit(self._vintages.facts()[0], unit, freq, targets, units)

    def _must_fit(
        self,
        known: Mapping[str, VintageFacts],
        unit: str | None,
        freq: Freq,
        targets: Collection[str],
        units: Mapping[str, str | None],
    ) -> None:
        for digest, old in known.items():
            for name, before, now in (
                ("the unit", old.unit, unit),
                ("the periods", NOUNS[old.freq], NOUNS[freq]),
                ("the targets", ", ".join(sorted(old.weights)), ", ".join(sorted(targets))),
                ("units of entities", "given" if old.units else None, "given" if units else None),
                *((f"the unit of {name}", old.units[name], units[name]) for name in old.units if name in units),
            ):
                if before != now and self._vintages.is_whole(digest):
                    what = f"{name} of its forecasts: {before or 'none'}; this one has {now or 'none'}"
                    raise ConfigError(where=self.uri, what=what, remedy="give this forecast another --ledger")

    def add_actuals(self, table: ReportedActuals) -> Added:
        """Add a table of actual values, unless the last one says the same."""
        facts, damaged = self._actuals.facts()
        heads = self._actuals.heads(facts)
        for digest in heads:
            if digest in facts and facts[digest].identity == table.facts.identity and self._actuals.is_whole(digest):
                return Added(self.uri, digest, False, damaged)
        return Added(self.uri, self._actuals.create(table.to_bytes(heads)), True, damaged)

    # -- reading

    def heads(self) -> tuple[str, ...]:
        """Digests of the forecasts and tables that no other file lists, as ``vintages/<digest>``."""
        folders: Sequence[_Folder[VintageFacts] | _Folder[ActualsFacts]] = (self._vintages, self._actuals)
        return tuple(f"{folder.name}/{digest}" for folder in folders for digest in folder.heads())

    def without(self, kept: Collection[str]) -> tuple[str, ...]:
        """Those of the heads that somebody `kept` elsewhere that are not in the ledger, or not as they were."""
        found = []
        for head in kept:
            folder = self._actuals if head.startswith(f"{ACTUALS}/") else self._vintages
            digest = head.rpartition("/")[2].removesuffix(SUFFIX)
            if digest not in folder.digests() or not folder.is_whole(digest):
                found.append(head)
        return tuple(found)

    def facts(self) -> dict[str, VintageFacts]:
        """Facts of the forecasts by digest, from footers alone: nothing is checked."""
        return self._vintages.facts()[0]

    def vintage(self, digest: str, only: Sequence[str] | None = None) -> Vintage | None:
        """One forecast, or some of its series; None where its file is not as it was written."""
        try:
            return Vintage.from_bytes(self._vintages.whole(digest), self._vintages.where(digest), only)
        except DamagedFile:
            return None

    def digests(self) -> list[str]:
        """Digests of the forecasts, those on the oldest data first, then in the order in which they were added."""
        facts = self.facts()

        def place(digest: str) -> tuple[str, int, str]:
            told = facts.get(digest)
            return ("", 0, digest) if told is None else (told.as_of, told.generation, digest)

        return sorted(self._vintages.digests(), key=place)

    def listed(self) -> dict[str, tuple[Listed, str]]:
        """Every series of any forecast by unique_id, as the last forecast that has it lists it, and its digest."""
        found: dict[str, tuple[Listed, str]] = {}
        for digest in self.digests():
            try:
                told = Vintage.listed_in(self._vintages.whole(digest), self._vintages.where(digest))
            except DamagedFile:
                continue
            found |= {uid: (one, digest) for uid, one in told.items()}
        return found

    def vintages(self, damage: Damage, only: Sequence[str] | None = None) -> Iterator[tuple[str, Vintage]]:
        """Every forecast once, checked, with its digest, in the order of `digests`; `only` some series.

        What is wrong is put into `damage`, which is complete when the iteration is.
        """
        said: set[str] = set()

        def read(data: bytes, where: str) -> Vintage:
            return Vintage.from_bytes(data, where, only)

        for digest, vintage in _checked(self._vintages, self.digests(), damage, read):
            if vintage.facts.identity not in said:
                said.add(vintage.facts.identity)
                yield digest, vintage

    def actuals(self, damage: Damage) -> list[ReportedActuals]:
        """Every table of actual values, checked, in the order in which they were added."""
        found = dict(_checked(self._actuals, self._actuals.digests(), damage, ReportedActuals.from_bytes))
        facts = {digest: table.facts for digest, table in found.items()}
        order = in_order(_lists(facts), {digest: of_file.generation for digest, of_file in facts.items()})
        return [found[digest] for digest in order]


Read = TypeVar("Read", Vintage, ReportedActuals)


def _checked(
    folder: _Folder[Facts], digests: Sequence[str], damage: Damage, read: Callable[[bytes, str], Read]
) -> Iterator[tuple[str, Read]]:
    """The files of a folder that are as they were written, in the order of `digests`."""
    parents: dict[str, tuple[str, ...]] = {}
    for digest in digests:
        try:
            found = read(folder.whole(digest), folder.where(digest))
        except DamagedFile as error:
            damage.files.append(error)
            continue
        parents[digest] = found.facts.parents
        yield digest, found
    damage.missing += [folder.where(digest) for digest in missing_from(parents, folder.digests())]
