"""What several sections of a report use, worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ensembles.evaluation.contenders import Contenders
from ensembles.evaluation.run_results import RunResults
from ensembles.evaluation.run_signals import RunSignals
from ensembles.report.flow_history import FlowHistory, histories_of, in_and_out
from ensembles.report.money import Money
from forecasting.score.names import score_named

if TYPE_CHECKING:
    from ensembles.explanation.explanation import Explanation
    from ensembles.risk.alerts import Alerts
    from ensembles.risk.cash.flows import Flows
    from ensembles.risk.cash.position import CashPosition
    from ensembles.risk.cash.views import View

__all__ = ["ReportContext", "Shared"]


@dataclass(frozen=True)
class Shared:
    """What the templates of all sections see.

    `pooled`: the score has no points for a single day. `scale` says in words what the score counts, `noun` what a
    period is called.
    """

    targets: tuple[str, ...]
    surrogate: str
    pooled: bool
    scale: str
    has_blend: bool
    money: Money
    noun: str


@dataclass(frozen=True)
class ReportContext:
    """A run and what follows from its results.

    `histories` one per target; `contenders` and `alerts` are None where the run has no blend; `cash_by_unit` is the
    cash position in each unit of the entities, none without a blend or a net flow; `money` writes amounts in a unit
    that suits the forecast.
    """

    results: RunResults
    histories: tuple[FlowHistory, ...]
    contenders: Contenders | None
    cash_by_unit: tuple[CashPosition, ...]
    alerts: Alerts | None
    money: Money

    @classmethod
    def of(cls, results: RunResults) -> ReportContext:
        """Work out what a report needs.

        Raises
        ------
        StorageError
            When the stored files do not belong together.
        """
        histories = histories_of(results)
        flows = [float(value) for history in histories for value in history.next_y_hat]
        return cls(
            results=results,
            histories=histories,
            contenders=Contenders.of(results),
            cash_by_unit=_cash(results),
            alerts=_alerts(results),
            money=Money.of(flows, results.run.amounts),
        )

    @property
    def cash(self) -> CashPosition | None:
        """The cash position where amounts have one unit; None where they have several, or there is none."""
        return self.cash_by_unit[0] if len(self.cash_by_unit) == 1 else None

    @cached_property
    def in_and_out(self) -> tuple[tuple[FlowHistory, FlowHistory], ...]:
        """What comes in and goes out in each unit, of the entities with both targets; none without a net flow."""
        return in_and_out(self.results, self.histories)

    @property
    def flows_by_unit(self) -> tuple[tuple[FlowHistory, ...], ...]:
        """What comes in and goes out in each unit, or else its targets; of one unit after the other."""
        net = {pair[0].unit: pair for pair in self.in_and_out}
        units = dict.fromkeys(history.unit for history in self.histories)
        return tuple(net.get(unit) or tuple(h for h in self.histories if h.unit == unit) for unit in units)

    def net_of(self, flows: tuple[FlowHistory, ...]) -> tuple[FlowHistory, FlowHistory] | None:
        """What comes in and what goes out of these, of `flows_by_unit`; None where they have no net flow."""
        return next((pair for pair in self.in_and_out if flows is pair), None)

    @cached_property
    def signals(self) -> RunSignals | None:
        """How often the run's signals were right; None where it has none."""
        return RunSignals.of(self.results)

    @cached_property
    def views(self) -> tuple[Flows, tuple[View, ...]] | None:
        """The flows and what a reader may pick of them; None without a blend."""
        from ensembles.risk.cash.of_run import views_of_run

        results = self.results
        if results.oof is None or results.forecast is None or results.blend is None:
            return None
        return views_of_run(results.run, results.oof, results.forecast, results.targets, self.cash_by_unit)

    @cached_property
    def explanation(self) -> Explanation | None:
        """Why the forecast is as it is; None for a run without a blend, or without stored actual values."""
        from ensembles.explanation.of_run import explanation_of_run

        return explanation_of_run(self.results)

    @cached_property
    def shared(self) -> Shared:
        surrogate = self.results.board.surrogate
        pooled, noun = score_named(surrogate).pooled, self.results.noun.removesuffix("s")
        scale = (
            f"10 less 10 times {surrogate.upper()}" if pooled else f"up to 10 points a {noun}, {surrogate} surrogate"
        )
        return Shared(
            targets=self.results.targets,
            surrogate=surrogate,
            pooled=pooled,
            scale=scale,
            has_blend=self.results.blend is not None,
            money=self.money,
            noun=noun,
        )


def _alerts(results: RunResults) -> Alerts | None:
    from ensembles.risk.alerts import alerts_of_backtest

    return None if results.oof is None else alerts_of_backtest(results.oof, results.calendar, results.history)


def _cash(results: RunResults) -> tuple[CashPosition, ...]:
    from ensembles.risk.cash.of_run import cash_of

    pair = results.in_and_out
    if results.oof is None or results.forecast is None or results.blend is None or pair is None:
        return ()
    return cash_of(results.run, results.oof, results.forecast, pair, results.run.data.balances)
