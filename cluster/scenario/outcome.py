"""`tidecast scenario`: a run's forecast and what it would be if, side by side.

What the scenario asks for is done in this order: holidays and events on other days, by the stored members; levels, of
what models forecast; the plan. Only the first needs stored states. Bands move along, by the same relative errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.rundir.external import NOTHING, External
from cluster.rundir.run_facts import finished_run
from cluster.rundir.storage import Storage
from cluster.rundir.store import RunStore
from cluster.scenario.asked import read_scenario
from cluster.scenario.ground import SHOWN, Ground
from ensembles.exports.scenario import (
    SCENARIO,
    Compared,
    compared_accounts,
    compared_columns,
    compared_series,
    scenario_csv,
)
from ensembles.files.amounts import written
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.oof_parquet import OofFile
from ensembles.files.run_json import RunFile
from ensembles.risk.cash.of_run import accounts_ahead
from ensembles.risk.cash.position import Account
from ensembles.treasury.scenario import with_levels, with_plan
from ensembles.treasury.totals import EXACT, totals_of
from forecasting.data.formats.columns import first_few
from forecasting.data.hierarchy.hierarchy import Hierarchy
from forecasting.panel import Series

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Outcome", "TotalChange", "scenario_of_run"]


@dataclass(frozen=True)
class TotalChange:
    """The sum over all entities of one unit and all days, as it is written, in the forecast and in the scenario."""

    target: str
    unit: str | None
    base: Decimal
    scenario: Decimal

    @property
    def difference(self) -> Decimal:
        """The scenario less the forecast."""
        return EXACT.subtract(self.scenario, self.base)


@dataclass(frozen=True)
class Outcome:
    """A scenario beside the forecast.

    `lines` by series, `n_series` of them, then by account; `accounts` of the forecast and of the scenario, first all
    together of each unit, () where no balance is known; `said`, what each change did, a sentence each.
    """

    store: RunStore
    run: RunFile
    lines: tuple[Compared, ...]
    totals: tuple[TotalChange, ...]
    accounts: tuple[tuple[Account, ...], tuple[Account, ...]]
    said: tuple[str, ...]
    n_series: int

    @property
    def frame(self) -> pd.DataFrame:
        """A row per line and day, see `compared_columns`."""
        import pandas as pd

        frame = pd.DataFrame(compared_columns(self.lines))
        return frame.assign(ds=pd.to_datetime(frame["ds"]))

    def write(self, out: str | None = None) -> str:
        """Write scenario.csv into a folder, by default among the results of the run; gives its name."""
        content = scenario_csv(self.lines, self.run.amounts)
        if out is not None:
            storage = Storage(out)
            storage.write(SCENARIO, content)
            return f"{storage.uri}/{SCENARIO}"
        self.store.write_result(SCENARIO, content)
        self.store.seal()
        return f"{self.store.uri}/{SCENARIO}"


def scenario_of_run(run_dir: str, scenario: str | Path | Mapping[str, Any], external: External = NOTHING) -> Outcome:
    """What a run's forecast would be by a scenario: a YAML file, or its keys.

    Raises
    ------
    ConfigError
        For an unknown key, series or entity, a date outside the forecast, a cell that cannot be read, or a row that is
        not planned.
    StorageError
        The directory holds no finished run; for holidays and events also where it kept no states.
    """
    asked = read_scenario(scenario)
    store = RunStore(run_dir)
    run, forecast = finished_run(store), store.read(ForecastFile)
    ground = Ground(run, forecast.blend, asked)
    plan, planned = ground.plan()
    run = run.planning(plan, forecast.identities())
    levels, scaled = ground.levels()
    balances = ground.balances()
    base = ground.forecast
    found, moved = _on_other_days(run_dir, ground, forecast, external)
    found = with_plan(with_levels(found, levels), run.plan, plan)
    before, after = _accounts(store, run, (base, run.data.balances or balances), (found, balances))
    lines = list(compared_series(base, found, run.amounts))
    n_series = len(lines)
    if before and after:
        panel = any(series.entity is not None for series in base.identities().values())
        lines += compared_accounts(before, after, run.amounts, panel=panel)
    opened = (f"opening balance: {_balance_words(run, balances)}",) if asked.balance is not None else ()
    said = (*moved, *scaled, *planned, *opened)
    totals = _totals(run, base, found, lines[:n_series])
    return Outcome(store, run, tuple(lines), totals, (before, after), said, n_series)


def _on_other_days(
    run_dir: str, ground: Ground, forecast: ForecastFile, external: External
) -> tuple[ForecastFile, tuple[str, ...]]:
    """The blend with holidays and events on other days, and who answers each of the changes."""
    moves = {kind: ground.exchanges(kind) for kind in ("holidays", "events")}
    if not any(moves.values()):
        return ground.forecast, ()
    from cluster.scenario.calendar import with_calendar

    holidays, events = ([(here, there) for here, there, _ in pairs] for pairs in moves.values())
    found, answers = with_calendar(run_dir, forecast, ground.run.calendar.exchanged(holidays, events), external)
    places = {str(day): place for place, day in enumerate(ground.ds)}
    said = []
    for pairs in moves.values():
        for here, there, name in pairs:
            yes, no, cannot = answers.of((places[here], places[there]))
            parts = [f"answered by {first_few(yes, SHOWN)}" if yes else "no member answers it"]
            parts += [f"unchanged: {first_few(no, SHOWN)}"] if no else []
            parts += [f"not asked, for want of the data they read: {first_few(cannot, SHOWN)}"] if cannot else []
            said.append(f"{name} moves from {here} to {there}: {'; '.join(parts)}")
    return found, tuple(said)


def _accounts(
    store: RunStore,
    run: RunFile,
    base: tuple[ForecastFile, Mapping[str, float]],
    scenario: tuple[ForecastFile, Mapping[str, float]],
) -> tuple[tuple[Account, ...], tuple[Account, ...]]:
    """The accounts whose balances are known, of forecasts and opening balances; those that nothing touches are drawn
    once.
    """
    targets = tuple(run.config["data"]["targets"])
    known = {entity for entity in base[1] if entity in scenario[1]}
    if not scenario[1] or len(targets) != 2 or not store.has(OofFile):
        return (), ()
    ahead = partial(accounts_ahead, run, store.read(OofFile), net=(targets[0], targets[1]))
    before = ahead(*base, only=known)
    differs = {entity for entity in known if base[1][entity] != scenario[1][entity]}
    differs |= {series.entity or "" for series in _touched(base[0], scenario[0])}
    drawn = list(ahead(*scenario, only=known & differs))  # in the same order
    after = [drawn.pop(0) if drawn and drawn[0].entity == account.entity else account for account in before]
    return before, tuple(after)


def _touched(base: ForecastFile, scenario: ForecastFile) -> Iterator[Series]:
    """Series with another forecast or band."""
    same = base.y_hat == scenario.y_hat
    for p, values in base.quantiles.items():
        same &= values == scenario.quantiles[p]
    for uid in dict.fromkeys(base.unique_id[~same]):
        yield base.identity(uid)


def _totals(
    run: RunFile, base: ForecastFile, scenario: ForecastFile, lines: Sequence[Compared]
) -> tuple[TotalChange, ...]:
    """Sums of both forecasts, whose series are `lines`."""
    entities = {series.entity or "": run.amounts.shown for series in base.identities().values()}
    hierarchy = run.hierarchy or Hierarchy(dict.fromkeys(entities, ()), entities)
    targets = tuple(run.config["data"]["targets"])
    series = [Series(line.target, line.entity) for line in lines]
    both = (
        totals_of(forecast, hierarchy, targets, run.amounts, written=dict(zip(series, amounts, strict=True)))
        for forecast, amounts in (
            (base, [line.base for line in lines]),
            (scenario, [line.scenario for line in lines]),
        )
    )
    return tuple(
        TotalChange(old.target, old.unit, _sum(old.y_hat), _sum(new.y_hat))
        for old, new in zip(*both, strict=True)
        if not old.path
    )


def _sum(amounts: tuple[Decimal, ...]) -> Decimal:
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def _balance_words(run: RunFile, balances: Mapping[str, float]) -> str:
    def words(entity: str, found: Mapping[str, float]) -> str:
        return written(found[entity] / run.amounts.divisor, run.amounts.decimals_shown, ",")

    own = run.data.balances
    if not own:
        given = ", ".join(f"{entity} {words(entity, balances)}".strip() for entity in balances)
        return f"{given}; the run knows no balance; both use the scenario's"
    both = [
        f"{entity} {words(entity, balances)}".strip() + (f" in place of {words(entity, own)}" if entity in own else "")
        for entity in balances
        if entity not in own or own[entity] != balances[entity]
    ]
    return first_few(both, SHOWN) if both else "as it is"
