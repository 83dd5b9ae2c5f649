"""How amounts depend on the day: weekday, day of the month, and work day, day off and holiday.

An amount is taken over the mean of the four weeks around it, so that growth does not count, and a kind of day is told
by the median of these, over what they are on average. Days near holidays leave the profiles of weekdays and of the
month, and weekdays are taken out of the days of the month.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
NO_DAYS = "The periods are weeks, which have no"
LONG_NAMES = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")

Kinds = Mapping[str, BoolArray]


@dataclass(frozen=True)
class _Profile:
    """Medians of one target by kind of day; `sure` hold for all kinds at once. They are shares of an average day, or
    where amounts are of either sign (`signed`) of the mean size.
    """

    target: str
    kinds: Mapping[str, Median]
    sure: Mapping[str, Median]
    signed: bool

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
        if len(parts) < 2 or np.ptp(np.concatenate(list(parts.values()))) == 0:
            continue
        signed = bool((ratio < 0).any())
        sizes = [len(values) for values in parts.values()]
        mean = 1.0 if signed else float(np.average([np.median(v) for v in parts.values()], weights=sizes))
        if mean > 0:
            medians = {kind: median_of(values / mean) for kind, values in parts.items()}
            sure = {kind: median_of(values / mean, len(parts)) for kind, values in parts.items()}
            found.append(_Profile(target, medians, sure, signed))
    return tuple(found)


def weekday_fact(material: Material) -> Fact:
    if material.axis.freq == "W":
        return Fact(f"{NO_DAYS} weekdays.")
    usual = _is_usual(material)
    kinds = {name: usual & (material.calendar_days.weekday == k) for k, name in enumerate(WEEKDAYS)}
    found = _profiles(material.ratios, kinds)
    names = {kind: f"on {name}" for kind, name in zip(WEEKDAYS, LONG_NAMES, strict=True)}
    sentence = _sentence(material, found, "weekdays", lambda profile: _ends_told(profile, names))
    return Fact(sentence, _numbers(found), _chart("weekday", found, "by weekday, away from holidays"))


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
    clearest = tuple(_clearest(profile, coarse.get(profile.target)) for profile in found)
    names = {f"{day}": f"on day {day}" for day in range(1, 32)} | {name: name for name in thirds}
    sentence = _sentence(material, clearest, "days of the month", lambda profile: _ends_told(profile, names))
    numbers = {**_numbers(found), "edges": {t: profile.as_json() for t, profile in coarse.items()}}
    chart = _chart("month", found, "by day of the month, weekdays taken out", by_number=True)
    return Fact(sentence, numbers, chart)


def _clearest(profile: _Profile, coarse: _Profile | None) -> _Profile:
    """Single days where they stand out; else the ends of the month, which are more days, if those do or can tell."""
    if coarse is not None and not profile.differs and (coarse.differs or profile.ends is None):
        return coarse
    return profile


def kind_fact(material: Material) -> Fact:
    if material.axis.freq == "W":
        return Fact(f"{NO_DAYS} work days and holidays.")
    kinds = _kinds(material)
    found = _profiles(material.ratios, kinds)
    holidays = [profile for profile in found if "public holiday" in profile.kinds and not profile.signed]
    names = {kind: kind if "break" in kind else f"on a {kind}" for kind in kinds}
    rest = [profile for profile in found if profile not in holidays]
    said = [_holiday_told(material, profile) for profile in holidays]
    if rest or len(found) < len(material.targets):
        said.append(_sentence(material, rest, "kinds of days", lambda p: _ends_told(p, names), holidays).rstrip("."))
    sentence = f"{'; '.join(said)}."
    if material.panel.calendar.country is None:
        no = "No calendar is set, so holidays are not known; add --calendar with a code such as DE."
        sentence = f"{no} {sentence}" if found else no
    return Fact(sentence, _numbers(found), _chart("kind", found, "by kind of day"))


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
    """Public holidays against all days and against the same weekdays."""
    holiday = profile.kinds["public holiday"]
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


def _ends_told(profile: _Profile, names: Mapping[str, str]) -> str:
    """The highest and the lowest kind of day of a profile that has them."""
    assert profile.ends is not None
    high, low = profile.ends
    top, bottom = profile.kinds[high], profile.kinds[low]
    if profile.signed:
        first, second = f"{top.value:+z.2f} of its mean size", f"{bottom.value:+z.2f} of it"
    else:
        first, second = f"{versus(top.value)} an average day", f"{versus(bottom.value)} it"
    return (
        f"{profile.target} is highest {names[high]}, {first} ({numbered(top.n, 'day')}), "
        f"and lowest {names[low]}, {second} ({numbered(bottom.n, 'day')})"
    )


def _sentence(
    material: Material,
    found: Sequence[_Profile],
    among: str,
    told: Callable[[_Profile], str],
    others: Sequence[_Profile] = (),
) -> str:
    """What is told of the targets that differ, and which do not; `others` are told elsewhere."""
    said = [told(profile) for profile in found if profile.differs]
    flat = [profile.target for profile in found if profile.differs is False]
    few = [profile.target for profile in found if profile.differs is None]
    without = [t for t in material.targets if t not in {profile.target for profile in (*found, *others)}]
    if flat:
        said.append(f"{and_list(flat)} show{'s' * (len(flat) == 1)} no difference between {among} beyond chance")
    if few:
        said.append(f"{and_list(few)} {'has' if len(few) == 1 else 'have'} too few days to tell {among} apart")
    if without:
        said.append(f"{and_list(without)} cannot tell {among} apart: constant, too short, or zero on a usual day")
    return f"{'; '.join(said)}."


def _numbers(found: Sequence[_Profile]) -> dict[str, object]:
    return {"targets": {profile.target: {"differs": profile.differs, "kinds": profile.as_json()} for profile in found}}


def _chart(key: str, found: Sequence[_Profile], title: str, *, by_number: bool = False) -> Chart | None:
    """Medians with their intervals; None where no kind of day has enough days for one."""
    if all(np.isnan(median.low) for profile in found for median in profile.kinds.values()):
        return None
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
    whole = "mean size" if any(profile.signed for profile in found) else "average day"
    name = f"{title}: median over an average day, with 90% intervals{sizes}"
    x_label = "day of the month" if by_number else ""
    return Chart(f"explore-{key}", name, axis, f"{whole} = 1", layers, x_label=x_label)


def _labels(kinds: Sequence[str], profile: _Profile) -> list[str]:
    """Kinds in short lines, with the number of their days."""
    return ["\n".join([*wrap(kind, LABEL_WIDTH), f"{profile.kinds[kind].n:,}"]) for kind in kinds]


WEEKDAY = Subject("weekdays", "Weekdays", 20, weekday_fact)
MONTH_DAYS = Subject("month-days", "Days of the month", 30, month_fact)
WORK_AND_HOLIDAY = Subject("day-kinds", "Work days and holidays", 40, kind_fact)
