"""Actual values that are given to a ledger: read as data are, and checked against the series that are forecast."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cluster.config import RunConfig, parse_config
from cluster.stages.input import load_data
from ensembles.ledger.files.actuals import ReportedActuals
from forecasting.data.amounts_table import read_amounts_table
from forecasting.data.formats.columns import first_few
from forecasting.data.quality.sizes import is_another_unit, usual_sizes
from forecasting.errors import DataError
from forecasting.schema import FloatArray, as_dates, iso

if TYPE_CHECKING:
    from cluster.ledger.place import Ledger
    from ensembles.ledger.files.vintage import Listed, Vintage

__all__ = ["SHOWN", "Given", "Known", "reported"]

SHOWN = 5
"""Series named in a sentence."""


@dataclass(frozen=True)
class Known:
    """The series that are forecast: of the `latest` forecast, and of earlier ones of the `ledger`, where there is one,
    in which it is called `digest`.
    """

    latest: Vintage
    digest: str = ""
    ledger: Ledger | None = None

    @cached_property
    def every(self) -> dict[str, Listed]:
        """Every series of any forecast, by unique_id: those of the latest one first, in the order of its targets."""
        own, targets = self.latest.listed, self.latest.targets
        ordered = sorted(own.items(), key=lambda item: targets.index(item[1].target))
        return {**dict(ordered), **{uid: one for uid, (one, _) in sorted(self._earlier.items()) if uid not in own}}

    @cached_property
    def _earlier(self) -> dict[str, tuple[Listed, str]]:
        return {} if self.ledger is None else self.ledger.listed()

    def has(self, uid: str) -> bool:
        """Whether any forecast is of a series."""
        return uid in self.latest.series or uid in self.every

    def listed(self, uid: str) -> Listed:
        """A series of `has`."""
        return self.latest.listed[uid] if uid in self.latest.series else self.every[uid]

    def said(self, uid: str) -> FloatArray:
        """The last forecast of a series of `has`."""
        found = self.latest
        if uid not in found.series and self.ledger is not None:
            found = self.ledger.vintage(self._earlier[uid][1], [uid]) or found
        place = found.unique_ids.index(uid)
        first, end = np.searchsorted(found.place, [place, place + 1])
        return found.y_hat[first:end]


@dataclass(frozen=True)
class Given:
    """A table of actual values, and `notes` on what of it is left out or looks odd."""

    table: ReportedActuals
    notes: tuple[str, ...]


def reported(path: str, known: Known) -> Given:
    """Actual values of a table or a folder, checked against what is forecast.

    Raises
    ------
    DataError
        When they cannot be read, or are of other series or in another unit than the forecasts.
    """
    facts, name = known.latest.facts, Path(path).name
    config = parse_config({**facts.config, "members": facts.config["members"]}, "the ledger's configuration")
    read = _of_folder if Path(path).is_dir() else _of_table
    found = read(config, path, known)
    uids = list(dict.fromkeys(found.table.unique_id))
    shared = [uid for uid in uids if known.has(uid)]
    if not shared:
        what = f"it has {first_few(uids, SHOWN)}, and the forecasts are of {first_few(list(known.every), SHOWN)}"
        raise DataError(where=name, what=what, remedy="give actual values of the forecasts' series")
    return Given(found.table, (*found.notes, *_checked_unit(found.table, shared, known, name)))


def _of_table(config: RunConfig, path: str, known: Known) -> Given:
    rows = read_amounts_table(config.data, Path(path), signed=True)
    amounts, faults = rows.sorted_out()
    there = {series.unique_id for series, _ in amounts}
    for series, fault in faults.items():
        if series.entity is None or not any(map(known.has, there)):
            raise fault
    if not amounts:
        raise DataError(where=rows.name, what="it holds no amount", remedy="give a table of actual values")
    uids, ds = zip(*((series.unique_id, day) for series, day in amounts), strict=True)
    y, unit = np.array(list(amounts.values())), known.latest.facts.unit
    notes = tuple(f"actual values of {series.unique_id} are left out: {fault}" for series, fault in faults.items())
    return Given(ReportedActuals.of(uids, as_dates(list(ds)), y, unit, rows.name), notes)


def _of_folder(config: RunConfig, path: str, known: Known) -> Given:
    """Of data as a run reads them."""
    panel = load_data(config, path, None).panel
    row, day = np.nonzero(~np.isnan(panel.y))
    uids, unit = [panel.unique_ids[k] for k in row], known.latest.facts.unit
    return Given(ReportedActuals.of(uids, panel.ds[day], panel.y[row, day], unit, Path(path).name), ())


def _checked_unit(found: ReportedActuals, shared: list[str], known: Known, name: str) -> tuple[str, ...]:
    """Refuse amounts of another size than the forecasts, in the middle of all series; series apart are noted."""
    ends = np.cumsum(list(Counter(found.unique_id).values()))  # rows are sorted by series
    of_series = dict(zip(dict.fromkeys(found.unique_id), np.split(np.arange(len(found.y)), ends[:-1]), strict=True))
    sizes = {uid: pair for uid in shared if (pair := usual_sizes(found.y[of_series[uid]], known.said(uid)))}
    if not sizes:
        return ()
    ratios = {uid: came / said for uid, (came, said) in sizes.items()}
    middle = sorted(ratios, key=lambda uid: (ratios[uid], uid))[len(ratios) // 2]
    unit = f" in {known.latest.facts.unit}" if known.latest.facts.unit else ""
    if is_another_unit(float(np.exp(np.median(np.log(list(ratios.values())))))):
        day = iso(found.ds[of_series[middle]][-1])
        came, said = sizes[middle]
        what = f"amounts of {middle} are about {came:.6g} up to {day}, and its forecasts about {said:.6g}"
        remedy = f"give actual values of these series{unit}: they look like another unit, or other series"
        raise DataError(where=name, what=what, remedy=remedy)
    odd = [f"{uid} ({ratio:.3g} times)" for uid, ratio in sorted(ratios.items()) if is_another_unit(ratio)]
    if not odd:
        return ()
    return (f"{name}: the last amounts are far from the forecasts for {first_few(odd, SHOWN)}: is it another unit?",)
