"""Scores by name: every module of this folder that defines one is found."""

from __future__ import annotations

from inspect import isabstract, isclass
from typing import Any

from forecasting.errors import ConfigError
from forecasting.registry import found_in
from forecasting.score.base import Score

__all__ = ["score_named", "score_names"]


def score_names() -> tuple[str, ...]:
    """Names of all scores: pointwise ones first, in the order of the alphabet."""
    scores = sorted(_scores().values(), key=lambda score: (score.pooled, score.name))
    return tuple(score.name for score in scores)


def score_named(name: str) -> Score:
    """The score of that name.

    Raises
    ------
    ConfigError
        When there is none, with the names there are.
    """
    found = _scores().get(name)
    if found is None:
        raise ConfigError(f"score {name!r} does not exist: choose one of {', '.join(score_names())}")
    return found


def _scores() -> dict[str, Score]:
    return {cls.name: cls() for cls in found_in("forecasting.score", _is_score)}


def _is_score(value: Any) -> bool:
    return isclass(value) and not isabstract(value) and isinstance(getattr(value, "name", None), str)
