"""leaderboard.json: one row for the blend, for each losing candidate and for each member.

`score` is the column that sorts; higher is better. Numbers are rounded to 6 decimals; None where a field does not
apply.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ensembles.files.stored import Stored, StoredFile
from forecasting.schema import as_dates
from forecasting.score.names import score_named

__all__ = [
    "CANDIDATE",
    "BestSingleRow",
    "CoverageRow",
    "LeaderboardFile",
    "LeaderboardRow",
    "PairRow",
    "SettingRow",
    "TargetMeasures",
    "WindowRow",
]


class WindowRow(Stored):
    """A backtest window in ISO dates; `choice` the candidate of each target, None without a blend."""

    cutoff: str
    start: str
    end: str
    choice: Mapping[str, str] | None


class PairRow(Stored):
    """One candidate per target, with its totals: `score` and `surrogates` over the windows that choose."""

    methods: Mapping[str, str]
    score: float | None
    surrogates: Mapping[str, float | None]
    score_in_sample: float | None
    out: bool
    chosen: bool


class CoverageRow(Stored):
    """Share of days inside a band, with its interval; None without a window that has bands."""

    share: float | None
    low: float | None
    high: float | None
    days: int
    windows: int


class BestSingleRow(Stored):
    """The best single member as picked before each window; a pick is None where nothing could be picked by."""

    score: float | None
    score_x30: float | None
    per_window: tuple[float | None, ...]
    picks: tuple[str | None, ...]
    member: str


class SettingRow(Stored):
    """A model's setting: `mean` and `sd` of its seeds' scores, and the score of their averaged forecast."""

    setting: str
    family: str
    n_seeds: int
    mean: float | None
    sd: float | None
    score_of_average: float | None
    per_window: tuple[float | None, ...]


CANDIDATE = "candidate"
"""Family of the combinations that were tried."""


class TargetMeasures(Stored):
    """One target of a row: its score, accuracy measures as fractions, and the weight in the blend."""

    score: float | None = None
    mape: float | None = None
    smape: float | None = None
    mase: float | None = None
    bias: float | None = None
    weight: float | None = None


class LeaderboardRow(Stored):
    """The blend, a candidate or a member; `seed`, `setting`, `member_id` and `warnings` are a member's.

    `warnings`: how many its libraries gave while it was fitted, by category.
    """

    member: str
    family: str
    setting: str | None = None
    seed: int | None = None
    member_id: str | None = None
    status: str = "ok"
    reason: str | None = None
    score: float | None = None
    score_x30: float | None = None
    score_in_sample: float | None = None
    per_window: tuple[float | None, ...] | None = None
    targets: Mapping[str, TargetMeasures]
    seconds: float | None = None
    device: str | None = None
    warnings: Mapping[str, int] = {}

    @property
    def outcome(self) -> str:
        """How it ended, in words: why it failed, or what its libraries warned of."""
        if self.reason is not None:
            return f"{self.status}: {self.reason}"
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self.warnings.items()))
        return f"{self.status} ({counts})" if counts else self.status


class LeaderboardFile(StoredFile):
    """The whole leaderboard. `broken_series`: unique_id → why nothing forecasts it."""

    FILE: ClassVar[str] = "leaderboard.json"
    SCHEMA: ClassVar[int] = 2

    sort: str
    surrogate: str
    weights: Mapping[str, float]
    windows: tuple[WindowRow, ...]
    pairs: tuple[PairRow, ...]
    coverage: Mapping[str, Mapping[int, CoverageRow]]
    best_single: BestSingleRow | None
    settings: tuple[SettingRow, ...]
    rows: tuple[LeaderboardRow, ...]
    broken_series: Mapping[str, str] = {}

    def check(self) -> None:
        as_dates([day for window in self.windows for day in (window.cutoff, window.start, window.end)])
        score_named(self.surrogate)
        for row in self.rows:
            for target in self.weights:
                row.targets[target]
            if len(row.per_window or self.windows) != len(self.windows):
                raise ValueError(f"{row.member} has {len(row.per_window or ())} windows of {len(self.windows)}")
