"""oof.parquet: what every member and the blend forecast for the days of the backtest, with the actual values.

The blend's rows are the prequential ones: each window is forecast with weights from earlier windows only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ensembles.files.table import NameArray, Quantiles, StoredTable, band_quantiles, joined, named, places
from ensembles.oof import MemberInfo, OofCube, window_lengths
from forecasting.errors import StorageError
from forecasting.panel import Series
from forecasting.schema import BLEND, DateArray, FloatArray, IntArray, as_dates

if TYPE_CHECKING:
    from ensembles.bands.rules import Bands
    from ensembles.files.leaderboard_json import LeaderboardFile

__all__ = ["BlendGrid", "OofFile", "with_units"]

SPAN, EPOCH = 10_000_000, 5_000_000
"""Numbers for the days of a window, and that of 1970-01-01: any date has its place among them."""


@dataclass(frozen=True)
class BlendGrid:
    """The blend's forecasts of one target and the actual values.

    `unique_ids` ``[n_series]``; `cutoffs` ``[n_windows]``, oldest first; `horizons` ``[n_windows]`` the periods
    forecast in each; `y_hat` and `y` ``[n_series, n_windows, horizon]`` in the unit of the data, NaN where a window is
    padded; `ds` ``[n_windows, horizon]`` the dates, NaT where a window is padded.
    """

    unique_ids: tuple[str, ...]
    cutoffs: DateArray
    horizons: IntArray
    y_hat: FloatArray
    y: FloatArray
    ds: DateArray


@dataclass(frozen=True)
class _Windows:
    """The windows of a table: its cutoffs, and the distinct dates of each cutoff in their order.

    `cutoffs` ``[n_windows]``, oldest first; `ds` ``[n_windows, horizon]``, NaT where a window is padded. `days` are the
    windows' days one after the other, as numbers (see `_numbers`), and `starts` ``[n_windows]`` where each begins.
    """

    cutoffs: DateArray
    ds: DateArray
    days: IntArray
    starts: IntArray

    @classmethod
    def of(cls, rows: OofFile) -> _Windows:
        """Of at least one row."""
        cutoffs, window = np.unique(rows.cutoff, return_inverse=True)
        days = np.unique(_numbers(window, rows.ds))
        window_of, day_of = np.divmod(days, SPAN)
        starts = np.searchsorted(window_of, np.arange(len(cutoffs)))
        step = np.arange(len(days)) - starts[window_of]
        ds = np.full((len(cutoffs), int(step.max()) + 1), np.datetime64("NaT"), dtype="datetime64[D]")
        ds[window_of, step] = (day_of - EPOCH).astype("datetime64[D]")
        return cls(cutoffs, ds, days, starts)

    def places(self, rows: OofFile) -> tuple[IntArray, IntArray]:
        """Window and step of each of these rows of the table, ``[n]``."""
        window = np.searchsorted(self.cutoffs, rows.cutoff)
        return window, np.searchsorted(self.days, _numbers(window, rows.ds)) - self.starts[window]


def _numbers(window: IntArray, ds: DateArray) -> IntArray:
    """One number for a window and a day: in their order, the days of a window stand one after the other."""
    days: IntArray = window * SPAN + EPOCH + as_dates(ds).astype(np.int64)
    return days


@dataclass(frozen=True)
class OofFile(StoredTable):
    """One row per series, day, window and member; arrays ``[n]``.

    `cutoff` is the last day known to the forecast `y_hat` of the day `ds`; `y` the actual value, NaN where there is
    none; `quantiles` of the blend's bands, NaN for members and for windows without bands; `planned` the part of both
    `y_hat` and `y` that was planned and known at the cutoff, None for a run without a plan.
    """

    FILE: ClassVar[str] = "oof.parquet"

    cutoff: DateArray
    member: NameArray
    y_hat: FloatArray
    y: FloatArray
    quantiles: Quantiles
    planned: FloatArray | None = field(default=None, kw_only=True)

    @classmethod
    def of(
        cls,
        cubes: Mapping[str, OofCube],
        blended: Mapping[str, FloatArray],
        bands: Mapping[str, Bands] | None = None,
    ) -> OofFile:
        """The table of a backtest.

        Parameters
        ----------
        blended
            Per target the blend's prequential forecasts, ``[n_series, n_windows, horizon]``.
        bands
            Per target its intervals in the same shape.
        """
        return joined([_part(cube, blended[t], bands[t] if bands else None) for t, cube in cubes.items()])

    @property
    def blend(self) -> OofFile:
        """The rows of the blend."""
        return self.where(self.member == BLEND)

    def blend_grid(self, target: str) -> BlendGrid:
        """The blend's rows of one target as arrays. Grids of one file have the same windows and steps.

        Raises
        ------
        StorageError
            When there are none.
        """
        blend = self.blend
        mine = blend.of_target(target)
        if not len(mine):
            raise StorageError(f"{self.FILE} holds no forecast of {target}: run again to write it")
        windows = _Windows.of(blend)
        unique_ids, at_series = places(mine.unique_id)
        at = (at_series, *windows.places(mine))
        y_hat, y = (np.full((len(unique_ids), *windows.ds.shape), np.nan) for _ in range(2))
        y_hat[at], y[at] = mine.y_hat, mine.y
        return BlendGrid(tuple(unique_ids), windows.cutoffs, window_lengths(y_hat), y_hat, y, windows.ds)

    def cubes(self, board: LeaderboardFile, units: Mapping[str, str | None] | None = None) -> dict[str, OofCube]:
        """The members' forecasts, one cube per target.

        Parameters
        ----------
        board
            Knows the family, setting and seed of each member.
        units
            Unit of each entity's amounts where there are several.

        Raises
        ------
        StorageError
            When the two files do not belong together.
        """
        infos = {
            row.member: MemberInfo(row.member_id, row.member, row.family, row.setting or "", row.seed or 0)
            for row in board.rows
            if row.member_id and row.status == "ok"
        }
        strangers = set(self.member) - set(infos) - {BLEND}
        if strangers:
            raise StorageError(
                f"{self.FILE} holds {min(strangers)}, which {board.FILE} does not know: run again to write both"
            )
        members = self.where(self.member != BLEND)
        of_targets = {target: members.of_target(target) for target in board.weights}
        for target, rows in of_targets.items():
            if not len(rows):
                raise StorageError(f"{self.FILE} holds no forecast of {target}: run again to write it")
        windows = _Windows.of(members)
        cubes = {target: _cube(target, rows, windows, infos) for target, rows in of_targets.items()}
        return cubes if not units else {t: with_units(cube, self.identities(), units) for t, cube in cubes.items()}


def with_units(cube: OofCube, series: Mapping[str, Series], units: Mapping[str, str | None]) -> OofCube:
    """A cube whose series are known by unique_id, with the unit of each one's entity."""
    return replace(cube, units=tuple(units.get(series[uid].entity or "") for uid in cube.unique_ids))


