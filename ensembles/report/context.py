"""What several sections of a report use, worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ensembles.evaluation.contenders import Contenders
from ensembles.evaluation.run_results import RunResults
from ensembles.evaluation.run_signals import RunSignals
from ensembles.report.flow_history import FlowHistory, histories_of
from ensembles.report.money import Money
from forecasting.score.names import score_named

if TYPE_CHECKING:
    from ensembles.risk.alerts import Alerts
    from ensembles.risk.liquidity.net_outflow import Liquidity

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

    `histories` one per target; `contenders`, `liquidity` and `alerts` are None where the run has no blend, `liquidity`
    also where there is no net flow; `money` writes amounts in a unit that suits the forecast.
    """

    results: RunResults
    histories: tuple[FlowHistory, ...]
    contenders: Contenders | None
    liquidity: Liquidity | None
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
            liquidity=_liquidity(results),
            alerts=_alerts(results),
            money=Money.of(flows, results.run.amounts),
        )

    @cached_property
    def signals(self) -> RunSignals | None:
        """How often the run's signals were right; None where it has none."""
        return RunSignals.of(self.results)

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


def _liquidity(results: RunResults) -> Liquidity | None:
    from ensembles.risk.liquidity.flows import flows_of_run
    from ensembles.risk.liquidity.net_outflow import liquidity_at_risk

    pair = results.in_and_out
    if results.oof is None or results.forecast is None or results.blend is None or pair is None:
        return None
    if len(set(results.run.units.values())) > 1:  # its totals would add amounts of several units
        return None
    flows = flows_of_run(results.oof, results.forecast, pair, results.run.axis.freq)
    return None if flows is None else liquidity_at_risk(flows, results.run.seed)
