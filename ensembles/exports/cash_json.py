"""cash.json: the cash position for programs: balances, when an account is tight, and what keeps it safe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from ensembles.bands.quantiles import quantile_name
from ensembles.files.amounts import Amounts
from ensembles.files.stored import Stored, StoredFile
from ensembles.risk.cash.position import Account, Banded, CashPosition, LimitRisk
from forecasting.schema import DateArray, FloatArray, as_dates, iso

__all__ = ["AccountFacts", "CashFile", "DayFacts", "LimitFacts", "TestFacts"]


class LimitFacts(Stored):
    """A limit: chance in the whole forecast that it is broken, first day by which that is above 5%, and the cash added
    on the first day that keeps it below 5% and below 1%.
    """

    name: str
    amount: float
    chance: float
    first_tight_day: str | None
    buffer_95: float
    buffer_99: float


class DayFacts(Stored):
    """A day: forecasts, and quantiles of the balance by name."""

    date: str
    inflow: float
    outflow: float
    net_flow: float
    balance: float
    balance_quantiles: dict[str, float]


class AccountFacts(Stored):
    """An entity, "" for all together of one `unit`. `opening` None: unknown, and balances start from 0. `days` of all
    together.
    """

    entity: str
    unit: str | None = None
    opening: float | None
    limits: tuple[LimitFacts, ...]
    lowest_day: str
    lowest_balance: float
    days: tuple[DayFacts, ...] = ()


class TestFacts(Stored):
    """How often a band or buffer of accounts in `unit` failed in the backtest, honestly counted: `beyond` of `n`."""

    unit: str | None = None
    scope: str
    kind: str
    level: int
    beyond: int
    n: int


class CashFile(StoredFile):
    """Amounts are in `unit`, or where that is None in the unit of each account, with the decimals of the data.
    `windows` that errors came from, `windows_judged` by earlier ones.
    """

    FILE: ClassVar[str] = "cash.json"
    SCHEMA: ClassVar[int] = 1

    schema_version: int = SCHEMA
    unit: str | None
    windows: int
    windows_judged: int
    accounts: tuple[AccountFacts, ...]
    tests: tuple[TestFacts, ...]

    @classmethod
    def of(cls, positions: Sequence[CashPosition], amounts: Amounts) -> CashFile:
        """The position in each unit, at least one, in the unit that people see."""
        parts = [(position, position.unit or amounts.shown) for position in positions]
        units = {unit for _, unit in parts}
        return cls(
            unit=units.pop() if len(units) == 1 else None,
            windows=positions[0].n_windows,
            windows_judged=positions[0].n_judged,
            accounts=tuple(account for part in parts for account in _accounts(*part, amounts)),
            tests=tuple(test for part in parts for test in _tests(*part)),
        )

    def check(self) -> None:
        as_dates([day.date for account in self.accounts for day in account.days])


def _accounts(found: CashPosition, unit: str | None, amounts: Amounts) -> Iterator[AccountFacts]:
    """All together, with its days, and then each."""
    yield _account(found.total, unit, amounts).model_copy(update={"days": _days(found.total, amounts)})
    yield from (_account(account, unit, amounts) for account in found.accounts)


def _tests(found: CashPosition, unit: str | None) -> Iterator[TestFacts]:
    for test in found.tests:
        honest = test.honest
        yield TestFacts(unit=unit, scope=test.scope, kind=test.kind, level=test.level, beyond=honest.beyond, n=honest.n)


def _account(account: Account, unit: str | None, amounts: Amounts) -> AccountFacts:
    lowest = int(account.balance.point.argmin())
    return AccountFacts(
        entity=account.entity,
        unit=unit,
        opening=None if account.opening is None else _shown(account.opening, amounts),
        limits=tuple(_limit(risk, account.ds, amounts) for risk in account.limits),
        lowest_day=iso(account.ds[lowest]),
        lowest_balance=_shown(account.balance.point[lowest], amounts),
    )


def _limit(risk: LimitRisk, ds: DateArray, amounts: Amounts) -> LimitFacts:
    return LimitFacts(
        name=risk.limit.name,
        amount=_shown(risk.limit.amount, amounts),
        chance=round(float(risk.so_far[-1]), 4),
        first_tight_day=None if risk.first_tight is None else iso(ds[risk.first_tight]),
        buffer_95=_shown(risk.buffers[95][-1], amounts),
        buffer_99=_shown(risk.buffers[99][-1], amounts),
    )


def _days(account: Account, amounts: Amounts) -> tuple[DayFacts, ...]:
    return tuple(
        DayFacts(
            date=iso(day),
            inflow=_at(account.flows["inflow"], i, amounts),
            outflow=_at(account.flows["outflow"], i, amounts),
            net_flow=_at(account.flows["net_flow"], i, amounts),
            balance=_at(account.balance, i, amounts),
            balance_quantiles={quantile_name(p): _shown(v[i], amounts) for p, v in account.balance.quantiles.items()},
        )
        for i, day in enumerate(account.ds)
    )


def _at(banded: Banded, place: int, amounts: Amounts) -> float:
    return _shown(banded.point[place], amounts)


def _shown(amount: float | FloatArray, amounts: Amounts) -> float:
    return float(amounts.amount(float(amount)))
