"""Every day of a forecast as a sum: parts of the calendar model, what learned members add, and what was set by hand.

The sum is exact in the decimals of forecast.csv: amounts are decimal numbers, each part is rounded as the files round
amounts, and what the learned members add closes the sum.

    forecast = level + weekday + holiday + month + yearly + event + activity      the calendar model
             + learned                                                            what the members add to it
             + calibration                                                        the blend's factor
             + planned + adjust                                                   amounts known in advance, judgement

Beside it stand actual amounts: of the last known day of the same weekday at least one week, and four weeks, before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensembles.explanation.calendar_parts import CALENDAR_PARTS, calendar_parts
from ensembles.files.amounts import MOST_DECIMALS, Amounts
from ensembles.files.forecast_parquet import ForecastFile
from forecasting.axis import WEEK
from forecasting.data.formats.columns import first_few
from forecasting.errors import ConfigError
from forecasting.panel import Panel, Series
from forecasting.schema import DS, UNIQUE_ID, DateArray, FloatArray, iso

__all__ = [
    "LEARNED",
    "PARTS",
    "DecimalArray",
    "Explanation",
    "SameWeekday",
    "before_name",
    "explain",
]

DecimalArray = NDArray[np.object_]
"""Exact amounts, `decimal.Decimal` each."""
LEARNED, CALIBRATION, PLANNED, ADJUST = "learned", "calibration", "planned", "adjust"
PARTS = (*CALENDAR_PARTS, LEARNED, CALIBRATION, PLANNED, ADJUST)
WEEKS_BEFORE = (1, 4)
FURTHEST = 8
"""Weeks further back that a known day of the same weekday is looked for."""
DIGITS = 60
"""Of sums: more than any amount has."""
SHOWN = 5
"""Series named in a sentence."""


@dataclass(frozen=True)
class SameWeekday:
    """Actual amounts of a weekday before, ``[n_series, horizon]``, in the unit shown, and their days; NaN and NaT where
    none is known.
    """

    weeks: int
    ds: DateArray
    y: FloatArray


@dataclass(frozen=True)
class Explanation:
    """Forecasts and their parts, in the unit that people see (see `Amounts`).

    `unique_ids` and `series` ``[n_series]``; `ds` ``[horizon]``; `forecast` ``[n_series, horizon]`` as forecast.csv has
    it; `parts` ``[n_series, horizon, len(PARTS)]``, whose sum is `forecast`; `before` the same weekday earlier.
    """

    unique_ids: tuple[str, ...]
    series: tuple[Series, ...]
    ds: DateArray
    forecast: DecimalArray
    parts: DecimalArray
    before: tuple[SameWeekday, ...]

    def columns(self) -> dict[str, NDArray[Any]]:
        """One row per series and day, ``[n_series * horizon]`` each: unique_id, entity, target, ds, forecast, every
        part of `PARTS` as a number, and days and amounts of the same weekday before.
        """
        n = len(self.ds)

        def named(values: Sequence[str | None]) -> NDArray[Any]:
            return np.repeat(np.array(values, dtype=object), n)

        found: dict[str, NDArray[Any]] = {
            UNIQUE_ID: named(self.unique_ids),
            "entity": named([s.entity for s in self.series]),
            "target": named([s.target for s in self.series]),
            DS: np.tile(self.ds, len(self.series)),
            "forecast": self.forecast.astype(np.float64).ravel(),
        }
        found |= {part: self.parts[..., k].astype(np.float64).ravel() for k, part in enumerate(PARTS)}
        for same in self.before:
            name = before_name(same.weeks)
            found |= {f"{name}_ds": same.ds.ravel(), name: same.y.ravel()}
        return found

    @property
    def totals(self) -> DecimalArray:
        """Sums of each part over the horizon, ``[n_series, len(PARTS)]``."""
        with localcontext(prec=DIGITS):
            return np.asarray(self.parts.sum(axis=1))

    @property
    def sizes(self) -> FloatArray:
        """Sum of each series' forecasts without their signs, ``[n_series]``."""
        return np.asarray(np.abs(self.forecast.astype(np.float64)).sum(axis=1))

    def learned_share(self, row: int) -> float:
        """Sum of what the learned members add, without signs, over that of the forecasts of a series; NaN where these
        are 0.
        """
        learned = self.parts[row, :, PARTS.index(LEARNED)].astype(np.float64)
        return float(np.abs(learned).sum() / self.sizes[row]) if self.sizes[row] else float("nan")

    def at(self, series: str | None = None, day: str | None = None) -> Explanation:
        """One series, or one day, or both; None: all.

        Raises
        ------
        ConfigError
            When there is no such series or day, with those there are.
        """
        rows, days = list(range(len(self.series))), list(range(len(self.ds)))
        if series is not None:
            if series not in self.unique_ids:
                what = f"--series {series}: the forecast has {first_few(self.unique_ids, SHOWN)}"
                raise ConfigError(f"{what}; take one of its series")
            rows = [self.unique_ids.index(series)]
        if day is not None:
            days = [i for i, one in enumerate(self.ds) if iso(one) == day]
            if not days:
                what = f"--day {day}: the forecast goes from {iso(self.ds[0])} to {iso(self.ds[-1])}"
                raise ConfigError(f"{what}; take one of its days, as {iso(self.ds[0])}")
        place = np.ix_(rows, days)
        return Explanation(
            tuple(self.unique_ids[row] for row in rows),
            tuple(self.series[row] for row in rows),
            self.ds[days],
            self.forecast[place],
            self.parts[place],
            tuple(SameWeekday(same.weeks, same.ds[place], same.y[place]) for same in self.before),
        )


