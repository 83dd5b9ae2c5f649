"""forecast.parquet: what every member and the blend forecast for the days after the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ensembles.files.table import NameArray, Quantiles, StoredTable, band_quantiles, joined, named, rows_by_name
from ensembles.oof import OofCube
from forecasting.panel import Series
from forecasting.schema import BLEND, DateArray, FloatArray, IntArray, as_dates

if TYPE_CHECKING:
    from ensembles.bands.rules import Bands

__all__ = ["ForecastFile", "TargetForecast"]


@dataclass(frozen=True)
class TargetForecast:
    """What is forecast of one target.

    `unique_ids` ``[n_series]``; `members` names ``[n_members]``; `y_hat` ``[n_series, horizon, n_members]`` and
    `blended` ``[n_series, horizon]`` in the unit of the data; `bands` around `blended`, in its shape.
    """

    unique_ids: Sequence[str]
    members: Sequence[str]
    y_hat: FloatArray
    blended: FloatArray
    bands: Bands | None = None

    @property
    def values(self) -> FloatArray:
        """``[n_series, horizon, n_members + 1]``, the blend last."""
        return np.concatenate([self.y_hat, self.blended[..., None]], axis=-1)

    def rows(self, ds: DateArray, series: IntArray, day: IntArray, member: IntArray) -> ForecastFile:
        """The rows at these places of `values`."""
        return ForecastFile(
            unique_id=named(self.unique_ids, series),
            ds=as_dates(ds)[day],
            member=named([*self.members, BLEND], member),
            y_hat=self.values[series, day, member],
            quantiles=band_quantiles(self.bands, member == len(self.members), (series, day)) if self.bands else {},
        )


@dataclass(frozen=True)
class ForecastFile(StoredTable):
    """One row per series, day and member; arrays ``[n]``.

    `quantiles` are those of the blend's bands, NaN for members.
    """

    FILE: ClassVar[str] = "forecast.parquet"

    member: NameArray
    y_hat: FloatArray
    quantiles: Quantiles

    @classmethod
    def of(
        cls,
        cubes: Mapping[str, OofCube],
        final: Mapping[str, FloatArray],
        blended: Mapping[str, FloatArray],
        ds: DateArray,
        bands: Mapping[str, Bands] | None = None,
    ) -> ForecastFile:
        """The table of a run: by series, then day, then member.

        Parameters
        ----------
        final
            Per target ``[n_series, horizon, n_members]``, members in the order of its cube.
        blended
            Per target the blend's forecasts, ``[n_series, horizon]``.
        ds
            The days forecast, ``[horizon]``.
        bands
            Per target the blend's intervals, ``[n_series, horizon]``.
        """
        parts = []
        for target, cube in cubes.items():
            names = [m.name for m in cube.members]
            of_target = bands[target] if bands else None
            part = TargetForecast(cube.unique_ids, names, final[target], blended[target], of_target)
            series, day, member = (axis.ravel() for axis in np.indices(part.values.shape))
            parts.append(part.rows(ds, series, day, member))
        return joined(parts)

    @classmethod
    def of_prediction(cls, targets: Sequence[TargetForecast], ds: DateArray) -> ForecastFile:
        """The table of a prediction: by series, then member, then day."""
        parts = []
        for part in targets:
            n_series, n_days, n_members = part.values.shape
            series, member, day = (axis.ravel() for axis in np.indices((n_series, n_members, n_days)))
            parts.append(part.rows(ds, series, day, member))
        return joined(parts)

    @property
    def blend(self) -> ForecastFile:
        """The rows of the blend."""
        return self.where(self.member == BLEND)

    def blend_by_series(self) -> dict[Series, ForecastFile]:
        """The rows of the blend of each series, in the order of days."""
        blend = self.blend
        return {self.identity(uid): blend.where(rows) for uid, rows in rows_by_name(blend.unique_id).items()}
