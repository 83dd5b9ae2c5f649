"""How amounts depend on the day: weekday, day of the month, and work day, day off and holiday.

An amount is taken over the mean of the four weeks around it, so that growth does not count, and a kind of day is told
by the median of these, over what they are on average. Days near holidays leave the profiles of weekdays and of the
month, and weekdays are taken out of the days of the month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap

import numpy as np

from ensembles.exploration.fact import Fact, Subject
from ensembles.exploration.material import Material
from ensembles.exploration.statistics import Median, median_of
from ensembles.exploration.subjects.totals import COLOURS
from ensembles.exploration.words import and_list, known, numbered, versus
from ensembles.files.day_names import WEEKDAYS, day_kinds
from ensembles.report.charts.chart import Axis, Chart, Dots, Layer, Line, Ranges
from forecasting.schema import BoolArray, FloatArray, IntArray

__all__ = ["MONTH_DAYS", "WEEKDAY", "WORK_AND_HOLIDAY"]

LONG = 3
"""Days off in a row that make a break."""
FEWEST = 3
"""Days that a kind of days takes to be shown."""
MONTH_EDGE = 3
"""Days at either end of a month that are told together."""
LABEL_WIDTH = 7
CLOSED = 0.1
"""Share of an average day below which a weekday is closed, and tells nothing of days of the month."""
MONTH = "days of the month"
NO_DAYS = "The periods are weeks, which have no"
LONG_NAMES = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")

Kinds = Mapping[str, BoolArray]


@dataclass(frozen=True)
class _Profile:
    """Medians of one target by kind of day, as shares of an average day; `sure` hold for all kinds at once."""

    target: str
    kinds: Mapping[str, Median]
    sure: Mapping[str, Median]

    @property
    def ends(self) -> tuple[str, str] | None:
        """The kinds with the highest and the lowest median among those that have days enough for an interval; None
        where they are fewer than two.
        """
        told = [kind for kind, median in self.sure.items() if not np.isnan(median.low)]
        ordered = sorted(told, key=lambda kind: self.kinds[kind].value)
        return (ordered[-1], ordered[0]) if len(ordered) > 1 else None

    @property
    def differs(self) -> bool | None:
        """Whether the highest and the lowest differ by more than chance; None where too few days tell."""
        if self.ends is None:
            return None
        high, low = (self.sure[kind] for kind in self.ends)
        return high.low > low.high

    def as_json(self) -> dict[str, object]:
        return {
            kind: {"days": m.n, "median": known(m.value), "low": known(m.low), "high": known(m.high)}
            for kind, m in self.kinds.items()
        }


def _profiles(ratios: Mapping[str, FloatArray], kinds: Kinds) -> tuple[_Profile, ...]:
    """One per target that has at least two kinds of days with enough days, and flows on a usual day."""
    found = []
    for target, ratio in ratios.items():
        parts = {kind: ratio[mask & ~np.isnan(ratio)] for kind, mask in kinds.items()}
        parts = {kind: values for kind, values in parts.items() if len(values) >= FEWEST}
        if len(parts) < 2:
            continue
        mean = float(np.average([np.median(v) for v in parts.values()], weights=[len(v) for v in parts.values()]))
        if mean > 0 and any(np.ptp(values) > 0 for values in parts.values()):
            medians = {kind: median_of(values / mean) for kind, values in parts.items()}
            sure = {kind: median_of(values / mean, len(parts)) for kind, values in parts.items()}
            found.append(_Profile(target, medians, sure))
    return tuple(found)


def weekday_fact(material: Material) -> Fact:
    if material.axis.freq == "W":
        return Fact(f"{NO_DAYS} weekdays.")
    usual = _is_usual(material)
    kinds = {name: usual & (material.calendar_days.weekday == k) for k, name in enumerate(WEEKDAYS)}
    found = _profiles(material.ratios, kinds)
    names = dict(zip(WEEKDAYS, LONG_NAMES, strict=True))
    said = [_ends_told(profile, {kind: f"on {names[kind]}" for kind in kinds}, "weekdays") for profile in found]
    return _fact(material, "weekday", found, said, "by weekday, away from holidays")


def month_fact(material: Material) -> Fact:
    if material.axis.freq == "W":
        return Fact(f"{NO_DAYS} day of the month.")
    days, usual = material.calendar_days, _is_usual(material)
    ratios = {target: _without_weekdays(ratio, days.weekday, usual) for target, ratio in material.ratios.items()}
    found = _profiles(ratios, {f"{day}": usual & (days.day == day) for day in range(1, 32)})
    first, last = days.day <= MONTH_EDGE, days.days_left < MONTH_EDGE
    thirds = {f"in the first {MONTH_EDGE} days": first, f"in the last {MONTH_EDGE} days": last}
    thirds = {name: usual & mask for name, mask in (thirds | {"in between": ~first & ~last}).items()}
    coarse = {profile.target: profile for profile in _profiles(ratios, thirds)}
    said = [_month_told(profile, coarse.get(profile.target)) for profile in found]
    fact = _fact(material, "month", found, said, "by day of the month, weekdays taken out", by_number=True)
    return replace(fact, numbers={**fact.numbers, "edges": {t: profile.as_json() for t, profile in coarse.items()}})


def _month_told(profile: _Profile, coarse: _Profile | None) -> str:
    """Single days where they stand out; else the ends of the month, which are more days."""
    if not profile.differs and coarse is not None and coarse.differs:
        return _ends_told(coarse, {kind: kind for kind in coarse.kinds}, MONTH)
    return _ends_told(profile, {kind: f"on day {kind}" for kind in profile.kinds}, MONTH)


def kind_fact(material: Material) -> Fact:
    if material.axis.freq == "W":
        return Fact(f"{NO_DAYS} work days and holidays.")
    kinds = _kinds(material)
    found = _profiles(material.ratios, kinds)
    said = [_holiday_told(material, profile) for profile in found]
    fact = _fact(material, "kind", found, said, "by kind of day")
    if material.panel.calendar.country is not None:
        return fact
    no = "No calendar is set, so holidays are not known; add --calendar with a code such as DE"
    return Fact(f"{no}. {fact.sentence}" if found else f"{no}.", fact.numbers, fact.chart)


def _is_usual(material: Material) -> BoolArray:
    """Days that are neither holidays nor shifted work days, and in no long break."""
    days = material.calendar_days
    named = np.array([bool(name) for name in days.holiday])
    return np.asarray(~named & ~days.shifted & (days.offday_run < LONG))


def _without_weekdays(ratio: FloatArray, weekday: IntArray, usual: BoolArray) -> FloatArray:
    """Ratios over the median of their weekday, NaN on weekdays that are closed."""
    left = np.full(len(ratio), np.nan)
    for day in range(7):
        mine = usual & (weekday == day) & ~np.isnan(ratio)
        middle = float(np.median(ratio[mine])) if mine.any() else 0.0
        if middle > CLOSED:
            left[mine] = ratio[mine] / middle
    return left if (~np.isnan(left)).any() else ratio


def _kinds(material: Material) -> Kinds:
    """Kinds of days, and work days at either side of a long break."""
    days = material.calendar_days
    span = material.panel.calendar.days(np.arange(days.ds[0] - 1, days.ds[-1] + 2))
    runs = span.offday_run[np.searchsorted(span.ds, days.ds)[:, None] + np.array([-1, 1])]
    kinds = dict(day_kinds(days))
    kinds["before a break"] = days.workday & (runs[:, 1] >= LONG)
    kinds["after a break"] = days.workday & (runs[:, 0] >= LONG)
    return kinds


def _holiday_told(material: Material, profile: _Profile) -> str:
    """Public holidays against all days and against the same weekdays; without holidays, the ends of the profile."""
    holiday = profile.kinds.get("public holiday")
    if holiday is None:
        names = {kind: f"on a {kind}" if "break" not in kind else kind for kind in profile.kinds}
        return _ends_told(profile, names, "kinds of days")
    alike = _against_weekdays(material, profile.target, _kinds(material)["public holiday"])
    sure = f" and {versus(alike.value)} the same weekdays" if alike.n else ""
    chance = ", no more than chance" if alike.low <= 1 <= alike.high else ""
    told = f"{profile.target} on public holidays is {versus(holiday.value)} an average day{sure}{chance}"
    return f"{told} ({numbered(holiday.n, 'day')})"


def _against_weekdays(material: Material, target: str, mask: BoolArray) -> Median:
    """Some days over the usual ones of the same weekday."""
    ratio, days, usual = material.ratios[target], material.calendar_days, _is_usual(material)
    values = []
    for day in range(7):
        alike = ratio[usual & (days.weekday == day) & ~np.isnan(ratio)]
        middle = float(np.median(alike)) if len(alike) else 0.0
        if middle > CLOSED:
            values += (ratio[mask & (days.weekday == day) & ~np.isnan(ratio)] / middle).tolist()
    return median_of(np.array(values))


def _ends_told(profile: _Profile, names: Mapping[str, str], among: str) -> str:
    if profile.ends is None:
        return f"{profile.target} has too few days to tell {among} apart"
    if not profile.differs:
        return f"{profile.target} shows no difference between {among} beyond chance"
    high, low = profile.ends
    return (
        f"{profile.target} is highest {names[high]}, {versus(profile.kinds[high].value)} an average day "
        f"({numbered(profile.kinds[high].n, 'day')}), and lowest {names[low]}, {versus(profile.kinds[low].value)} it "
        f"({numbered(profile.kinds[low].n, 'day')})"
    )


def _fact(
    material: Material, key: str, found: Sequence[_Profile], said: Sequence[str], title: str, *, by_number: bool = False
) -> Fact:
    told = {profile.target: {"differs": profile.differs, "kinds": profile.as_json()} for profile in found}
    without = [target for target in material.targets if target not in told]
    flat = f"{and_list(without)} cannot be told {title}: constant, too short, or zero on a usual day" if without else ""
    sentence = "; ".join([*said, *([flat] if flat else [])]) + "."
    return Fact(sentence, {"targets": told}, _chart(key, found, title, by_number=by_number) if found else None)


def _chart(key: str, found: Sequence[_Profile], title: str, *, by_number: bool) -> Chart:
    layers: list[Layer] = []
    kinds = [kind for kind in found[0].kinds if all(kind in profile.kinds for profile in found)]
    x = np.array(kinds, dtype=float) if by_number else _labels(kinds, found[0])
    layers.append(Line("average day", x, np.ones(len(kinds)), "actual", 1, dashed=True))
    spread = np.linspace(-0.15, 0.15, len(found)) if len(found) > 1 else np.zeros(1)
    for profile, colour, offset in zip(found, COLOURS, spread, strict=False):
        medians = [profile.kinds[kind] for kind in kinds]
        low, high = (np.array([getattr(m, end) for m in medians]) for end in ("low", "high"))
        layers.append(Ranges("", x, low, high, colour, float(offset)))
        layers.append(Dots(profile.target, x, np.array([m.value for m in medians]), colour, float(offset)))
    axis: Axis = "number" if by_number else "name"
    counts = [profile.kinds[kind].n for profile in found for kind in kinds]
    sizes = f", {min(counts)} to {max(counts)} days each" if by_number else ""
    name = f"{title}: median over an average day, with 90% intervals{sizes}"
    return Chart(
        f"explore-{key}", name, axis, "average day = 1", layers, x_label="day of the month" if by_number else ""
    )


def _labels(kinds: Sequence[str], profile: _Profile) -> list[str]:
    """Kinds in short lines, with the number of their days."""
    return ["\n".join([*wrap(kind, LABEL_WIDTH), f"{profile.kinds[kind].n:,}"]) for kind in kinds]


WEEKDAY = Subject("weekdays", "Weekdays", 20, weekday_fact)
MONTH_DAYS = Subject("month-days", "Days of the month", 30, month_fact)
WORK_AND_HOLIDAY = Subject("day-kinds", "Work days and holidays", 40, kind_fact)
