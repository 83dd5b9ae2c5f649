"""The cash position: what comes in, what goes out and the balance it leaves, with bands and limits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ensembles.bands.quantiles import MEDIAN, ends_of
from ensembles.risk.cash.draws import Draws, JointDraws
from ensembles.risk.cash.spans import UNITS, Span, Unit, days_ahead, spans_of
from ensembles.risk.cash.terms import ALL, CashTerms, Limit
from forecasting.schema import DateArray, FloatArray, IntArray

if TYPE_CHECKING:
    from ensembles.risk.cash.backtest import CashTest, Kind
    from ensembles.risk.cash.flows import Flows

__all__ = [
    "COVERED",
    "SIDES",
    "Account",
    "Banded",
    "CashPosition",
    "LimitRisk",
    "Totals",
    "account_of",
    "accounts_of",
    "totals_of_spans",
]

COVERED = (95, 99)
"""Percent of cases that a buffer covers."""
TIGHT = 0.05
"""Chance of a broken limit above which a day is tight."""
SIDES = ("inflow", "outflow", "net_flow")


@dataclass(frozen=True)
class Banded:
    """A forecast ``[n]`` and quantiles of what may come, ``[n]`` by probability."""

    point: FloatArray
    quantiles: Mapping[float, FloatArray]


@dataclass(frozen=True)
class Totals:
    """Sums over spans of days: `spans` ``[n]`` and their amounts by name."""

    spans: tuple[Span, ...]
    flows: Mapping[str, Banded]


@dataclass(frozen=True)
class LimitRisk:
    """A limit and the chance ``[n_days]`` that the balance lies below it at the end of a day, and that it did so on any
    day `so_far`. `buffers` by percent: cash that, added on the first day, keeps the limit up to each day in so many of
    100 cases, ``[n_days]``.
    """

    limit: Limit
    chance: FloatArray
    so_far: FloatArray
    buffers: Mapping[int, FloatArray]

    @property
    def first_tight(self) -> int | None:
        """Place of the first day by which the limit is broken with a chance above `TIGHT`; None: no day is."""
        tight = np.flatnonzero(self.so_far > TIGHT)
        return int(tight[0]) if len(tight) else None


@dataclass(frozen=True)
class Account:
    """Position of one entity, or of all together; arrays ``[n_days]``.

    `opening` balance, None where it is not known: then `balance` and the limits start from 0, and say what has flowed
    since the first day. `chance_of_outflow`: that more goes out than comes in. `at_risk` by percent the net outflow of
    a single day that so many of 100 cases stay below. `totals` over weeks and months, `ahead` over the first days.
    """

    entity: str
    ds: DateArray
    opening: float | None
    flows: Mapping[str, Banded]
    balance: Banded
    chance_of_outflow: FloatArray
    at_risk: Mapping[int, FloatArray]
    limits: tuple[LimitRisk, ...]
    totals: Mapping[Unit, Totals]
    ahead: Totals

    def day_buffer(self, level: int) -> FloatArray:
        """Cash that covers the net outflow of a single day in `level` percent of cases, ``[n_days]``, at least 0."""
        return np.maximum(self.at_risk[level], 0.0)

    @property
    def strictest(self) -> LimitRisk:
        """The highest limit: it is broken first."""
        return max(self.limits, key=lambda risk: risk.limit.amount)

    @property
    def ranks(self) -> IntArray:
        """1 for the day with the largest net outflow at risk in 99 of 100 cases, ``[n_days]``."""
        order = np.lexsort((np.arange(len(self.ds)), -self.at_risk[99]))
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = np.arange(1, len(order) + 1)
        return ranks


@dataclass(frozen=True)
class CashPosition:
    """`total` over all accounts, `accounts` each of them when there are several; `tests` how bands and buffers would
    have held; `n_windows` that errors came from, `n_judged` those they could be judged on. Where the entities of a run
    have several units, this is the position of one of them, `unit`, and `accounts` holds its only entity, too.
    """

    total: Account
    accounts: tuple[Account, ...]
    tests: tuple[CashTest, ...]
    n_windows: int
    n_judged: int
    unit: str | None = None

    def test(self, kind: Kind, level: int) -> CashTest:
        """The test of all accounts together."""
        return next(t for t in self.tests if (t.scope, t.kind, t.level) == ("together", kind, level))

    @property
    def indicative(self) -> bool:
        """Fewer than 3 windows could judge it."""
        return self.n_judged < 3


def accounts_of(
    flows: Flows, net: tuple[str, str], terms: CashTerms, joint: JointDraws, only: Collection[str] | None = None
) -> tuple[Account, ...]:
    """All entities together, then each of them where there are several; nothing where no entity has both targets.

    Parameters
    ----------
    net
        Targets (in, out).
    joint
        Draws of the flows' series.
    only
        Entities that are wanted besides all together; None: all.
    """
    pairs = flows.pairs(net)
    if not pairs:
        return ()
    total, each = [np.zeros(joint.scenarios.days.shape) for _ in range(2)], []
    for entity, rows in pairs.items():
        sides = [joint.series(row).values for row in rows]
        if len(pairs) > 1 and (only is None or entity in only):
            made = (flows.ahead[rows[0]], flows.ahead[rows[1]])
            each.append(account_of(entity, flows.ds, terms.opening(entity, ()), terms, made, sides))
        for side, amounts in zip(total, sides, strict=True):
            side += amounts
    points = [flows.ahead[[rows[side] for rows in pairs.values()]].sum(axis=0) for side in (0, 1)]
    together = account_of(ALL, flows.ds, terms.opening(ALL, pairs), terms, (points[0], points[1]), total)
    return (together, *each)


def account_of(
    entity: str,
    ds: DateArray,
    opening: float | None,
    terms: CashTerms,
    made: tuple[FloatArray, FloatArray],
    sides: Sequence[FloatArray],
) -> Account:
    """Position of what `terms` call `entity`, from forecasts ``[n_days]`` and draws ``[n_days, n_draws]`` of what comes
    in and goes out.
    """
    came, left = Draws(sides[0]), Draws(sides[1])
    draws: dict[str, Draws] = {"inflow": came, "outflow": left, "net_flow": came.less(left)}
    points: dict[str, FloatArray] = {"inflow": made[0], "outflow": made[1], "net_flow": made[0] - made[1]}
    asked = (MEDIAN, *(end for level in terms.levels for end in ends_of(level)))
    flows = {side: Banded(points[side], draws[side].quantiles(asked)) for side in SIDES}
    start, net = opening or 0.0, draws["net_flow"]
    balance, low = net.running(start), net.running(start).lowest()
    risks = net.quantiles([1 - level / 100 for level in COVERED])
    return Account(
        entity,
        ds,
        opening,
        flows,
        Banded(start + np.cumsum(points["net_flow"]), balance.quantiles(asked)),
        net.chance_below(0.0),
        {level: -risks[1 - level / 100] for level in COVERED},
        tuple(_risk(limit, balance, low) for limit in (terms.limits_of(entity) if opening is not None else ZERO)),
        {unit: totals_of_spans(spans, points, draws, asked) for unit in UNITS if (spans := spans_of(ds, unit))},
        totals_of_spans(days_ahead(ds), points, draws, asked),
    )


ZERO = (Limit("zero", 0.0),)


def totals_of_spans(
    spans: tuple[Span, ...], points: Mapping[str, FloatArray], draws: Mapping[str, Draws], asked: Sequence[float]
) -> Totals:
    """Sums of forecasts ``[n_days]`` and of their draws over spans, with the quantiles `asked`."""
    days = [span.days for span in spans]
    sums = {name: np.array([values[span].sum() for span in days]) for name, values in points.items()}
    return Totals(spans, {name: Banded(sums[name], draws[name].over(days).quantiles(asked)) for name in points})


def _risk(limit: Limit, balance: Draws, low: Draws) -> LimitRisk:
    reached = low.reached([1 - level / 100 for level in COVERED])
    buffers = {level: np.maximum(limit.amount - kept, 0.0) for level, kept in zip(COVERED, reached, strict=True)}
    return LimitRisk(limit, balance.chance_below(limit.amount), low.chance_below(limit.amount), buffers)
