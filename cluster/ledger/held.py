"""A ledger or a run's forecast held against actual values: what `tidecast monitor` reads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from cluster.ledger.place import Damage, Ledger
from cluster.ledger.reported import SHOWN, Known, reported
from cluster.rundir.run_facts import find_run
from cluster.rundir.storage import Storage
from cluster.rundir.store import RunStore
from ensembles.files.history_parquet import HistoryFile
from ensembles.ledger.files.actuals import Actuals, ReportedActuals
from ensembles.ledger.files.vintage import Vintage
from ensembles.ledger.page import page_of
from ensembles.ledger.review import Review, review
from forecasting.data.formats.columns import first_few
from forecasting.errors import ConfigError, StorageError
from forecasting.places.uri import without_secrets
from forecasting.schema import as_date, iso

__all__ = ["Heads", "Wanted", "check_is_run", "heads_of_ledger", "is_ledger", "review_ledger", "review_run"]


@dataclass(frozen=True)
class Wanted:
    """What `tidecast monitor` is asked for: a table of new actual values or a folder with data, a day whose forecasts
    are to be followed, unique ids (none: all), where the page goes, and whether heads are wanted.
    """

    actuals: Path | None = None
    day: str | None = None
    series: tuple[str, ...] = ()
    html: Path | None = None
    heads: bool = False

    def check_of_run(self, place: str) -> None:
        """Raises ConfigError for what a run directory cannot be asked."""
        asked = {"--day": self.day, "--series": self.series, "--heads and --kept": self.heads}
        for option, value in asked.items():
            if value:
                raise ConfigError(f"{option}: {without_secrets(place)} is no ledger: give one, made by run --ledger")
        if self.html is not None and self.actuals is None:
            raise ConfigError("--html: there is a page of forecasts and what came: add --actuals FILE")


@dataclass(frozen=True)
class Heads:
    """Heads of a ledger, those kept elsewhere that are `gone`, and sentences on `damaged` files."""

    uri: str
    heads: tuple[str, ...]
    gone: tuple[str, ...]
    damaged: tuple[str, ...]


def is_ledger(place: str) -> bool:
    """Whether forecasts were ever added at a place."""
    return Ledger(place).is_there


def check_is_run(place: str) -> None:
    """Raises StorageError for what is no run directory either."""
    if find_run(RunStore(place)) is None:
        raise StorageError(f"{without_secrets(place)} holds neither a run nor a ledger: give the directory of one")


def heads_of_ledger(place: str, kept: Collection[str]) -> Heads:
    """The heads of a ledger, every file of which is checked, and which of those kept elsewhere are gone."""
    ledger, damage = Ledger(place), Damage()
    for _ in ledger.vintages(damage):
        pass
    ledger.actuals(damage)
    return Heads(ledger.uri, ledger.heads(), ledger.without(kept), tuple(damage.sentences))


def review_ledger(place: str, wanted: Wanted) -> Review:
    """Every forecast of a ledger against the actual values it knows, and those of a new table, which it keeps.

    Raises
    ------
    StorageError
        When the ledger cannot be read, or a newer version of this program wrote it, or the page cannot be written.
    DataError
        When the actual values cannot be read, are of other series or another unit.
    ConfigError
        When there is no such day or series.
    """
    ledger, damage = Ledger(place), Damage()
    known = Known(*_latest(ledger), ledger)
    only, day = _chosen(wanted.series, known), wanted.day
    _check_day(day, ledger)
    given = None if wanted.actuals is None else reported(str(wanted.actuals), known)
    if given is not None:
        ledger.add_actuals(given.table)
    tables = ledger.actuals(damage)
    if given is not None:
        tables = [*(table for table in tables if table.facts.identity != given.table.facts.identity), given.table]
    series = known.every if only is None else {uid: known.listed(uid) for uid in only}
    vintages = (one for _, one in ledger.vintages(damage, only))
    found = review(ledger.uri, vintages, known.latest.facts, series, _only(Actuals.of(tables), only), day)
    notes = found.notes if given is None else (*given.notes, *found.notes)
    found = replace(found, notes=notes, damaged=tuple(damage.sentences), heads=ledger.heads())
    return _paged(found, wanted.html)


def review_run(run_dir: str, wanted: Wanted) -> Review | None:
    """The forecast of one run against new actual values, where these are given; its own data are what came before.

    Raises
    ------
    StorageError, DataError
        As `review_ledger`.
    """
    if wanted.actuals is None:
        return None
    from cluster.ledger.issue import vintage_of_run  # slow to import, and of no use to a ledger

    store = RunStore(run_dir)
    vintage = vintage_of_run(store)
    given = reported(str(wanted.actuals), Known(vintage))
    tables = [given.table]
    if store.has(HistoryFile):
        past = store.read(HistoryFile)
        unit = vintage.facts.unit
        tables.insert(0, ReportedActuals.of(list(past.unique_id), past.ds, past.y, unit, "the run's data"))
    found = review(store.uri, [vintage], vintage.facts, vintage.listed, Actuals.of(tables))
    return _paged(replace(found, notes=(*given.notes, *found.notes)), wanted.html)


def _paged(found: Review, html: Path | None) -> Review:
    """The same review, written as a page where that is asked for."""
    if html is not None:
        Storage(str(html.parent)).write(html.name, page_of(found).encode())
    return found


def _check_day(day: str | None, ledger: Ledger) -> None:
    """Raises ConfigError when a day is none, or no forecast has it."""
    if day is None:
        return
    try:
        asked = iso(as_date(day))
    except ValueError:
        raise ConfigError(f"--day {day}: this is no day: write it as YYYY-MM-DD") from None
    spans = [(facts.start, facts.end) for facts in ledger.facts().values()]
    if not any(start <= asked <= end for start, end in spans):
        first, last = min(start for start, _ in spans), max(end for _, end in spans)
        raise ConfigError(f"--day {day}: no forecast of {ledger.uri} has that day; they reach from {first} to {last}")


def _latest(ledger: Ledger) -> tuple[Vintage, str]:
    """The last vintage that is as it was written, and its digest."""
    for digest in reversed(ledger.digests()):
        found = ledger.vintage(digest)
        if found is not None:
            return found, digest
    what = "none of its forecasts is as it was written"
    raise StorageError(where=ledger.uri, what=what, remedy="restore them from a copy")


def _chosen(series: Collection[str], known: Known) -> list[str] | None:
    for uid in series:
        if not known.has(uid):
            what = f"the forecasts are of {first_few(list(known.every), SHOWN)}"
            raise ConfigError(f"--series {uid}: {what}; take one of these series")
    return list(dict.fromkeys(series)) or None


def _only(actuals: Actuals, series: list[str] | None) -> Actuals:
    if series is None:
        return actuals
    rows = [k for k, uid in enumerate(actuals.unique_ids) if uid in series]
    uids = tuple(actuals.unique_ids[k] for k in rows)
    return replace(actuals, unique_ids=uids, y=actuals.y[rows], revised=actuals.revised[rows])