def _part(cube: OofCube, blended: FloatArray, bands: Bands | None) -> OofFile:
    values = np.concatenate([cube.y_hat, blended[..., None]], axis=-1)
    series, window, step, member = np.nonzero(~np.isnan(values))
    cutoffs = as_dates(cube.cutoffs)[window]
    day = (series, window, step)
    return OofFile(
        unique_id=named(cube.unique_ids, series),
        ds=cube.ds[window, step],
        cutoff=cutoffs,
        member=named([*(m.name for m in cube.members), BLEND], member),
        y_hat=values[series, window, step, member],
        y=cube.y[day],
        quantiles=band_quantiles(bands, member == len(cube.members), day) if bands else {},
        planned=None if cube.planned is None else cube.planned[day],
    )


def _cube(target: str, rows: OofFile, windows: _Windows, infos: Mapping[str, MemberInfo]) -> OofCube:
    """Of the rows of a target, in the windows of all targets."""
    unique_ids, at_series = places(rows.unique_id)
    names, at_member = places(rows.member)
    day = (at_series, *windows.places(rows))
    shape = (len(unique_ids), *windows.ds.shape)
    y_hat, y = np.full((*shape, len(names)), np.nan), np.full(shape, np.nan)
    y_hat[(*day, at_member)] = rows.y_hat
    y[day] = rows.y
    planned = None if rows.planned is None else np.zeros(shape)
    if planned is not None:
        planned[day] = rows.planned
    members = tuple(infos[name] for name in names)
    return OofCube(target, tuple(unique_ids), tuple(windows.cutoffs), members, y_hat, y, windows.ds, planned)
