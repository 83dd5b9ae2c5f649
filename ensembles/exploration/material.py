"""The opened data, and what several subjects use, worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ensembles.exploration.statistics import local_mean
from ensembles.files.amounts import Amounts, signed_targets
from ensembles.report.money import Money
from forecasting.axis import Axis
from forecasting.calendar import CalendarDays
from forecasting.scale.activity import fill_from_like_days
from forecasting.schema import BoolArray, DateArray, FloatArray

if TYPE_CHECKING:
    from ensembles.exploration.level_shifts import Shift
    from forecasting.data.loaded import Loaded
    from forecasting.data.quality.finding import Finding
    from forecasting.data.quality.series_checks import SeriesCases
    from forecasting.data.sources.user_flows import Users
    from forecasting.panel import Panel

__all__ = ["Material", "unknown_inside"]

MOST_DECIMALS, TINY = 3, 0.1


def unknown_inside(y: FloatArray) -> BoolArray:
    """Periods without an amount between a series' first and last, ``[n_series, n]``."""
    there = ~np.isnan(y)
    begun = np.logical_or.accumulate(there, axis=1)
    goes_on = np.logical_or.accumulate(there[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(~there & begun & goes_on)


@dataclass(frozen=True)
class Material:
    """Data as they were read and checked.

    Parameters
    ----------
    name
        What the user calls the data.
    kind, unit
        As the section `data` of a configuration has them.
    loaded
        The usable series and those left out.
    cases
        What is odd in the usable series.
    findings
        What the checks found.
    users
        What the rows of users tell; None where there are none.
    said
        Sentences about what was inferred.
    """

    name: str
    kind: str
    unit: str | None
    loaded: Loaded
    cases: SeriesCases
    findings: tuple[Finding, ...]
    users: Users | None = None
    said: tuple[str, ...] = ()

    @property
    def panel(self) -> Panel:
        return self.loaded.panel

    @property
    def is_panel(self) -> bool:
        """Whether there are several entities."""
        return len({series.entity for series in self.panel.series}) > 1

    @property
    def axis(self) -> Axis:
        return self.panel.axis

    @property
    def noun(self) -> str:
        """What a period is called: day, work day, week."""
        return self.axis.noun.removesuffix("s")

    @property
    def ds(self) -> DateArray:
        """All periods, ``[n]``."""
        return self.panel.ds

    @property
    def targets(self) -> tuple[str, ...]:
        return self.panel.targets

    @property
    def whole(self) -> str:
        """What a target's flows are those of, for a sentence about totals: nothing where there is one entity."""
        return " in total" if self.is_panel else ""

    @cached_property
    def calendar_days(self) -> CalendarDays:
        """What the calendar says of the periods."""
        return self.panel.calendar.days(self.ds)

    @cached_property
    def amounts(self) -> Amounts:
        return Amounts.of(self.kind, self.unit, self.loaded.decimals, signed_targets(self.panel))

    @cached_property
    def money(self) -> Money:
        """Writes amounts in a unit that suits the totals."""
        return Money.of([float(np.nanmax(np.abs(y), initial=0.0)) for y in self.totals.values()], self.amounts)

    def text(self, amount: float) -> str:
        """A computed amount for a sentence: with three decimals at most, unless it is tiny."""
        digits = self.amounts.decimals_shown
        if amount == 0:
            digits = 0
        elif digits is None or digits > MOST_DECIMALS:
            digits = MOST_DECIMALS if abs(amount) >= TINY * self.amounts.divisor else None
        return Money.of([amount], replace(self.amounts, decimals_shown=digits)).text(amount)

    @cached_property
    def totals(self) -> Mapping[str, FloatArray]:
        """Each target summed over its series, ``[n]``.

        Of a panel, gaps of single series are filled from like days. A total is NaN where a single series is unknown, or
        half of a panel's.
        """
        rows = {target: [s.target == target for s in self.panel.series] for target in self.targets}
        return {target: self._total(self.panel.y[np.array(mine)]) for target, mine in rows.items()}

    @property
    def filled(self) -> bool:
        """Whether the totals hold amounts that were filled."""
        return self.is_panel and bool(unknown_inside(self.panel.y).any())

    def _total(self, y: FloatArray) -> FloatArray:
        there = ~np.isnan(y)
        begun = np.logical_or.accumulate(there, axis=1)
        if self.is_panel:
            gaps, season = unknown_inside(y), min(self.axis.season_length, 7)
            y = y.copy()
            for row in np.flatnonzero(gaps.any(axis=1)):
                y[row] = fill_from_like_days(y[row], gaps[row], season)
        known = 2 * there.sum(axis=0) > begun.sum(axis=0)
        whole = (~np.isnan(y) == begun).all(axis=0) & begun.any(axis=0) & known
        return np.asarray(np.where(whole, np.nansum(y, axis=0), np.nan))

    @cached_property
    def ratios(self) -> Mapping[str, FloatArray]:
        """Each target's total over the mean size of the four weeks around, ``[n]``; NaN where that is zero or unknown:
        growth and shifts of level are taken out.
        """
        found = {}
        for target, total in self.totals.items():
            level = local_mean(np.abs(total), 2 * min(self.axis.season_length, 7))
            found[target] = np.divide(total, level, out=np.full(len(total), np.nan), where=level > 0)
        return found

    @cached_property
    def rest(self) -> Mapping[str, FloatArray]:
        """How far each target's total lies from what its neighbours and its weekday say, ``[n]``, on log scale; NaN
        where it is constant, too short or unknown.
        """
        from forecasting.data.quality.series_checks import series_cases
        from forecasting.panel import Series

        if not self.is_panel:
            return dict(zip((s.target for s in self.panel.series), self.cases.rest, strict=True))
        series = tuple(Series(target) for target in self.totals)
        totals = np.stack(list(self.totals.values()))
        cases = series_cases(replace(self.panel, series=series, y=totals, past=np.empty((*totals.shape, 0))))
        return dict(zip(self.totals, cases.rest, strict=True))

    @cached_property
    def shifts(self) -> tuple[Shift, ...]:
        """Lasting shifts of level of single series, the largest first."""
        from ensembles.exploration.level_shifts import level_shifts

        return level_shifts(self.panel, self.cases)
