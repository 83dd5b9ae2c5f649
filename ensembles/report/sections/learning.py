"""What the members' settings do: learning curves, the look-back, the number of seeds."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ensembles.evaluation.contenders import Honest
from ensembles.report.charts.chart import Area, Chart, Colour, Dots, Layer, Line
from ensembles.report.data import Curves, ReportData
from ensembles.report.template import count
from forecasting.schema import FloatArray
from forecasting.seeding import generator

__all__ = ["curve_charts", "input_size_charts", "seeds_chart"]

MAX_CURVES = 8
"""Settings whose curves are shown."""
MAX_SETTINGS = 4
FEWEST_SEEDS = 3
DRAWS = 24
COLOURS: tuple[Colour, ...] = ("ahead", "honest", "good", "second", "bad", "actual")


def curve_charts(learning: Curves | None) -> list[Chart]:
    """Loss by epoch: median over seeds, and the band that holds all of them."""
    charts = []
    parts: tuple[tuple[str, str, Colour], ...] = (("train", "training", "ahead"), ("valid", "validation", "honest"))
    by_setting = sorted((learning or {}).items(), key=lambda item: _natural(item[0]))
    for place, (setting, seeds) in enumerate(by_setting[:MAX_CURVES], start=1):
        layers: list[Layer] = []
        for part, name, colour in parts:
            curves = [np.asarray(seed[part], dtype=float) for seed in seeds if len(seed.get(part, ()))]
            if curves:
                layers += _of_part(name, colour, curves)
        if layers:
            title = f"{setting} ({count(len(seeds), 'fit')})"
            charts.append(Chart(f"learning-{place}", title, "number", "loss", layers, x_label="epoch", height=220))
    return charts


def _of_part(name: str, colour: Colour, curves: Sequence[FloatArray]) -> list[Layer]:
    longest = max(len(curve) for curve in curves)
    stacked = np.full((len(curves), longest), np.nan)
    for row, curve in zip(stacked, curves, strict=True):
        row[: len(curve)] = curve
    epochs = np.arange(1, longest + 1)
    band = Area("", epochs, np.nanmin(stacked, axis=0), np.nanmax(stacked, axis=0), colour)
    return [band, Line(name, epochs, np.nanmedian(stacked, axis=0), colour, 2)]


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorts numbers in names by size."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text)]


def input_size_charts(data: ReportData) -> list[Chart]:
    """Score against the look-back, one picture per model: of single seeds, with a band of one standard deviation, and
    of the seeds averaged.
    """
    found: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    for row in data.board["settings"]:
        size = re.search(r"input_size=(\d+)", row["setting"])
        if size and row["score_of_average"] is not None:
            rest = row["setting"].replace(size[0], "").strip("/,")
            found[rest].append((float(size[1]), row["score_of_average"], row["mean"], row["sd"] or 0.0))
    lines = {name: np.array(sorted(values)).T for name, values in found.items() if len(values) > 1}
    return [_by_size(name, lines[name], place) for place, name in enumerate(sorted(lines)[:MAX_SETTINGS], start=1)]


def _by_size(name: str, values: FloatArray, place: int) -> Chart:
    """Of rows input_size, score of the average, mean and standard deviation of single seeds."""
    sizes, averaged, mean, sd = values
    layers: list[Layer] = [
        Area("± 1 sd", sizes, mean - sd, mean + sd, "ahead"),
        Line("single seeds, mean", sizes, mean, "ahead", 2),
        Line("seeds averaged", sizes, averaged, "honest", 2),
        Dots("", sizes, averaged, "honest"),
    ]
    title = f"{name}: score by look-back"
    ticks = tuple(float(size) for size in sizes)
    return Chart(
        f"input-size-{place}", title, "number", "points", layers, x_label="input_size, days", height=220, x_ticks=ticks
    )


def seeds_chart(honest: Honest) -> Chart | None:
    """What the average over n seeds scores more than a single one, mean over random choices of them, for the settings
    with most seeds.
    """
    seeds: dict[str, list[str]] = defaultdict(list)
    first = next(iter(honest.cubes.values()))
    shared = set.intersection(*({m.member_id for m in cube.members} for cube in honest.cubes.values()))
    for member in first.members:
        if member.member_id in shared:
            seeds[f"{member.family}/{member.setting}"].append(member.member_id)
    many = sorted((s for s in seeds if len(seeds[s]) >= FEWEST_SEEDS), key=lambda s: (-len(seeds[s]), _natural(s)))
    if not many:
        return None
    layers: list[Layer] = []
    for setting, colour in zip(many[:MAX_SETTINGS], COLOURS, strict=False):
        counts, scores = _score_by_count(honest, setting, seeds[setting])
        name = setting.partition("/")[2]
        layers.append(Line(name, counts, scores - scores[0], colour, 2))
    title = "gain over a single seed, by number of seeds averaged"
    return Chart("seeds", title, "number", "points gained", layers, x_label="seeds", height=220)


def _score_by_count(honest: Honest, setting: str, ids: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    rng = generator(0, f"seeds of {setting}")
    counts = sorted({n for n in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64) if n < len(ids)} | {len(ids)})
    columns = {
        target: [next(i for i, m in enumerate(cube.members) if m.member_id == key) for key in ids]
        for target, cube in honest.cubes.items()
    }
    y_hats = {target: cube.y_hat[..., columns[target]] for target, cube in honest.cubes.items()}
    scores = []
    for n in counts:
        choices = [rng.permutation(len(ids))[:n] for _ in range(1 if n == len(ids) else DRAWS)]
        totals = [
            honest.judge.per_window({t: y[..., choice].mean(axis=-1) for t, y in y_hats.items()}).mean()
            for choice in choices
        ]
        scores.append(float(np.mean(totals)))
    return np.array(counts, dtype=float), np.array(scores)
