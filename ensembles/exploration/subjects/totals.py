"""Totals over time: how the first four weeks compare with the last, and where the level of a target shifts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ensembles.exploration.fact import Fact, Subject
from ensembles.exploration.material import Material
from ensembles.exploration.statistics import local_mean
from ensembles.exploration.words import as_much, known
from ensembles.report.charts.chart import Chart, Colour, Layer, Line, Marks
from forecasting.schema import FloatArray

__all__ = ["SUBJECT"]

COLOURS: tuple[Colour, ...] = ("forecast", "backtest", "good", "second", "actual", "bad")
ABOUT = 1.1
"""Ratio up to which a level stays about the same."""


def totals_fact(material: Material) -> Fact:
    ends = {target: _ends(total, material) for target, total in material.totals.items()}
    said = [_told(material, target, first, last) for target, (first, last) in ends.items()]
    net = _net(material)
    numbers = {
        "targets": {
            target: {
                "total": known(float(np.nansum(material.totals[target]))),
                "first_four_weeks": known(first),
                "last_four_weeks": known(last),
            }
            for target, (first, last) in ends.items()
        },
        "net": net,
    }
    return Fact("; ".join(said) + _about_net(material, net) + ".", numbers, _chart(material))


def _ends(total: FloatArray, material: Material) -> tuple[float, float]:
    """Mean amount of a period in the first and the last four weeks; NaN where the data are too short for both."""
    span = 4 * min(material.axis.season_length, 7) if material.axis.freq != "W" else 4
    there = np.flatnonzero(~np.isnan(total))
    if len(there) < 2 * span:
        return float("nan"), float("nan")
    return float(total[there[:span]].mean()), float(total[there[-span:]].mean())


def _told(material: Material, target: str, first: float, last: float) -> str:
    name = f"{target}{material.whole}"
    if np.isnan(first):
        return f"{name} has too few {material.axis.noun} to compare the first four weeks with the last"
    a, b = material.text(first), material.text(last)
    if first <= 0 or last <= 0:
        return f"{name} is {a} a {material.noun} in the first four weeks and {b} in the last"
    ratio = last / first
    if 1 / ABOUT <= ratio <= ABOUT:
        return f"{name} stays about level, {a} a {material.noun} in the first four weeks and {b} in the last"
    moves = "rises" if ratio > 1 else "falls"
    return f"{name} {moves} from {a} a {material.noun} in the first four weeks to {b} in the last, {as_much(ratio)}"


def _net(material: Material) -> float | None:
    """What came in less what went out, over the periods on which both are known; None without two targets."""
    if len(material.targets) != 2:
        return None
    come, go = material.totals.values()
    return known(float(np.nansum(come - go)))


def _about_net(material: Material, net: float | None) -> str:
    if net is None:
        return ""
    come, go = material.targets
    more, less = (come, go) if net >= 0 else (go, come)
    return f"; over all, {more} exceeds {less} by {material.text(abs(net))}"


def _chart(material: Material) -> Chart | None:
    if all(np.isnan(total).all() for total in material.totals.values()):
        return None
    layers: list[Layer] = []
    for (target, total), colour in zip(material.totals.items(), COLOURS, strict=False):
        shown = material.money.shown(total)
        layers.append(Line(target, material.ds, shown, colour, 1))
        if material.axis.freq != "W":
            smooth = np.where(np.isnan(shown), np.nan, local_mean(shown, 2 * min(material.axis.season_length, 7)))
            layers.append(Line(f"{target}, mean of four weeks", material.ds, smooth, colour, 2.5))
    together = (
        f", all series together{', gaps filled from like days' if material.filled else ''}" if material.is_panel else ""
    )
    title = f"{' and '.join(material.targets)} of each {material.noun}{together}"
    marks = Marks() if material.is_panel else Marks(named=_named(material))
    return Chart("explore-totals", title, "day", material.money.label, layers, marks)


def _named(material: Material) -> tuple[tuple[np.datetime64, str], ...]:
    """Shifts of level, by day."""
    found: Mapping[np.datetime64, str] = {shift.ds: f"{shift.unique_id} shifts" for shift in material.shifts}
    return tuple(sorted(found.items()))


SUBJECT = Subject("totals", "Totals over time", 10, totals_fact)
