from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import ensembles.blend.methods
from ensembles.blend.combination import Candidate, method_words, parse_candidate
from ensembles.blend.methods.base import FittingRules, Method, all_methods, method_named
from ensembles.blend.spec import BlendSpec
from forecasting.registry import found_in
from forecasting.score.names import score_named

SIMPLE = ["mean", "median", "trimmed-mean"]
STACKING = ["inverse-error", "ridge", "best-single", "simplex", "greedy", "simplex-by-series", "second-layer"]
RULES = FittingRules(score_named("linear"), shrinkage=3.0)

PLANTED = '''
from dataclasses import dataclass

import numpy as np

from ensembles.blend.methods.base import Weighted


@dataclass(frozen=True)
class Inverse(Weighted):
    """Weights by the inverse of the mean absolute error."""

    name = "inverse-miss"
    place = 4
    words = "weights by error on"

    def fit(self, y_hat, y, equal, rules):
        weights = 1 / np.nanmean(np.abs(y_hat - y[..., None]), axis=(0, 1, 2))
        return weights / weights.sum()
'''


def test_methods_from_the_simplest_on() -> None:
    assert [method.name for method in all_methods()] == SIMPLE + STACKING
    assert [method.place for method in all_methods()] == list(range(10))
    assert [m.name for m in all_methods() if m.learns] == STACKING
    assert [m.fewest for m in all_methods()] == [0, 0, 0, 1, 1, 1, 1, 1, 1, 4]
    assert BlendSpec().candidates == (*SIMPLE, "inverse-error", "ridge", "simplex", "second-layer")
    assert method_named("stacking") is None


def test_words_for_reports() -> None:
    assert method_words("simplex", "families") == "fitted weights on families"
    assert method_words("trimmed-mean", "settings") == "trimmed mean of settings"
    assert method_words("stacking", "families") == "stacking families"


@pytest.mark.parametrize("method", all_methods(), ids=lambda method: method.name)
def test_a_combination_of_equal_forecasts_is_that_forecast(method: Method) -> None:
    rng = np.random.default_rng(2)
    y = rng.uniform(900, 1100, (2, 3, 5))
    y_hat = y[..., None] * rng.uniform(0.8, 1.2, (2, 3, 5, 4))
    weights = method.fit(y_hat, y, np.full(4, 0.25), RULES)
    same = np.repeat(y[..., None], 4, axis=-1)
    np.testing.assert_allclose(method.combine(same, weights), y)
    assert method.combine(y_hat, weights).shape == y.shape
    between = method.combine(y_hat, weights)
    assert ((between >= y_hat.min(axis=-1) - 1e-9) & (between <= y_hat.max(axis=-1) + 1e-9)).all()


def test_a_new_method_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inverse_miss.py").write_text(PLANTED)
    monkeypatch.setattr(ensembles.blend.methods, "__path__", [*ensembles.blend.methods.__path__, str(tmp_path)])
    found_in.cache_clear()
    all_methods.cache_clear()
    try:
        assert [c.label for c in parse_candidate("inverse-miss")] == [
            "inverse-miss/families",
            "inverse-miss/settings",
        ]
        assert Candidate("inverse-miss", "families").complexity == Candidate("ridge", "families").complexity
        assert method_words("inverse-miss", "families") == "weights by error on families"
        assert [BlendSpec(candidates=("inverse-miss",)).parsed()[1].label] == ["inverse-miss/families"]
    finally:
        found_in.cache_clear()
        all_methods.cache_clear()
        sys.modules.pop("ensembles.blend.methods.inverse_miss", None)
