from __future__ import annotations

import numpy as np
import pytest

from ensembles.bands.rules import BandRule
from ensembles.blend.combination import Combination, parse_candidate
from ensembles.blend.target_blend import TargetBlend
from tests.ensembles.cubes import members_of

MEMBERS = members_of("a:x2 a:y1 b:z1")
FACTORLESS = 200.0
"""The median of a forecast of 100 that a factor of 0.5 brought down."""
RULE = BandRule(np.array([0.1]), 0.0, 0.0, {80: 1.0})


def blend_of(candidate: str, weights: list[float] | None) -> TargetBlend:
    found = None if weights is None else np.array(weights)
    return TargetBlend(Combination(parse_candidate(candidate)[0], MEMBERS, found), 0.5, RULE)


def test_the_factor_multiplies_the_combination() -> None:
    blend = blend_of("mean/families", [0.5, 0.5])
    y_hat = np.array([[[2.0, 4.0, 5.0, 10.0]]])  # family a: (3 + 5) / 2
    assert blend.apply(y_hat) == pytest.approx(np.array([[0.5 * (4.0 + 10.0) / 2]]))


def test_bands_lie_around_the_forecasts() -> None:
    bands = blend_of("mean/families", [0.5, 0.5]).bands(np.array([[100.0]]))
    assert bands.median == pytest.approx(FACTORLESS)
    assert bands.low[80] == pytest.approx(FACTORLESS * np.exp(-0.1))
    assert bands.high[80] == pytest.approx(FACTORLESS * np.exp(0.1))


@pytest.mark.parametrize(
    ("candidate", "weights", "needed"),
    [
        ("greedy/families", [1.0, 0.0], (True, True, True, False)),
        ("greedy/settings", [0.0, 0.5, 0.5], (False, False, True, True)),
        ("median/settings", None, (True,) * 4),
    ],
)
def test_members_without_weight_are_not_needed(
    candidate: str, weights: list[float] | None, needed: tuple[bool, ...]
) -> None:
    assert blend_of(candidate, weights).needed == needed
