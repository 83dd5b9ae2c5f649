from __future__ import annotations

import sys
from pathlib import Path

import pytest

import forecasting.score
from forecasting.errors import ConfigError
from forecasting.registry import found_in
from forecasting.score.names import score_named, score_names

PLANTED = '''
from dataclasses import dataclass

import numpy as np

from forecasting.score.base import Pooled


@dataclass(frozen=True)
class SquaredError(Pooled):
    """10·(1 - Σ(ŷ - y)² / Σy²)."""

    name = "squared-error"

    def parts(self, y_hat, y):
        return np.square(y_hat - y), np.square(y)

    def slope(self, y_hat, y):
        return 2.0 * (y_hat - y)
'''


def test_the_scores_of_the_folder():
    assert score_names() == ("concave", "convex", "linear", "wape")
    assert [score_named(name).name for name in score_names()] == list(score_names())
    assert [score_named(name).pooled for name in score_names()] == [False, False, False, True]
    assert score_named("linear") == score_named("linear")


def test_an_unknown_name_is_a_sentence_with_the_known_ones():
    with pytest.raises(ConfigError, match="'rmse' does not exist: choose one of concave, convex, linear, wape"):
        score_named("rmse")


def test_a_new_score_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "squared_error.py").write_text(PLANTED)
    monkeypatch.setattr(forecasting.score, "__path__", [*forecasting.score.__path__, str(tmp_path)])
    found_in.cache_clear()
    try:
        assert score_names()[-2:] == ("squared-error", "wape")
        assert score_named("squared-error").checked_with == ("squared-error",)
    finally:
        found_in.cache_clear()
        sys.modules.pop("forecasting.score.squared_error", None)
