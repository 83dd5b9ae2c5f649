"""Gaps and zeros of a panel's series, series that begin late, and series that have stopped."""

from __future__ import annotations

import numpy as np

from ensembles.exploration.fact import Fact, Subject
from ensembles.exploration.material import Material, unknown_inside
from ensembles.exploration.words import capital, numbered, percent, some
from ensembles.report.charts.chart import Chart, Colour, Layer, Line
from forecasting.scale.activity import activity_of
from forecasting.schema import BoolArray, IntArray

__all__ = ["SUBJECT"]

MOST_TOLD = 200
"""Series that JSON names, those with most gaps or zeros first."""


def gaps_fact(material: Material) -> Fact | None:
    if not material.is_panel:
        return None
    y, uids = material.panel.y, material.panel.unique_ids
    gaps, zeros = unknown_inside(y), y == 0
    first = np.argmax(~np.isnan(y), axis=1)
    stopped = [uids[row] for row in _stopped(material)]
    late = int((first > 0).sum())
    order = np.argsort(-(gaps.sum(axis=1) + zeros.sum(axis=1)), kind="stable")[:MOST_TOLD]
    off = _off_share(material, zeros)
    numbers = {
        "series": len(uids),
        "gaps": int(gaps.sum()),
        "zeros": int(zeros.sum()),
        "share_of_zeros_on_days_off": off,
        "begin_late": late,
        "stopped": stopped,
        "by_series": [
            {"series": uids[row], "gaps": int(gaps[row].sum()), "zeros": int(zeros[row].sum())}
            for row in order
            if gaps[row].any() or zeros[row].any()
        ],
        "left_out": [problem.series.unique_id for problem in material.loaded.problems],
    }
    something = bool(gaps.any() or zeros.any() or late)
    sentence = _sentence(material, gaps, zeros, (late, stopped, off))
    return Fact(sentence, numbers, _chart(material, gaps, zeros) if something else None)


def _stopped(material: Material) -> IntArray:
    """Rows of the series that are zero at the end, and whose activity before makes that no chance."""
    y, least = material.panel.y, 2 * min(material.axis.season_length, 7)
    last = np.where(np.isnan(y[:, -least:]), 0.0, y[:, -least:])
    idle = np.flatnonzero((last == 0).all(axis=1) & (np.nan_to_num(y) != 0).any(axis=1))

    def has_stopped(row: int) -> bool:
        history = material.panel.history(material.panel.unique_ids[row])
        found = activity_of(history.ds, history.y, history.calendar, min(material.axis.season_length, 7))
        return found is not None and found.stopped

    return np.array([row for row in idle if has_stopped(int(row))], dtype=np.int64)


def _off_share(material: Material, zeros: BoolArray) -> float | None:
    """Share of the zeros that lie on days off; None without zeros, and where there are no days off."""
    off = ~material.calendar_days.workday
    if not zeros.any() or not off.any() or material.axis.freq == "W":
        return None
    return float(zeros[:, off].sum() / zeros.sum())


def _sentence(material: Material, gaps: BoolArray, zeros: BoolArray, rest: tuple[int, list[str], float | None]) -> str:
    late, stopped, off = rest
    n, names = len(material.panel.series), material.panel.unique_ids
    said = [_most("gaps", gaps, names, n), _most("zeros", zeros, names, n)]
    if off is not None:
        said[-1] += f", {percent(off)} of them on days off"
    if late:
        said.append(f"{late:,} of {n:,} series begin after the first {material.noun}")
    if stopped:
        said.append(
            f"{numbered(len(stopped), 'series')} {'has' if len(stopped) == 1 else 'have'} stopped ({some(stopped)})"
        )
    left = [problem.series.unique_id for problem in material.loaded.problems]
    if left:
        said.append(f"{numbered(len(left), 'series')} {'is' if len(left) == 1 else 'are'} left out ({some(left)})")
    return f"{capital('; '.join(said))}."


def _most(noun: str, mask: BoolArray, names: tuple[str, ...], n: int) -> str:
    """How many there are, in how many series, and the series with most."""
    counts = mask.sum(axis=1)
    if not counts.any():
        return f"there are no {noun}"
    worst = int(np.argmax(counts))
    share = percent(float(mask.mean()))
    inside = f"{int((counts > 0).sum()):,} of {n:,} series have {noun}, {share} of all amounts"
    return f"{inside}, most of them {names[worst]} ({int(counts[worst]):,})"


def _chart(material: Material, gaps: BoolArray, zeros: BoolArray) -> Chart:
    there = ~np.isnan(material.panel.y)
    kinds: tuple[tuple[str, BoolArray, Colour], ...] = (
        ("with an amount", there, "actual"),
        ("zero", zeros, "forecast"),
        ("gap", gaps, "bad"),
    )
    layers: list[Layer] = [
        Line(name, material.ds, mask.sum(axis=0).astype(float), colour) for name, mask, colour in kinds if mask.any()
    ]
    title = f"series with an amount, with zero and with a gap on each {material.noun}"
    return Chart("explore-gaps", title, "day", "series", layers)


SUBJECT = Subject("gaps", "Gaps and zeros", 50, gaps_fact)
