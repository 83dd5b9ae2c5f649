"""Hand-made cubes for the tests of this folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ensembles.blend.combination import Candidate, Combination, equal_weights, fit_weights
from ensembles.blend.methods.base import FittingRules
from ensembles.oof import MemberInfo, OofCube
from forecasting.schema import DateArray, FloatArray, IntArray, as_dates

MONTH_ENDS = np.array(["2014-02-28", "2014-03-31", "2014-04-30", "2014-05-31", "2014-06-30"], dtype="datetime64[D]")


def month_cutoffs(n: int) -> tuple[np.datetime64, ...]:
    return tuple(MONTH_ENDS[:n])


def day_cutoffs(n: int, step: int) -> tuple[np.datetime64, ...]:
    return tuple(np.datetime64("2020-01-01") + np.arange(n) * step)


def calendar_days(cutoffs: Sequence[np.datetime64], horizon: int) -> DateArray:
    """The days after each cutoff, ``[n_windows, horizon]``."""
    return as_dates(cutoffs)[:, None] + np.arange(1, horizon + 1)


def members_of(layout: str) -> tuple[MemberInfo, ...]:
    """``"a:x2 a:y b:z"`` → family a with setting x in two seeds and setting y, family b with setting z."""
    members = []
    for word in layout.split():
        family, setting = word.split(":")
        n_seeds = int(setting[1:] or 1)
        for seed in range(n_seeds):
            label = setting[0]
            members.append(
                MemberInfo(f"{family}{label}{seed:02d}", f"{family}-{label}/s{seed:02d}", family, label, seed)
            )
    return tuple(members)


def random_cube(
    target: str,
    layout: str,
    cutoffs: Sequence[np.datetime64],
    horizon: int,
    *,
    seed: int,
    n_series: int = 1,
    noise: float = 0.15,
) -> OofCube:
    """Members that scatter around the truth, each with a bias and a noise of its own."""
    rng = np.random.default_rng(seed)
    members = members_of(layout)
    y = np.rint(rng.uniform(800, 1200, (n_series, len(cutoffs), horizon)))
    spread = rng.uniform(0.3, 1.7, len(members)) * noise
    bias = rng.normal(0, noise / 2, (len(cutoffs), 1, len(members)))
    y_hat = y[..., None] * np.exp(bias + spread * rng.normal(size=(*y.shape, len(members))))
    names = (target,) if n_series == 1 else tuple(f"fund{i}/{target}" for i in range(n_series))
    return OofCube(target, names, tuple(cutoffs), members, y_hat, y, calendar_days(cutoffs, horizon))


def one_day(members: tuple[MemberInfo, ...], y_hat: FloatArray) -> OofCube:
    """One series on one day with an actual value of 1; `y_hat` ``[1, 1, 1, n_members]``."""
    cutoffs = month_cutoffs(1)
    return OofCube("in", ("in",), cutoffs, members, y_hat, np.ones((1, 1, 1)), calendar_days(cutoffs, 1))


def planted_cube(target: str, scores: dict[str, Sequence[float]], horizon: int = 4) -> OofCube:
    """One family per name, with the given score on each monthly window: every day is missed alike."""
    n_windows = len(next(iter(scores.values())))
    y = np.full((1, n_windows, horizon), 1_000_000.0)
    members = tuple(MemberInfo(f"id-{name}", name, name, name) for name in scores)
    errors = np.array([[0.3 * (1 - s / 10) for s in row] for row in scores.values()])
    y_hat = y[..., None] * (1 + errors.T[None, :, None, :])
    cutoffs = month_cutoffs(n_windows)
    return OofCube(target, (target,), cutoffs, members, y_hat, y, calendar_days(cutoffs, horizon))


def fit_candidate(
    candidate: Candidate, members: tuple[MemberInfo, ...], units: OofCube, windows: IntArray, rules: FittingRules
) -> Combination:
    """A candidate of one target fitted on some windows of its level's cube, from equal weights."""
    weights = fit_weights(candidate.rule, units, windows, equal_weights(units.members), rules)
    return Combination(candidate, members, weights)
