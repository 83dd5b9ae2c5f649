"""How much of the flows the largest 1% move: of users, or of the entities of a panel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ensembles.exploration.fact import Fact, Subject
from ensembles.exploration.material import Material
from ensembles.exploration.subjects.totals import COLOURS
from ensembles.exploration.words import and_list, percent
from ensembles.report.charts.chart import Chart, Layer, Line
from forecasting.schema import FloatArray

__all__ = ["SUBJECT"]

LARGEST = 0.01
POINTS = 201
"""Points of a curve."""


def concentration_fact(material: Material) -> Fact | None:
    sizes = _sizes(material)
    if sizes is None:
        return None
    noun = "users" if material.users is not None else "entities"
    sizes = {target: np.sort(size)[::-1] for target, size in sizes.items() if size.sum() > 0}
    if not sizes:
        return Fact(f"Nothing flows, so there is no share of the largest {noun}.")
    n = len(next(iter(sizes.values())))
    top = max(1, round(LARGEST * n))
    shares = {target: float(size[:top].sum() / size.sum()) for target, size in sizes.items()}
    half = {target: int(np.searchsorted(np.cumsum(size), size.sum() / 2) + 1) for target, size in sizes.items()}
    numbers = {
        "of": noun,
        "n": n,
        "largest": top,
        "share_of_largest": shares,
        "number_with_half": half,
    }
    return Fact(_sentence(noun, n, top, shares, half), numbers, _chart(noun, sizes) if n > 1 else None)


def _sizes(material: Material) -> Mapping[str, FloatArray] | None:
    """Size ``[n]`` of every user, or entity of a panel, by target; None where there is one of them only."""
    users, panel = material.users, material.panel
    if users is not None:
        return dict(zip(material.targets, np.maximum(users.sums, 0.0).T, strict=True))
    if not material.is_panel:
        return None
    summed = np.nansum(np.abs(panel.y), axis=1)
    return {t: summed[[series.target == t for series in panel.series]] for t in material.targets}


def _sentence(noun: str, n: int, top: int, shares: Mapping[str, float], half: Mapping[str, int]) -> str:
    who = f"The largest {top:,} of {n:,} {noun} ({percent(top / n)})" if top > 1 else f"The largest of {n:,} {noun}"
    moved = and_list([f"{percent(share)} of {target}" for target, share in shares.items()])
    halves = and_list([f"{number:,} ({percent(number / n)}) for {target}" for target, number in half.items()])
    return f"{who} move{'s' if top == 1 else ''} {moved}; the number that moves half of all is {halves}."


def _chart(noun: str, sizes: Mapping[str, FloatArray]) -> Chart:
    layers: list[Layer] = []
    for (target, size), colour in zip(sizes.items(), COLOURS, strict=False):
        curve = np.append(0.0, np.cumsum(size)) / size.sum()
        at = np.unique(np.rint(np.linspace(0, 1, POINTS) ** 2 * len(size)).astype(np.int64))
        layers.append(Line(target, 100 * at / len(size), 100 * curve[at], colour, 2))
    layers.append(Line("if all were alike", np.array([0.0, 100.0]), np.array([0.0, 100.0]), "actual", 1, dashed=True))
    title = f"share of the flows that the largest {noun} move"
    return Chart(
        "explore-concentration", title, "number", "% of the flows", layers, x_label=f"% of {noun}, largest first"
    )


SUBJECT = Subject("concentration", "Concentration", 60, concentration_fact)
