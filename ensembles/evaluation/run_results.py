"""What is known of a run from the files in its directory: a report and a comparison need nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from forecasting.calendar import Calendar

if TYPE_CHECKING:
    from ensembles.files.blend_json import BlendFile
    from ensembles.files.forecast_parquet import ForecastFile
    from ensembles.files.history_parquet import HistoryFile
    from ensembles.files.leaderboard_json import LeaderboardFile
    from ensembles.files.oof_parquet import OofFile
    from ensembles.files.run_json import RunFile

__all__ = ["LearningCurve", "RunResults"]


@dataclass(frozen=True)
class LearningCurve:
    """Loss of a fit after each epoch; `valid` is empty where no days were held back."""

    train: Sequence[float]
    valid: Sequence[float] = ()


@dataclass(frozen=True)
class RunResults:
    """Contents of the files of a run.

    Parameters
    ----------
    blend, oof, forecast
        None when the run did not get that far.
    history
        Actual values for the charts. Without it they show those of the backtest windows.
    learning
        Learning curves of the final fits, one per seed, by setting.
    """

    board: LeaderboardFile
    blend: BlendFile | None
    run: RunFile
    oof: OofFile | None
    forecast: ForecastFile | None
    history: HistoryFile | None = None
    learning: Mapping[str, Sequence[LearningCurve]] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[str, ...]:
        """In the order of the weights."""
        return tuple(self.board.weights)

    @property
    def in_and_out(self) -> tuple[str, str] | None:
        """The targets that come in and go out, when there are two. Otherwise there is no net flow."""
        return (self.targets[0], self.targets[1]) if len(self.targets) == 2 else None

    @cached_property
    def calendar(self) -> Calendar:
        """The run's, with its events."""
        return self.run.calendar

    @property
    def noun(self) -> str:
        """What a period is called, in the plural."""
        return self.run.axis.noun
