"""forecast.parquet: what every member and the blend forecast for the days after the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ensembles.files.table import NameArray, Quantiles, StoredTable, band_quantiles, joined, named, rows_by_name
from ensembles.oof import OofCube
from forecasting.panel import Series
from forecasting.planned.amounts import Planned
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

    `quantiles` are those of the blend's bands, NaN for members. Of a run with a plan, `planned` is the part of `y_hat`
    that was planned, and `adjusted` what judgement added to the blend's; None of other runs. Bands are moved by both.
    """

    FILE: ClassVar[str] = "forecast.parquet"

    member: NameArray
    y_hat: FloatArray
    quantiles: Quantiles
    planned: FloatArray | None = field(default=None, kw_only=True)
    adjusted: FloatArray | None = field(default=None, kw_only=True)

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

    def with_planned(self, planned: Planned | None, cutoff: np.datetime64) -> ForecastFile:
        """The forecasts of models, made here of the days after `cutoff`, with what is planned added as it is; without a
        plan they are left alone.
        """
        if planned is None:
            return self
        amounts, adjusted = np.zeros(len(self)), np.zeros(len(self))
        for uid, rows in rows_by_name(self.unique_id).items():
            days, place = np.unique(self.ds[rows], return_inverse=True)
            amounts[rows] = planned.amounts(uid, days, cutoff)[place]
            adjusted[rows] = planned.adjustments(uid, days)[place]
        adjusted = np.where(self.member == BLEND, adjusted, 0.0)
        added = amounts + adjusted
        quantiles = {p: values + added for p, values in self.quantiles.items()}
        return replace(self, y_hat=self.y_hat + added, quantiles=quantiles, planned=amounts, adjusted=adjusted)

    @property
    def model(self) -> FloatArray:
        """What models forecast, ``[n]``: without what was planned and without adjustments."""
        return self.y_hat if self.planned is None else self.y_hat - self.planned - self._adjusted

    @property
    def _adjusted(self) -> FloatArray:
        return np.zeros(len(self)) if self.adjusted is None else self.adjusted

    @property
    def blend(self) -> ForecastFile:
        """The rows of the blend."""
        return self.where(self.member == BLEND)

    def blend_by_series(self) -> dict[Series, ForecastFile]:
        """The rows of the blend of each series, in the order of days."""
        blend = self.blend
        return {self.identity(uid): blend.where(rows) for uid, rows in rows_by_name(blend.unique_id).items()}
