"""What a trial is made of and what comes of it. A trial is a member on one series, over all windows.

`forecasting.backtest` runs trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from forecasting.models import model_type
from forecasting.models.base import AnyModel, GlobalModel, State
from forecasting.panel import Series
from forecasting.places.uri import redacted
from forecasting.schema import FloatArray
from forecasting.seeding import content_hash

__all__ = ["Forecast", "Member", "Trial", "TrialFailure", "TrialOutcome", "TrialResult"]


@dataclass(frozen=True)
class Member:
    """A model with its settings and a seed index; it spans all series and is one row of the leaderboard.

    `setting` is the readable name of model and settings without the seed; it is a label, not an identity.
    """

    model: str
    settings: Mapping[str, Any] = field(repr=False)
    seed_index: int
    setting: str
    family: str

    @cached_property
    def member_id(self) -> str:
        """Hash of model, settings and seed index, and of nothing else: a URI counts without its secrets."""
        return content_hash(self.model, redacted(dict(self.settings), mark=""), self.seed_index)

    @property
    def name(self) -> str:
        """The setting, with the seed where the seed matters."""
        seeded = model_type(self.model).seeded
        return f"{self.setting}/s{self.seed_index:02d}" if seeded else self.setting

    @cached_property
    def learns_across(self) -> bool:
        """Whether it is fitted on all series of a target at once."""
        return isinstance(self.build(), GlobalModel)

    @cached_property
    def forecasts_whole(self) -> bool:
        """Whether its forecasts hold what is planned; those of models that see histories without it do not."""
        return bool(getattr(self.build(), "forecasts_whole", False))

    def unit(self, series: Series) -> str:
        """`Trial.unique_id` of the trial that forecasts this series: the series, or its target."""
        return series.target if self.learns_across else series.unique_id

    def build(self) -> AnyModel:
        """The model with these settings."""
        cls = model_type(self.model)
        return cls(cls.settings_type.model_validate(dict(self.settings)))


@dataclass(frozen=True)
class Trial:
    """A member on one series: all backtest windows and the final fit.

    `unique_id` names the series. For a member that learns across a panel it names the target instead: the trial is on
    all series of that target. `trial_key` names the trial in storage.
    """

    member: Member
    unique_id: str
    trial_key: str


@dataclass(frozen=True)
class Forecast:
    """Forecast of one series from one cutoff: `y_hat` ``[horizon]``, in the unit of y; negative only where y was."""

    unique_id: str
    cutoff: np.datetime64
    y_hat: FloatArray


@dataclass(frozen=True)
class TrialResult:
    """A finished trial: one forecast per series and window (backtest, then final), and the state of the final fit.

    `failed_series`: unique_id → why there is no forecast, for single series of a trial on many. `warnings`: how many
    libraries gave, by category; a model that keeps them to itself says so in its state's ``warnings``.
    """

    trial: Trial
    forecasts: tuple[Forecast, ...]
    state: State
    seconds: float
    failed_series: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialFailure:
    """A trial that failed by the model's or the data's own error; trying again would not help."""

    trial: Trial
    reason: str


TrialOutcome = TrialResult | TrialFailure
