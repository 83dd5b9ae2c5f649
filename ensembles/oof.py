"""Out-of-fold forecasts of one target as a cube, and its averages over seeds and over settings.

The cube is all that the ensemble layer knows of a model: no model, no data, no cluster is ever touched again. Members
stand in the order of their ids, whatever order they were computed in, so that no sum depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from forecasting.schema import BoolArray, DateArray, FloatArray, IntArray, as_dates

__all__ = [
    "LEVELS",
    "REFERENCE",
    "Level",
    "MemberInfo",
    "OofCube",
    "average",
    "average_families",
    "average_seeds",
    "family_mean",
    "in_unit",
    "judged_periods",
    "known_before",
    "last_dates",
    "log_errors",
    "member_shares",
    "unit_factors",
    "window_lengths",
]

REFERENCE = "reference"
"""Family of members that are only shown: yardsticks, which no blend may use."""
Level = Literal["families", "settings"]
LEVELS: tuple[Level, ...] = ("families", "settings")
"""What a blend combines: means of families, or means of settings (over their seeds)."""


@dataclass(frozen=True)
class MemberInfo:
    """Who made a forecast. `setting` names model and settings without the seed; `family` is the group it counts in."""

    member_id: str
    name: str
    family: str
    setting: str
    seed_index: int = 0


@dataclass(frozen=True)
class OofCube:
    """Forecasts of one target by every member, from every backtest cutoff.

    Parameters
    ----------
    target
        Name of the target.
    unique_ids
        Its series, ``[n_series]``.
    cutoffs
        Last day known to each window's forecasts, oldest first, ``[n_windows]``.
    members
        ``[n_members]``; put in the order of their ids here, together with `y_hat`.
    y_hat
        ``[n_series, n_windows, horizon, n_members]`` in the unit of y. NaN where a shorter window is padded, or
        where a series had not begun; the same places for all members.
    y
        Actual values, ``[n_series, n_windows, horizon]``; NaN where there is none, or none is known.
    ds
        Dates of the periods forecast, ``[n_windows, horizon]``; NaT where a shorter window is padded.
    planned
        What was planned of each day and known at the window's cutoff, ``[n_series, n_windows, horizon]``: a part of
        `y`, and of `y_hat`, which no model forecast. None where nothing was.
    units
        Unit of each series' amounts, ``[n_series]``; None: they are all in one.

    Raises
    ------
    ValueError
        When shapes disagree, a member is there twice, a forecast is missing on a day with an actual value, or a
        window has no such day.
    """

    target: str
    unique_ids: tuple[str, ...]
    cutoffs: tuple[np.datetime64, ...]
    members: tuple[MemberInfo, ...]
    y_hat: FloatArray
    y: FloatArray
    ds: DateArray
    planned: FloatArray | None = None
    units: tuple[str | None, ...] | None = None

    def __post_init__(self) -> None:
        expected = (len(self.unique_ids), len(self.cutoffs))
        if self.y.shape[:2] != expected or self.y_hat.shape != (*self.y.shape, len(self.members)):
            raise ValueError(f"{self.target}: y {self.y.shape} and y_hat {self.y_hat.shape} do not fit {expected}")
        if self.ds.shape != self.y.shape[1:]:
            raise ValueError(f"{self.target}: ds {self.ds.shape} does not fit y {self.y.shape}")
        ids = [m.member_id for m in self.members]
        if len(set(ids)) < len(ids):
            raise ValueError(f"{self.target}: a member is in the cube twice")
        if np.isnan(self.y_hat[~np.isnan(self.y)]).any():
            raise ValueError(f"{self.target}: a member lacks a forecast on a day with an actual value")
        if np.isnan(self.y).all(axis=(0, 2)).any():
            raise ValueError(f"{self.target}: a window has no actual value")
        order = sorted(range(len(ids)), key=ids.__getitem__)
        object.__setattr__(self, "members", tuple(self.members[i] for i in order))
        object.__setattr__(self, "y_hat", np.ascontiguousarray(self.y_hat[..., order]))

    def blendable(self) -> OofCube:
        """The cube without its yardsticks."""
        rows = self.blendable_members
        members = tuple(self.members[i] for i in rows)
        return replace(self, members=members, y_hat=self.y_hat[..., rows])

    def unplanned(self, values: FloatArray) -> FloatArray:
        """Values ``[n_series, n_windows, horizon]``, or with members behind, without what was planned."""
        return values if self.planned is None else values - _like(self.planned, values)

    def replanned(self, values: FloatArray) -> FloatArray:
        """Inverse of `unplanned`."""
        return values if self.planned is None else values + _like(self.planned, values)

    def by_unit(self, order: Iterable[str | None] = ()) -> dict[str | None, tuple[str, ...]]:
        """The series of each unit; key None where all are in one. Units stand in `order`, others after them."""
        if self.units is None or len(set(self.units)) < 2:
            return {None: self.unique_ids}
        pairs = list(zip(self.unique_ids, self.units, strict=True))
        there = set(self.units)
        units = [unit for unit in dict.fromkeys((*order, *self.units)) if unit in there]
        return {unit: tuple(uid for uid, mine in pairs if mine == unit) for unit in units}

    @cached_property
    def unit_factors(self) -> FloatArray | None:
        """See `unit_factors`; None where all series are in one unit."""
        return unit_factors(self.y, self.units)

    @property
    def blendable_members(self) -> list[int]:
        """Positions of the members that are no yardsticks."""
        return [i for i, m in enumerate(self.members) if m.family != REFERENCE]

    @cached_property
    def horizons(self) -> IntArray:
        """Periods forecast in each window, without padding, ``[n_windows]``."""
        return np.asarray(np.count_nonzero(~np.isnat(self.ds), axis=1))

    @property
    def n_days(self) -> int:
        """Periods with an actual value; one in several windows counts once, and so does one of several series."""
        return judged_periods(self.ds, self.y)

    @cached_property
    def ends(self) -> DateArray:
        """Last date of each window, ``[n_windows]``."""
        return last_dates(self.ds)


def in_unit(target: str, unit: str | None) -> str:
    """A target's name with the unit of its amounts, where there are several."""
    return target if unit is None else f"{target}, {unit}"


