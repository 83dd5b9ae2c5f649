"""Hand-made cubes for the tests of this folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ensembles.oof import MemberInfo, OofCube

MONTH_ENDS = np.array(["2014-02-28", "2014-03-31", "2014-04-30", "2014-05-31", "2014-06-30"], dtype="datetime64[D]")


def month_cutoffs(n: int) -> tuple[np.datetime64, ...]:
    return tuple(MONTH_ENDS[:n])


def day_cutoffs(n: int, step: int) -> tuple[np.datetime64, ...]:
    return tuple(np.datetime64("2020-01-01") + np.arange(n) * step)


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
    return OofCube(target, names, tuple(cutoffs), members, y_hat, y)


def planted_cube(target: str, scores: dict[str, Sequence[float]], horizon: int = 4) -> OofCube:
    """One family per name, with the given score on each monthly window: every day is missed alike."""
    n_windows = len(next(iter(scores.values())))
    y = np.full((1, n_windows, horizon), 1_000_000.0)
    members = tuple(MemberInfo(f"id-{name}", name, name, name) for name in scores)
    errors = np.array([[0.3 * (1 - s / 10) for s in row] for row in scores.values()])
    y_hat = y[..., None] * (1 + errors.T[None, :, None, :])
    return OofCube(target, (target,), month_cutoffs(n_windows), members, y_hat, y)
