"""What the members' settings do: learning curves, the look-back, the number of seeds."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ensembles.evaluation.contenders import Contenders
from ensembles.evaluation.run_results import LearningCurve
from ensembles.files.leaderboard_json import SettingRow
from ensembles.report.charts.chart import Area, Chart, Colour, Dots, Layer, Line
from ensembles.report.context import ReportContext
from ensembles.report.section import Section
from ensembles.report.template import count
from forecasting.schema import FloatArray
from forecasting.seeding import generator

__all__ = ["SECTION", "LearningFacts"]

MAX_CURVES = 8
"""Settings whose curves are shown."""
MAX_SETTINGS = 4
FEWEST_SEEDS = 3
DRAWS = 24
SEED_COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
COLOURS: tuple[Colour, ...] = ("forecast", "backtest", "good", "second", "bad", "actual")


@dataclass(frozen=True)
class LearningFacts:
    """Charts of the final fits' curves, and of what settings are worth; `validated` when a fit held days back."""

    curves: tuple[Chart, ...]
    settings: tuple[Chart, ...]
    validated: bool


def learning_facts(context: ReportContext) -> LearningFacts:
    learning = context.results.learning
    curves = tuple(_curve_charts(learning))
    settings = list(_input_size_charts(context.results.board.settings))
    if context.contenders:
        settings += _seed_charts(context.contenders)
    return LearningFacts(curves, tuple(settings), any(key.name == "validation" for c in curves for key in c.legend))


def _curve_charts(learning: Mapping[str, Sequence[LearningCurve]]) -> Iterator[Chart]:
    """Loss by epoch: median over seeds, and the band that holds all of them."""
    by_setting = sorted(learning.items(), key=lambda item: _natural(item[0]))
    for place, (setting, seeds) in enumerate(by_setting[:MAX_CURVES], start=1):
        layers = [
            *_loss("training", "forecast", [curve.train for curve in seeds]),
            *_loss("validation", "backtest", [curve.valid for curve in seeds]),
        ]
        if layers:
            title = f"{setting} ({count(len(seeds), 'fit')})"
            yield Chart(f"learning-{place}", title, "number", "loss", layers, x_label="epoch", height=220)


def _loss(name: str, colour: Colour, losses: Sequence[Sequence[float]]) -> list[Layer]:
    curves = [np.asarray(loss, dtype=float) for loss in losses if len(loss)]
    if not curves:
        return []
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


def _input_size_charts(settings: Iterable[SettingRow]) -> Iterator[Chart]:
    """Score against the look-back, one chart per model: of single seeds, with a band of one standard deviation, and
    of the seeds averaged.
    """
    found: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    for row in settings:
        size = re.search(r"input_size=(\d+)", row.setting)
        if size and row.score_of_average is not None and row.mean is not None:
            rest = row.setting.replace(size[0], "").strip("/,")
            found[rest].append((float(size[1]), row.score_of_average, row.mean, row.sd or 0.0))
    lines = {name: np.array(sorted(values)).T for name, values in found.items() if len(values) > 1}
    for place, name in enumerate(sorted(lines)[:MAX_SETTINGS], start=1):
        yield _by_size(name, lines[name], place)


def _by_size(name: str, values: FloatArray, place: int) -> Chart:
    """Of rows input_size, score of the average, mean and standard deviation of single seeds."""
    sizes, averaged, mean, sd = values
    layers: list[Layer] = [
        Area("± 1 sd", sizes, mean - sd, mean + sd, "forecast"),
        Line("single seeds, mean", sizes, mean, "forecast", 2),
        Line("seeds averaged", sizes, averaged, "backtest", 2),
        Dots("", sizes, averaged, "backtest"),
    ]
    title = f"{name}: score by look-back"
    ticks = tuple(float(size) for size in sizes)
    return Chart(
        f"input-size-{place}", title, "number", "points", layers, x_label="input_size, days", height=220, x_ticks=ticks
    )


def _seed_charts(contenders: Contenders) -> Iterator[Chart]:
    """Score gained by averaging n seeds, mean over random choices of them, for the settings with most seeds."""
    seeds = _seeds_of_settings(contenders)
    many = sorted((s for s in seeds if len(seeds[s]) >= FEWEST_SEEDS), key=lambda s: (-len(seeds[s]), _natural(s)))
    layers: list[Layer] = []
    for setting, colour in zip(many[:MAX_SETTINGS], COLOURS, strict=False):
        counts, scores = _score_by_count(contenders, setting, seeds[setting])
        name = setting.partition("/")[2]
        layers.append(Line(name, counts, scores - scores[0], colour, 2))
    if layers:
        title = "gain over a single seed, by number of seeds averaged"
        yield Chart("seeds", title, "number", "points gained", layers, x_label="seeds", height=220)


def _seeds_of_settings(contenders: Contenders) -> dict[str, list[str]]:
    """Member ids by ``family/setting``, of members that forecast all targets."""
    cubes = contenders.cubes.values()
    shared = set.intersection(*({m.member_id for m in cube.members} for cube in cubes))
    seeds: dict[str, list[str]] = defaultdict(list)
    for member in next(iter(cubes)).members:
        if member.member_id in shared:
            seeds[f"{member.family}/{member.setting}"].append(member.member_id)
    return seeds


def _score_by_count(contenders: Contenders, setting: str, ids: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Numbers of seeds, and the mean score of the average over so many."""
    rng = generator(0, f"seeds of {setting}")
    counts = sorted({n for n in SEED_COUNTS if n < len(ids)} | {len(ids)})
    columns = {
        target: [next(i for i, m in enumerate(cube.members) if m.member_id == key) for key in ids]
        for target, cube in contenders.cubes.items()
    }
    y_hats = {target: cube.y_hat[..., columns[target]] for target, cube in contenders.cubes.items()}
    scores = []
    for n in counts:
        choices = [rng.permutation(len(ids))[:n] for _ in range(1 if n == len(ids) else DRAWS)]
        totals = [
            contenders.judge.per_window({t: y[..., choice].mean(axis=-1) for t, y in y_hats.items()}).mean()
            for choice in choices
        ]
        scores.append(float(np.mean(totals)))
    return np.array(counts, dtype=float), np.array(scores)


def learning_charts(facts: LearningFacts) -> Sequence[Chart]:
    return (*facts.settings, *facts.curves)


SECTION = Section("learning", "Learning", 80, "learning.j2", learning_facts, learning_charts)
