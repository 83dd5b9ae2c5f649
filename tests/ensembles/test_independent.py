"""Scores, intervals, bands and coverage computed once more, by plain loops that share no code with the program."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from ensembles.blend.fit import Blend, fit_blend
from ensembles.blend.spec import BlendSpec
from ensembles.evaluation.evaluate import evaluate_blend
from ensembles.evaluation.leaderboard import MemberFacts, build_leaderboard
from ensembles.judging.judge import Judge
from ensembles.oof import OofCube
from forecasting.score.names import score_named
from forecasting.windows import Window
from tests.ensembles.cubes import calendar_days, day_cutoffs, random_cube

WEIGHTS = {"in": 0.4, "out": 0.6}
N, DAYS = 6, 21
SPEC = BlendSpec(candidates=("mean",), calibrate=False)


def cubes_of(step: int = DAYS, n_days: int = DAYS, n: int = N) -> dict[str, OofCube]:
    """Two series each, with a window effect; a day unknown and a day without flow among them."""
    made = {}
    for i, target in enumerate(WEIGHTS, 3):
        cube = random_cube(target, "a:x2 a:y1 b:z1", day_cutoffs(n, step), n_days, seed=i, n_series=2)
        effect = np.exp(0.1 * np.random.default_rng(i).normal(size=(2, n, 1, 1)))
        cube.y_hat[...] *= effect
        cube.y[0, 1, 0], cube.y[1, 2, -1] = np.nan, 0.0
        made[target] = cube
    return made


@pytest.fixture(scope="module")
def cubes() -> dict[str, OofCube]:
    return cubes_of()


@pytest.fixture(scope="module")
def blend(cubes: dict[str, OofCube]) -> Blend:
    return fit_blend(cubes, WEIGHTS, SPEC, "linear")


def blended(cube: OofCube, series: int, window: int, day: int) -> float:
    """Mean over seeds, then settings, then families. The only candidates are the means over families and settings."""
    first, second, other, b = cube.y_hat[series, window, day]
    return float(((first + second) / 2 / 2 + other / 2) / 2 + b / 2)


def points(y_hat: float, y: float) -> float:
    if y == 0:
        return 10.0 if y_hat == 0 else 0.0
    return 10 * max(0.0, 1 - abs(y_hat - y) / y / 0.3)


def total_of(cubes: dict[str, OofCube], window: int, score: str) -> float:
    total = 0.0
    for target, weight in WEIGHTS.items():
        y, above, below = cubes[target].y, 0.0, 0.0
        for s, _, d in np.ndindex(y[:, :1].shape):
            actual = float(y[s, window, d])
            if not math.isnan(actual):
                made = blended(cubes[target], s, window, d)
                above += abs(made - actual) if score == "wape" else points(made, actual)
                below += abs(actual) if score == "wape" else 1.0
        total += weight * (10 * (1 - above / below) if score == "wape" else above / below)
    return total


def families(blend: Blend) -> bool:
    """Whether the mean over families was used for every window, so that the loops above are the blend."""
    choices = [c.label for choice in blend.evidence.prequential.choices for c in choice.values()]
    return set(choices) == {"mean/families"}


@pytest.mark.parametrize("score", ["linear", "wape"])
def test_totals_and_t_intervals(cubes: dict[str, OofCube], score: str) -> None:
    spec = SPEC.model_copy(update={"tie": 100.0})  # the simplest always wins
    found = evaluate_blend(cubes, WEIGHTS, spec, score).contenders[0]
    totals = [total_of(cubes, window, score) for window in range(N)]
    assert found.per_window == pytest.approx(totals, abs=1e-6)
    half = (1 + 1 / N) * stats.t.ppf(0.95, N - 1) * stats.tstd(totals) / math.sqrt(N)
    assert (found.score, found.low, found.high) == pytest.approx(
        (np.mean(totals), np.mean(totals) - half, np.mean(totals) + half), abs=1e-6
    )


def test_the_leaderboard_holds_the_same_total(cubes: dict[str, OofCube]) -> None:
    blend = fit_blend(cubes, WEIGHTS, SPEC.model_copy(update={"tie": 100.0}), "linear")
    assert families(blend)
    judge = Judge.of(cubes, WEIGHTS, score_named("linear"))
    windows = [Window(cutoff, DAYS) for cutoff in day_cutoffs(N, DAYS)]
    board = build_leaderboard(cubes, judge, blend, windows, {}, MemberFacts(), season_length=7)
    (row,) = (row for row in board.rows if row.family == "blend")
    assert row.score == pytest.approx(np.mean([total_of(cubes, w, "linear") for w in range(N)]), abs=1e-6)


def test_intervals_of_windows_that_overlap() -> None:
    """Twelve windows of ten days every two days: 32 days make three stretches of the calendar."""
    n, length, step = 12, 10, 2
    rng = np.random.default_rng(5)
    y = 100 * np.exp(0.1 * rng.normal(size=(1, n, length)))
    ds = calendar_days(day_cutoffs(n, step), length)
    found = Judge({"y": y}, {"y": 1.0}, score_named("linear"), ds).score({"y": np.full_like(y, 100.0)})
    earned = np.array([[points(100.0, float(v)) for v in row] for row in y[0]])
    value, sums = earned.mean(), np.zeros(3)
    for w, d in np.ndindex(n, length):
        sums[(w * step + d) * 3 // 32] += (earned[w, d] - value) / (n * length)
    half = (1 + 1 / 3) * stats.t.ppf(0.95, 2) * math.sqrt(3 / 2 * (sums**2).sum())
    assert (found.value, found.low, found.high) == pytest.approx((value, value - half, value + half), abs=1e-6)


# -- bands


def log_error(cube: OofCube, s: int, w: int, d: int) -> float:
    y, y_hat = float(cube.y[s, w, d]), blended(cube, s, w, d)
    return math.log(y / y_hat) if y > 0 else math.nan


def half_width(cubes: dict[str, OofCube], windows: range, level: float, slope: tuple[float, float]) -> np.ndarray:
    """Of each of the four series and each step, ``[4, n_days]``, from some windows."""
    errors = np.array(
        [
            [[log_error(cube, s, w, d) for d in range(DAYS)] for w in windows]
            for cube in cubes.values()
            for s in range(2)
        ]
    )
    line = 1 + slope[0] * (np.arange(DAYS) - slope[1])
    fade = np.array([0.5 ** (DAYS * (windows[-1] - w) / 60) for w in windows])
    rows, logs, counts = [], [], []
    for series in errors / line:
        means = [np.nanmean(window) for window in series]
        known = [int((~np.isnan(window)).sum()) for window in series]
        days = [
            (abs(e - m) * math.sqrt(k / (k - 1)), f)
            for window, m, k, f in zip(series, means, known, fade, strict=True)
            for e in window
            if not math.isnan(e)
        ]
        size, weight = np.array(days).T
        rows.append((means, known, size, weight))
        logs.append(math.log((size * weight).sum() / weight.sum()))
        counts.append(weight.sum() ** 2 / (weight**2).sum())
    n, log_sizes = np.array(counts), np.array(logs)
    share = n / (n + 5) / (n / (n + 5)).sum()
    centre = (share * log_sizes).sum()
    apart = (share * ((log_sizes - centre) ** 2 - 0.57 / n)).sum()
    prior = min(5, 0.57 / max(apart, 1e-9))
    own = np.exp(centre + n / (n + prior) * (log_sizes - centre))
    sizes, square = np.zeros(0), 0.0
    weights = np.concatenate([weight for *_, weight in rows])
    for (_, _, size, weight), o, worth in zip(rows, own, counts, strict=True):
        square += ((size / o) ** 2 * weight).sum() / weights.sum()
        for i in range(len(size)):
            others = np.delete(np.arange(len(size)), i)
            mean = (size * weight)[others].sum() / weight[others].sum()
            left = worth * weight[others].sum() / weight.sum()
            held = math.exp(centre + left / (left + prior) * (math.log(mean) - centre))
            sizes = np.append(sizes, size[i] / held)
    between = [
        (f, (m / o) ** 2 - square / k)
        for (means, known, *_), o in zip(rows, own, strict=True)
        for m, k, f in zip(means, known, fade, strict=True)
    ]
    tau = math.sqrt(max(sum(f * v for f, v in between) / sum(f for f, _ in between), 0.0))
    periods = weights.sum() ** 2 / (weights**2).sum()
    chance = weights / weights.sum() * periods / (periods + 1)
    dof = len(windows) - 1

    def missing(q: float) -> float:
        inside = stats.t.cdf((q - sizes) / tau, dof) - stats.t.cdf((-q - sizes) / tau, dof)
        return float((chance * inside).sum()) - level

    assert tau > 0.1
    return np.outer(own, line) * optimize.brentq(missing, 0, 1e4)


def test_bands_and_their_coverage(cubes: dict[str, OofCube]) -> None:
    blend = fit_blend(cubes, WEIGHTS, SPEC.model_copy(update={"tie": 100.0}), "linear")
    rules = [found.band_rule for found in blend.targets.values()]
    slope = (rules[0].slope, rules[0].centre)
    for level in (80, 95):
        mine = half_width(cubes, range(N), level / 100, slope)
        theirs = np.concatenate([rule.scale(DAYS) * rule.quantiles[level] for rule in rules])
        np.testing.assert_allclose(theirs, mine, rtol=0.005)  # the program adds effects on 400 quantiles
    for target, cube in cubes.items():
        bands = blend.evidence.prequential.bands[target]
        inside, known = np.zeros((N, DAYS)), np.zeros((N, DAYS))
        for s, w, d in np.ndindex(2, N, DAYS):
            low, y, high = bands.low[80][s, w, d], cube.y[s, w, d], bands.high[80][s, w, d]
            assert math.isnan(low) == (w < 2)
            if w >= 2 and not math.isnan(y):
                known[w, d] += 1
                inside[w, d] += low <= y <= high
        share = inside.sum() / known.sum()
        parts = [(inside[w] - share * known[w]).sum() / known.sum() for w in range(2, N)]
        half = (1 + 1 / 4) * stats.t.ppf(0.95, 3) * math.sqrt(4 / 3 * sum(part**2 for part in parts))
        found = blend.evidence.coverage[target][80]
        wanted = (share, max(share - half, 0.0), min(share + half, 1.0))
        assert (found.share, found.low, found.high) == pytest.approx(wanted, abs=1e-6)
