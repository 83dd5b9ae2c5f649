"""The blend and the leaderboard once more, in plain loops from the text of the rules: nothing of the program is used
but its types. It agrees on leaderboard totals and on the prequential blend to 1e-6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

from ensembles.blend.fit import fit_blend
from ensembles.blend.spec import BlendSpec
from ensembles.evaluation.leaderboard import MemberFacts, build_leaderboard
from ensembles.judging.judge import Judge
from ensembles.oof import OofCube
from forecasting.score.names import score_named
from forecasting.windows import Window
from tests.ensembles.cubes import day_cutoffs, random_cube
from tests.plain_scores import plain_score

SHARES = {"purchase": 0.45, "redeem": 0.55}
SIMPLER = ["mean", "median", "trimmed-mean", "inverse-error", "ridge", "best-single", "second-layer"]
PLACES = dict(zip(SIMPLER, (0, 1, 2, 3, 4, 5, 9), strict=True))
NEEDS = {"inverse-error": 1, "ridge": 1, "best-single": 1, "second-layer": 5}
Array = Any
Candidate = tuple[str, str]


def average(values: Array, members: Sequence[Any], level: str) -> tuple[Array, list[tuple[str, str]]]:
    """Settings, or families of them, with their names."""
    settings = sorted({(m.family, m.setting) for m in members})
    keys = [(m.family, m.setting) for m in members]
    columns = [np.mean([values[..., i] for i, k in enumerate(keys) if k == key], axis=0) for key in settings]
    if level == "settings":
        return np.stack(columns, axis=-1), settings
    names = sorted({family for family, _ in settings})
    means = [np.mean([c for c, (f, _) in zip(columns, settings, strict=True) if f == n], axis=0) for n in names]
    return np.stack(means, axis=-1), [(name, name) for name in names]


def by_rank(method: str, values: Array) -> Array:
    ordered = np.sort(values, axis=-1)
    n = ordered.shape[-1]
    cut = max(int(n * 0.2), 1) if n >= 3 else 0
    return np.median(ordered, axis=-1) if method == "median" else ordered[..., cut : n - cut].mean(axis=-1)


def days(x: Array, y: Array, by_size: bool) -> tuple[Array, Array, Array, Array]:
    """Of the days that count: log errors of each unit, mass, window."""
    rows = [
        (np.log(y[s, w, h]) - np.log(x[s, w, h]), y[s, w, h] if by_size else 1.0, w)
        for s, w, h in np.ndindex(y.shape)
        if y[s, w, h] > 0 and (x[s, w, h] > 0).all()
    ]
    errors, mass, window = (np.array(column) for column in zip(*rows, strict=True))
    return errors, mass / mass.mean(), window, len(rows)


def alike(missed: Array, window: Array) -> float:
    total = sum(missed[window == w].sum() ** 2 for w in set(window))
    return max(1.0, float(total / (missed**2).sum()))


def least_squares(evidence: Sequence[Any], toward: Array, doubt: Array) -> Array:
    """The best of all supports."""
    slope, pull = np.diag(1 / doubt**2), np.zeros(len(toward))
    for errors, mass, window, n in evidence:
        e = errors @ toward
        departures = e[:, None] - errors
        variance = (mass * e**2).sum() / n * alike(mass * e, window)
        slope = slope + (departures * mass[:, None]).T @ departures / variance
        pull = pull + departures.T @ (mass * e) / variance
    best: Array = None
    for size in range(1, len(toward) + 1):
        for support in combinations(range(len(toward)), size):
            inside, d = list(support), -toward.copy()
            system = np.ones((size + 1, size + 1))
            system[:size, :size], system[size, size] = slope[np.ix_(inside, inside)], 0
            d[inside] = 0
            right = np.append(pull[inside] - slope[inside] @ d, -d.sum())
            d[inside] = np.linalg.solve(system, right)[:size]
            if (toward + d > -1e-12).all():
                value = d @ slope @ d / 2 - pull @ d
                best = (value, toward + d) if best is None or value < best[0] else best
    return best[1]


class Oracle:
    """Forecasts, scores and choices as the text says."""

    def __init__(self, cubes: Mapping[str, OofCube], surrogate: str, tie: float) -> None:
        self.cubes, self.surrogate, self.tie = cubes, surrogate, tie
        self.first = next(iter(cubes.values()))
        self.n_windows = len(self.first.cutoffs)
        self.known: dict[Any, Array] = {}
        self.candidates = [(m, v) for m in SIMPLER for v in ("families", "settings")]
        self.family = ["wape"] if surrogate == "wape" else ["linear", "convex", "concave"]

    def past(self, window: int | None) -> tuple[int, ...]:
        ends = [days.max() for days in self.first.ds]
        return tuple(j for j, end in enumerate(ends) if window is None or end <= self.first.cutoffs[window])

    @cached_property
    def units(self) -> dict[tuple[str, str], Any]:
        levels = ("families", "settings")
        return {(t, v): average(cube.y_hat, cube.members, v) for t, cube in self.cubes.items() for v in levels}

    def equal(self, target: str, level: str) -> Array:
        names = [family for family, _ in self.units[target, level][1]]
        return np.array([1 / len(set(names)) / names.count(name) for name in names])

    def weights(self, target: str, candidate: Candidate, seen: tuple[int, ...]) -> Array:
        """Of a method that learns, from some windows."""
        method, level = candidate
        at, parts = list(seen), self.parts(level)
        stacks = {t: self.units[t, level][0][:, at] for t in self.cubes}
        toward, doubt = self.equal(target, level), self.equal(target, level) / 2
        if method == "second-layer":
            stacks = {t: np.stack([self.forecast(t, part)[:, at] for part in parts], axis=-1) for t in self.cubes}
            toward, doubt = np.eye(len(parts))[0], np.full(len(parts), 0.5 / len(parts))
        if len(seen) < (4 if method == "second-layer" else 1):
            return toward
        actual = {t: cube.y[:, at] for t, cube in self.cubes.items()}
        if method == "best-single":
            x, y, n = stacks[target], actual[target], range(len(at))
            scores = [[plain_score(x[:, w, :, i], y[:, w], self.surrogate) for w in n] for i in range(len(toward))]
            return np.eye(len(toward))[int(np.argmax(np.round(np.mean(scores, axis=1), 6)))]
        evidence = {t: days(stacks[t], actual[t], self.surrogate == "wape") for t in self.cubes}
        pooled, own = list(evidence.values()), [evidence[target]]
        if method == "inverse-error":
            return self.inverse(pooled, own, toward)
        return least_squares(own, least_squares(pooled, toward, doubt), doubt / 2)

    def inverse(self, pooled: Sequence[Any], own: Sequence[Any], equal: Array) -> Array:
        held = 3.0 * max(self.first.y.shape[2], 30)

        def mean(evidence: Sequence[Any], toward: Array) -> Array:
            total, count = held * toward, held
            for errors, mass, window, n in evidence:
                squared = (errors**2 * mass[:, None]).sum(axis=0) / n
                independent = n / alike(mass * (errors @ equal), window)
                total, count = total + independent * squared / squared.mean(), count + independent
            return total / count

        weights = equal / mean(own, mean(pooled, np.ones(len(equal))))
        return weights / weights.sum()

    def parts(self, level: str) -> list[Candidate]:
        return [c for c in self.candidates if c[1] == level and c[0] != "second-layer"]

    def combined(self, target: str, candidate: Candidate, window: int, seen: tuple[int, ...]) -> Array:
        method, level = candidate
        values, _ = self.units[target, level]
        if method in ("median", "trimmed-mean"):
            return by_rank(method, values[:, window])
        if method == "second-layer":
            usable = tuple(i for i in seen if self.past(i))
            values = np.stack([self.combined(target, part, window, seen) for part in self.parts(level)], axis=-1)
            return values @ self.weights(target, candidate, usable)
        if method == "mean":
            return values[:, window].mean(axis=-1)
        return values[:, window] @ self.weights(target, candidate, seen)

    def forecast(self, target: str, candidate: Candidate) -> Array:
        if (target, candidate) not in self.known:
            rows = [self.combined(target, candidate, w, self.past(w)) for w in range(self.n_windows)]
            self.known[target, candidate] = np.stack(rows, axis=1)
        return self.known[target, candidate]

    def points(self, target: str, candidate: Candidate, window: int, score: str) -> float:
        key = (target, candidate, window, score)
        if key not in self.known:
            y_hat, y = self.forecast(target, candidate)[:, window], self.cubes[target].y[:, window]
            self.known[key] = plain_score(y_hat, y, score)
        return float(self.known[key])

    def total(self, pair: tuple[Candidate, ...], windows: Sequence[int], score: str) -> float:
        means = [np.mean([self.points(t, c, j, score) for j in windows]) for t, c in zip(SHARES, pair, strict=True)]
        return round(sum(share * mean for share, mean in zip(SHARES.values(), means, strict=True)), 6)

    def judged(self, pair: tuple[Candidate, ...], known: Sequence[int]) -> list[int]:
        return [j for j in known if all(len(self.past(j)) >= NEEDS.get(method, 0) for method, _ in pair)]

    def choice(self, window: int | None) -> tuple[Candidate, ...]:
        """Those judged by most windows first; the winner meets those judged by fewer."""
        known = self.past(window)
        base = (("mean", "families"),) * 2
        standing: list[tuple[Candidate, ...]] = []
        pairs = list(product(self.candidates, repeat=2))
        for windows in sorted({tuple(self.judged(p, known)) for p in pairs} - {()}, key=len, reverse=True):
            meeting = [*standing, *(p for p in pairs if tuple(self.judged(p, known)) == windows)]
            totals = {(p, s): self.total(p, windows, s) for p in {*meeting, base} for s in self.family}
            alive = [p for p in meeting if all(round(totals[base, s] - totals[p, s], 6) <= 0.1 for s in self.family)]
            alive = alive or [base]
            best = max(totals[p, self.surrogate] for p in alive)
            tied = [p for p in alive if round(best - totals[p, self.surrogate], 6) <= self.tie]
            order = {p: [2 * PLACES[m] + (v == "settings") for m, v in p] for p in tied}
            standing = [min(tied, key=lambda p: (sum(order[p]), -totals[p, self.surrogate], order[p]))]
        return standing[0] if standing else base


@pytest.mark.parametrize(
    ("seed", "n_windows", "step", "n_series", "surrogate", "tie"),
    [
        (3, 8, 7, 1, "linear", 0.0),
        (4, 9, 3, 2, "wape", 0.0),
        (5, 7, 7, 2, "concave", 0.05),
        (6, 1, 7, 1, "linear", 0.1),
    ],
)
def test_the_blend_and_the_leaderboard_computed_apart(
    seed: int, n_windows: int, step: int, n_series: int, surrogate: str, tie: float
) -> None:
    cutoffs = day_cutoffs(n_windows, step)
    layout = "a:x2 a:y1 b:z1 c:w2"
    cubes = {t: random_cube(t, layout, cutoffs, 7, seed=seed + i, n_series=n_series) for i, t in enumerate(SHARES)}
    blend = fit_blend(cubes, SHARES, BlendSpec(candidates=tuple(SIMPLER), tie=tie, calibrate=False), surrogate)
    oracle, totals = Oracle(cubes, surrogate, tie), []
    for k in range(n_windows):
        choice = oracle.choice(k)
        assert [c.label for c in blend.evidence.prequential.choices[k].values()] == ["/".join(c) for c in choice]
        for target, candidate in zip(SHARES, choice, strict=True):
            expected = oracle.forecast(target, candidate)[:, k]
            np.testing.assert_allclose(blend.evidence.prequential.y_hat[target][:, k], expected, rtol=1e-6)
        points = [oracle.points(t, c, k, surrogate) for t, c in zip(SHARES, choice, strict=True)]
        totals.append(np.dot(points, list(SHARES.values())))
    final = oracle.choice(None)
    assert [f.combination.candidate.label for f in blend.targets.values()] == ["/".join(c) for c in final]
    for target, candidate in zip(SHARES, final, strict=True):
        expected = oracle.combined(target, candidate, 0, oracle.past(None))
        np.testing.assert_allclose(blend.targets[target].apply(cubes[target].y_hat[:, 0]), expected, rtol=1e-6)
    windows, judge = [Window(cutoff, 7) for cutoff in cutoffs], Judge.of(cubes, SHARES, score_named(surrogate))
    board = build_leaderboard(cubes, judge, blend, windows, {}, MemberFacts(), season_length=7)
    rows = {row.member: row.score for row in board.rows}
    assert rows["blend"] == pytest.approx(np.mean(totals), abs=1e-6)
    for i, member in enumerate(oracle.first.members):
        own = {t: [(c.y_hat[:, k, :, i], c.y[:, k]) for k in range(n_windows)] for t, c in cubes.items()}
        scores = {t: [plain_score(y_hat, y, surrogate) for y_hat, y in pairs] for t, pairs in own.items()}
        plain = sum(share * np.mean(scores[t]) for t, share in SHARES.items())
        assert rows[member.name] == pytest.approx(plain, abs=1e-6)
    for method, level in oracle.candidates:
        if f"{method}/{level}" in rows:
            alone = oracle.total(((method, level),) * 2, range(n_windows), surrogate)
            assert rows[f"{method}/{level}"] == pytest.approx(alone, abs=2e-6)