def unit_factors(y: FloatArray, units: Sequence[str | None] | None) -> FloatArray | None:
    """What amounts are multiplied by before they are added up, ``[n_series, n_windows, 1]``: with them the sizes of
    each unit sum to 1 in every window, so that a pooled score becomes the mean over units of the units' own scores. A
    unit without any amount in a window has no part in it. None where all series are in one unit.

    Parameters
    ----------
    y
        Actual values, ``[n_series, n_windows, horizon]``.
    """
    if units is None or len(set(units)) < 2:
        return None
    labels = list(dict.fromkeys(units))
    place = np.array([labels.index(unit) for unit in units])
    sizes = np.zeros((len(labels), y.shape[1]))
    np.add.at(sizes, place, np.nansum(np.abs(y), axis=2))
    factors: FloatArray = np.where(sizes > 0, 1.0 / np.where(sizes > 0, sizes, 1.0), 0.0)[place][..., None]
    return factors


def _like(planned: FloatArray, values: FloatArray) -> FloatArray:
    """Planned amounts in the shape of values that may have more axes behind."""
    return planned.reshape(*planned.shape, *[1] * (values.ndim - planned.ndim))


def window_lengths(y_hat: FloatArray) -> IntArray:
    """Periods forecast in each window, ``[n_windows]``, from forecasts ``[..., n_windows, horizon]`` padded with
    NaN.
    """
    known: BoolArray = np.any(~np.isnan(y_hat), axis=tuple(range(y_hat.ndim - 2)))
    longest: IntArray = np.where(known, np.arange(1, known.shape[1] + 1), 0).max(axis=1)
    return longest


def judged_periods(ds: DateArray, y: FloatArray) -> int:
    """Dates ``[n_windows, horizon]`` on which a series has an actual value ``[n_series, n_windows, horizon]``."""
    return len(np.unique(ds[(~np.isnan(y)).any(axis=0)]))


