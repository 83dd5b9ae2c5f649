"""The first screen: which blend, by how much it is ahead, and what cash to hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ensembles.blend.combination import method_words
from ensembles.evaluation.contenders import Contenders
from ensembles.files.day_names import named_days
from ensembles.report.context import ReportContext
from ensembles.report.section import Section
from forecasting.schema import BLEND

if TYPE_CHECKING:
    from ensembles.files.leaderboard_json import WindowRow
    from ensembles.judging.judge import Measured
    from ensembles.risk.cash.backtest import CashTest

__all__ = ["SECTION", "BlendScore", "CashNeeded", "HeadlineFacts", "Rival"]


@dataclass(frozen=True)
class Rival:
    """A contender, and how far the blend is `ahead` of it."""

    name: str
    score: float
    ahead: Measured

    @property
    def verdict(self) -> str:
        """What the interval of the difference says."""
        if self.ahead.low > 0:
            return "ahead"
        if self.ahead.low == self.ahead.high == 0:
            return "the same forecasts"
        return "behind" if self.ahead.high < 0 else "too close to call"


@dataclass(frozen=True)
class BlendScore:
    """The blend's score and the words for its method per target; `units` says which of several units scored worst."""

    score: Measured
    score_x30: float | None
    score_in_sample: float | None
    methods: Mapping[str, str]
    rivals: tuple[Rival, ...]
    units: str


@dataclass(frozen=True)
class CashNeeded:
    """Cash for the worst day and for the whole horizon, by percent of cases it covers, and the test of the first.

    `known`: there is a balance, and the cash for the horizon is what is to be added to it.
    """

    day: str
    worst: Mapping[int, str]
    month: Mapping[int, str]
    none_needed: bool
    known: bool
    day_test: CashTest
    indicative: bool
    n_judged: int


@dataclass(frozen=True)
class HeadlineFacts:
    """`blend` and `cash` are None where the run has none; `n_days` of the forecast; counts of members and series."""

    blend: BlendScore | None
    cash: CashNeeded | None
    windows: tuple[WindowRow, ...]
    n_days: int
    n_members: int
    n_failed: int
    n_broken: int
    running: bool


def headline_facts(context: ReportContext) -> HeadlineFacts:
    results = context.results
    rows = results.board.rows
    return HeadlineFacts(
        blend=_blend_score(context),
        cash=_cash_needed(context),
        windows=results.board.windows,
        n_days=len(context.histories[0].next_ds) if context.histories else 0,
        n_members=sum(bool(row.member_id) for row in rows),
        n_failed=sum(row.status != "ok" for row in rows),
        n_broken=len(results.board.broken_series),
        running=results.run.status == "running",
    )


def _blend_score(context: ReportContext) -> BlendScore | None:
    contenders, blend = context.contenders, context.results.blend
    if contenders is None or blend is None:
        return None
    row = next(row for row in context.results.board.rows if row.family == BLEND)
    return BlendScore(
        score=contenders.judge.score(contenders.blend),
        score_x30=row.score_x30,
        score_in_sample=row.score_in_sample,
        methods={target: method_words(part.method, part.level) for target, part in blend.targets.items()},
        rivals=_rivals(contenders),
        units=contenders.units_in_words,
    )


def _rivals(contenders: Contenders) -> tuple[Rival, ...]:
    judge, blend = contenders.judge, contenders.blend
    return tuple(
        Rival(name, float(judge.per_window(y_hat).mean()), judge.ahead(blend, y_hat))
        for name, y_hat in contenders.forecasts.items()
        if name != BLEND
    )


def _cash_needed(context: ReportContext) -> CashNeeded | None:
    found, money = context.cash, context.money
    if found is None:
        return None
    risk = found.total
    worst = int(np.argmin(risk.ranks))
    (day,) = named_days(context.results.calendar, risk.ds[worst : worst + 1])
    return CashNeeded(
        day=f"{day.weekday} {day.date}",
        worst={level: money.text(float(risk.day_buffer(level)[worst])) for level in (95, 99)},
        month={level: money.text(float(values[-1])) for level, values in risk.strictest.buffers.items()},
        known=risk.opening is not None,
        none_needed=bool(risk.day_buffer(99)[worst] == 0),
        day_test=found.test("day", 99),
        indicative=found.indicative,
        n_judged=found.n_judged,
    )


SECTION = Section("headline", "", 5, "headline.j2", headline_facts)