def before_name(weeks: int) -> str:
    """What the same weekday so many weeks before is called in files."""
    return "one_week_before" if weeks == 1 else "four_weeks_before"


def explain(forecast: ForecastFile, panel: Panel, factors: Mapping[str, float], amounts: Amounts) -> Explanation:
    """The blend's rows of a forecast, explained.

    Parameters
    ----------
    panel
        What it was made from, up to its cutoff.
    factors
        The blend's calibration by target.
    """
    blend = forecast.blend_by_series()
    ids = {series: str(rows.unique_id[0]) for series, rows in blend.items()}
    ds = next(iter(blend.values())).ds
    calendar = _by_target(ids, panel, ds)
    totals, parts = [], []
    for series, rows in blend.items():
        nothing = np.zeros(len(ds))
        by_hand = [nothing if given is None else given for given in (rows.planned, rows.adjusted)]
        calibration = rows.model * (1.0 - 1.0 / factors[series.target])
        known = np.stack([*calendar[series].T, calibration, *by_hand])
        submitted = amounts.submitted(rows.y_hat, series.target)
        total = np.array([Decimal(amounts.exact(float(value))) for value in submitted], dtype=object)
        totals.append(total)
        parts.append(_closed(total, known, amounts))
    before = tuple(_before(tuple(ids.values()), panel, ds, weeks, amounts) for weeks in WEEKS_BEFORE)
    return Explanation(tuple(ids.values()), tuple(blend), ds, np.stack(totals), np.stack(parts), before)


def _by_target(ids: Mapping[Series, str], panel: Panel, ds: DateArray) -> dict[Series, FloatArray]:
    """Parts of the calendar model ``[horizon, n]``: the series of a target share it."""
    found: dict[Series, FloatArray] = {}
    for target in dict.fromkeys(series.target for series in ids):
        mine = [series for series in ids if series.target == target]
        found |= zip(mine, calendar_parts([panel.history(ids[series]) for series in mine], ds), strict=True)
    return found


def _closed(total: DecimalArray, known: FloatArray, amounts: Amounts) -> DecimalArray:
    """All parts ``[horizon, len(PARTS)]``: those known ``[n_known, horizon]`` rounded, and what closes the sum."""
    zero = Decimal(amounts.amount(0.0))
    rounded = [[Decimal(amounts.amount(float(v))) if v else zero for v in values] for values in known]
    parts = np.empty((len(total), len(PARTS)), dtype=object)
    place = [k for k, name in enumerate(PARTS) if name != LEARNED]
    parts[:, place] = np.array(rounded, dtype=object).T
    with localcontext(prec=DIGITS):
        parts[:, PARTS.index(LEARNED)] = total - parts[:, place].sum(axis=1)
    return parts


def _before(unique_ids: Sequence[str], panel: Panel, ds: DateArray, weeks: int, amounts: Amounts) -> SameWeekday:
    """The last known amounts of each day's weekday, at least so many weeks before it."""
    days = np.full((len(unique_ids), len(ds)), np.datetime64("NaT"), dtype="datetime64[D]")
    y = np.full(days.shape, np.nan)
    late = np.maximum((ds - panel.end).astype(np.int64) - weeks * WEEK, 0)
    first = ds - WEEK * (weeks + -(-late // WEEK))  # the first that is not after the data
    for row, uid in enumerate(unique_ids):
        for back in range(FURTHEST):
            day = first - WEEK * back
            actual = panel.truth(uid, day)
            found = ~np.isnan(actual) & np.isnan(y[row])
            days[row, found], y[row, found] = day[found], actual[found]
    decimals = max(MOST_DECIMALS, amounts.decimals_shown or 0)
    return SameWeekday(weeks, days, np.round(y / amounts.divisor, decimals))
