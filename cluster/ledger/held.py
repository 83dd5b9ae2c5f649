"""A ledger or a run's forecast held against actual values: what `tidecast monitor` reads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cluster.config import RunConfig, parse_config
from cluster.ledger.place import Damage, Ledger
from cluster.rundir.run_facts import find_run
from cluster.rundir.storage import Storage
from cluster.rundir.store import RunStore
from cluster.stages.input import load_data
from ensembles.files.history_parquet import HistoryFile
from ensembles.ledger.files.actuals import Actuals, ReportedActuals
from ensembles.ledger.files.facts import VintageFacts
from ensembles.ledger.files.vintage import Vintage
from ensembles.ledger.page import page_of
from ensembles.ledger.review import Review, review
from forecasting.data.amounts_table import read_amounts_table
from forecasting.data.formats.columns import first_few
from forecasting.errors import ConfigError, DataError, StorageError
from forecasting.places.uri import without_secrets
from forecasting.schema import as_date, as_dates, iso

__all__ = ["Heads", "Wanted", "check_is_run", "heads_of_ledger", "is_ledger", "review_ledger", "review_run"]

ANOTHER_UNIT = 20.0
"""How many times as large or as small as the forecasts actual values are in another unit."""
FEWEST_AMOUNTS = 28
"""Amounts that it takes to tell another unit from odd days."""
SHOWN = 5


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
    digest, latest = _latest(ledger)
    only, day = _chosen(wanted.series, latest), wanted.day
    _check_day(day, ledger)
    given = None if wanted.actuals is None else _reported(str(wanted.actuals), latest)
    if given is not None:
        ledger.add_actuals(given)
    tables = ledger.actuals(damage)
    if given is not None:
        tables = [*(table for table in tables if table.facts.identity != given.facts.identity), given]
    known = _only(Actuals.of(tables), only)
    chosen = latest if only is None else ledger.vintage(digest, only) or latest
    found = review(ledger.uri, (one for _, one in ledger.vintages(damage, only)), chosen, known, day)
    return _paged(replace(found, damaged=tuple(damage.sentences), heads=ledger.heads()), wanted.html)


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
    tables = [_reported(str(wanted.actuals), vintage)]
    if store.has(HistoryFile):
        past = store.read(HistoryFile)
        unit = vintage.facts.unit
        tables.insert(0, ReportedActuals.of(list(past.unique_id), past.ds, past.y, unit, "the run's data"))
    return _paged(review(store.uri, [vintage], vintage, Actuals.of(tables)), wanted.html)


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


def _latest(ledger: Ledger) -> tuple[str, Vintage]:
    """The vintage with the latest data that is as it was written, and its digest."""
    facts = ledger.facts()
    for digest in sorted(facts, key=lambda digest: (facts[digest].as_of, facts[digest].identity), reverse=True):
        found = ledger.vintage(digest)
        if found is not None:
            return digest, found
    what = "none of its forecasts is as it was written"
    raise StorageError(where=ledger.uri, what=what, remedy="restore them from a copy")


def _chosen(series: Collection[str], latest: Vintage) -> list[str] | None:
    for uid in series:
        if uid not in latest.unique_ids:
            what = f"the latest forecast has {first_few(latest.unique_ids, SHOWN)}"
            raise ConfigError(f"--series {uid}: {what}; take one of its series")
    return list(dict.fromkeys(series)) or None


def _only(actuals: Actuals, series: list[str] | None) -> Actuals:
    if series is None:
        return actuals
    rows = [k for k, uid in enumerate(actuals.unique_ids) if uid in series]
    uids = tuple(actuals.unique_ids[k] for k in rows)
    return replace(actuals, unique_ids=uids, y=actuals.y[rows], revised=actuals.revised[rows])


def _reported(path: str, latest: Vintage) -> ReportedActuals:
    """Actual values of a table or a folder, checked against what is forecast."""
    facts, name = latest.facts, Path(path).name
    config = parse_config({**facts.config, "members": facts.config["members"]}, "the ledger's configuration")
    found = _of_folder(config, path, facts) if Path(path).is_dir() else _of_table(config, path, facts)
    shared = [uid for uid in dict.fromkeys(found.unique_id) if uid in latest.series]
    if not shared:
        what = f"it has {first_few(list(dict.fromkeys(found.unique_id)), SHOWN)}, and the forecasts are of "
        what += first_few(latest.unique_ids, SHOWN)
        raise DataError(where=name, what=what, remedy="give actual values of the forecasts' series")
    _check_unit(found, latest, name)
    return found


def _of_table(config: RunConfig, path: str, facts: VintageFacts) -> ReportedActuals:
    rows = read_amounts_table(config.data, Path(path), signed=True)
    amounts, faults = rows.sorted_out()
    for series, fault in faults.items():
        if series.entity is None or not amounts:
            raise fault
    if not amounts:
        raise DataError(where=rows.name, what="it holds no amount", remedy="give a table of actual values")
    uids, ds = zip(*((series.unique_id, day) for series, day in amounts), strict=True)
    return ReportedActuals.of(uids, as_dates(list(ds)), np.array(list(amounts.values())), facts.unit, rows.name)


def _of_folder(config: RunConfig, path: str, facts: VintageFacts) -> ReportedActuals:
    """Of data as a run reads them."""
    panel = load_data(config, path, None).panel
    row, day = np.nonzero(~np.isnan(panel.y))
    uids = [panel.unique_ids[k] for k in row]
    return ReportedActuals.of(uids, panel.ds[day], panel.y[row, day], facts.unit, Path(path).name)


def _check_unit(found: ReportedActuals, latest: Vintage, name: str) -> None:
    """Refuse amounts of another size than the forecasts, whatever the series."""
    mine = np.array([uid in latest.series for uid in found.unique_id], dtype=bool)
    came, said = np.abs(found.y[mine]), np.abs(latest.y_hat)
    sizes = [float(np.median(values[values > 0])) if (values > 0).any() else 0.0 for values in (came, said)]
    if mine.sum() >= FEWEST_AMOUNTS and min(sizes) > 0 and not 1 / ANOTHER_UNIT < sizes[0] / sizes[1] < ANOTHER_UNIT:
        day = iso(found.ds[mine][-1])
        what = f"amounts of {sizes[0]:.6g} up to {day}, and the forecasts are of {sizes[1]:.6g}"
        unit = f" in {latest.facts.unit}" if latest.facts.unit else ""
        remedy = f"give actual values of these series{unit}: they look like another unit, or other series"
        raise DataError(where=name, what=what, remedy=remedy)