def last_dates(ds: DateArray) -> DateArray:
    """Last date of each window, ``[n_windows]``, from dates ``[n_windows, horizon]`` padded with NaT."""
    last: DateArray = np.fmax.reduce(ds, axis=1)  # fmax passes over NaT
    return last


def known_before(cutoffs: Sequence[np.datetime64] | DateArray, ends: DateArray) -> tuple[IntArray, ...]:
    """P(k) for every window k: indices of the windows that end at or before its cutoff, ``n_windows`` arrays.

    Windows may overlap (a step shorter than the horizon); a window whose actual values were not all known at the
    cutoff is left out.

    Parameters
    ----------
    ends
        Last date of each window, ``[n_windows]``.
    """
    return tuple(np.flatnonzero(ends <= cutoff) for cutoff in as_dates(cutoffs))


def log_errors(y_hat: FloatArray, y: FloatArray) -> FloatArray:
    """log(y / ŷ), same shape; NaN where either is unknown, zero or negative."""
    usable = (y_hat > 0) & (y > 0)
    return np.where(usable, np.log(np.where(usable, y, 1.0) / np.where(usable, y_hat, 1.0)), np.nan)


def average(
    y_hat: FloatArray, members: Sequence[MemberInfo], level: Level
) -> tuple[FloatArray, tuple[MemberInfo, ...]]:
    """Means over seeds (level settings) and then over settings (level families).

    Parameters
    ----------
    y_hat
        Shape ``[..., n_members]``, in the order of `members`.

    Returns
    -------
    tuple
        Forecasts ``[..., n_units]``, and who each unit is.
    """
    settings = {f"{m.family}/{m.setting}": m for m in members}
    units = tuple(MemberInfo(key, m.setting, m.family, m.setting) for key, m in sorted(settings.items()))
    y_hat = _group_means(y_hat, [f"{m.family}/{m.setting}" for m in members])
    if level == "settings":
        return y_hat, units
    y_hat = _group_means(y_hat, [u.family for u in units])
    return y_hat, tuple(MemberInfo(f, f, f, f) for f in sorted({u.family for u in units}))


def _group_means(y_hat: FloatArray, keys: Sequence[str]) -> FloatArray:
    """Mean of each group of columns with the same key, groups in the order of their keys."""
    groups = sorted(set(keys))
    means = np.empty((*y_hat.shape[:-1], len(groups)))
    for g, group in enumerate(groups):
        columns = [i for i, key in enumerate(keys) if key == group]
        # Added one by one: the sum is then the same for every shape and memory layout.
        total = y_hat[..., columns[0]].copy()
        for i in columns[1:]:
            total += y_hat[..., i]
        means[..., g] = total / len(columns)
    return means


def member_shares(members: Sequence[MemberInfo], level: Level) -> FloatArray:
    """What each member contributes to its unit's mean, ``[n_members, n_units]``; columns sum to 1."""
    return average(np.eye(len(members)), members, level)[0]


def average_seeds(cube: OofCube) -> OofCube:
    """The cube of settings: each the mean of its seeds."""
    return _averaged(cube, "settings")


def average_families(cube: OofCube) -> OofCube:
    """The cube of families: each the mean of its settings, which are means of their seeds."""
    return _averaged(cube, "families")


def _averaged(cube: OofCube, level: Level) -> OofCube:
    y_hat, units = average(cube.y_hat, cube.members, level)
    return replace(cube, members=units, y_hat=y_hat)


def family_mean(cube: OofCube) -> FloatArray:
    """Mean over families of what the members forecast, ``[n_series, n_windows, horizon]``; yardsticks are left out."""
    y_hat = average_families(cube.blendable()).y_hat
    share = 1.0 / y_hat.shape[-1]
    mean = np.zeros(cube.y.shape)
    for i in range(y_hat.shape[-1]):  # one by one, with weights: the bits of the blend that combines families equally
        mean += share * y_hat[..., i]
    return mean
