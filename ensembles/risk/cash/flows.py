"""Every series of a run as arrays: the blend's forecasts in the backtest, the actual values, and the forecast ahead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ensembles.bands.rules import BandSpec
from ensembles.files.table import rows_by_name
from ensembles.oof import window_lengths
from forecasting.axis import Freq
from forecasting.panel import Series
from forecasting.schema import DateArray, FloatArray, IntArray

if TYPE_CHECKING:
    from ensembles.files.amounts import Amounts
    from ensembles.files.forecast_parquet import ForecastFile
    from ensembles.files.oof_parquet import BlendGrid, OofFile

__all__ = ["Flows", "flows_of_run"]


@dataclass(frozen=True)
class Flows:
    """Forecasts and actual values of `series` ``[n_series]``.

    `cutoffs` ``[n_windows]``; `y_hat` and `y` ``[n_series, n_windows, horizon]``, NaN where a window is padded or an
    amount unknown; `ds` ``[n_days]`` the days to come and `ahead` ``[n_series, n_days]`` their forecasts; `windows`
    ``[n_windows, horizon]`` the dates of each window, NaT where it is padded; `half_life` of errors in calendar days.
    `known` ``[n_series, n_days]`` is the part of `ahead` that was planned or adjusted, and has no error; None: nothing
    was. `y_hat` and `y` are without what was planned, which `planned` ``[n_series, n_windows, horizon]`` holds; None:
    nothing was.
    """

    series: tuple[Series, ...]
    cutoffs: DateArray
    y_hat: FloatArray
    y: FloatArray
    ds: DateArray
    ahead: FloatArray
    windows: DateArray
    half_life: float
    known: FloatArray | None = None
    planned: FloatArray | None = None

    @property
    def horizons(self) -> IntArray:
        """Days of each window, ``[n_windows]``."""
        return window_lengths(self.y_hat)

    def whole(self, rows: Sequence[int]) -> tuple[FloatArray, FloatArray]:
        """Forecasts and actual values of some series, ``[len(rows), n_windows, horizon]``, with what was planned: as
        they are judged.
        """
        at = list(rows)
        planned = 0.0 if self.planned is None else self.planned[at]
        return self.y_hat[at] + planned, self.y[at] + planned

    def pairs(self, net: tuple[str, str]) -> Mapping[str, tuple[int, int]]:
        """By entity, "" for a table's, the rows of what comes in and what goes out, which `net` names; without the
        entities that lack one.
        """
        rows = {(series.entity, series.target): row for row, series in enumerate(self.series)}
        entities = dict.fromkeys(series.entity for series in self.series)
        found = {e or "": [rows[e, target] for target in net if (e, target) in rows] for e in entities}
        return {entity: (rows[0], rows[1]) for entity, rows in found.items() if len(rows) == len(net)}

    def in_units(self, units: Mapping[str, str | None]) -> Iterator[tuple[str | None, Flows]]:
        """The flows of each unit in the order of `units`, which are by entity; not of those without any."""
        of = [units.get(series.entity or "") for series in self.series]
        for unit in dict.fromkeys((*units.values(), *of)):
            if rows := [row for row, mine in enumerate(of) if mine == unit]:
                yield unit, self._only(rows)

    def _only(self, rows: Sequence[int]) -> Flows:
        at = np.array(rows)
        return replace(
            self,
            series=tuple(self.series[row] for row in rows),
            y_hat=self.y_hat[at],
            y=self.y[at],
            ahead=self.ahead[at],
            known=None if self.known is None else self.known[at],
            planned=None if self.planned is None else self.planned[at],
        )


def flows_of_run(oof: OofFile, forecast: ForecastFile, amounts: Amounts, freq: Freq = "D") -> Flows | None:
    """The series of a run that have both a backtest and a forecast; None without any.

    Parameters
    ----------
    amounts
        Forecasts are rounded as the files show them, so that shown totals are the sums of shown amounts.
    freq
        Of the data, which the memory of errors depends on.
    """
    coming = forecast.blend
    past = set(oof.blend.unique_id)
    identities = {uid: series for uid, series in coming.identities().items() if uid in past}
    if not identities:
        return None
    targets = tuple(dict.fromkeys(series.target for series in identities.values()))
    grids = [_without_planned(oof).blend_grid(target) for target in targets]
    place = {uid: (g, row) for g, grid in enumerate(grids) for row, uid in enumerate(grid.unique_ids)}

    def stacked(grids: Sequence[BlendGrid], name: str) -> FloatArray:
        return np.stack([getattr(grids[g], name)[row] for g, row in (place[uid] for uid in identities)])

    planned = None
    if oof.planned is not None:
        planned = stacked([replace(oof, y_hat=oof.planned).blend_grid(target) for target in targets], "y_hat")
    ds, rows = np.unique(coming.ds), rows_by_name(coming.unique_id)
    ahead, known = (np.full((len(identities), len(ds)), np.nan) for _ in range(2))
    for k, (uid, series) in enumerate(identities.items()):
        at = np.searchsorted(ds, coming.ds[rows[uid]])
        ahead[k, at] = amounts.rounded(coming.y_hat[rows[uid]], series.target)
        known[k, at] = ahead[k, at] - amounts.rounded(coming.model[rows[uid]], series.target)
    return Flows(
        series=tuple(replace(series, own_id=uid) for uid, series in identities.items()),
        cutoffs=grids[0].cutoffs,
        y_hat=stacked(grids, "y_hat"),
        y=stacked(grids, "y"),
        ds=ds,
        ahead=ahead,
        windows=grids[0].ds,
        half_life=BandSpec.of((), freq).half_life,
        known=None if coming.planned is None else known,
        planned=planned,
    )


def _without_planned(oof: OofFile) -> OofFile:
    """The backtest as models forecast it: what was planned stands in forecasts and actual values alike."""
    if oof.planned is None:
        return oof
    return replace(oof, y_hat=oof.y_hat - oof.planned, y=oof.y - oof.planned, planned=None)
