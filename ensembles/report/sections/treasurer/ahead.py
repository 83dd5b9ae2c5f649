"""The page's first part, for a treasurer: the days ahead of everything, of a group or of one entity, as it is picked.

What may be picked is in the page as numbers, which treasurer.js shows. Forecasts are exact; ends of bands have five
digits. Bands of sums are those of the joint draws, for the first days, weeks and months; other sums have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ensembles.bands.quantiles import ends_of, quantile_name
from ensembles.files.amounts import Amounts
from ensembles.files.day_names import named_days
from ensembles.report.cash_words import limit_name
from ensembles.report.context import ReportContext
from ensembles.report.money import Money
from ensembles.report.section import Section
from ensembles.report.sections.treasurer.cards import Card, cards_of, inner_level
from ensembles.risk.cash.views import NET_FLOW
from ensembles.treasury.planned import planned_days
from forecasting.schema import FloatArray, iso

if TYPE_CHECKING:
    from ensembles.risk.cash.position import Account, Banded, Totals
    from ensembles.risk.cash.views import View

__all__ = ["SECTION", "AheadFacts", "Pick"]

DIGITS = 5
"""Of the ends of bands."""
GREAT = 1e5
"""From here on, tables show amounts without decimals; their files have all."""
Data = dict[str, Any]


@dataclass(frozen=True)
class Pick:
    """What may be picked: `views` are places of its views, one for each unit. `kind` is all, group or entity."""

    name: str
    kind: str
    views: tuple[int, ...]


@dataclass(frozen=True)
class AheadFacts:
    """`data` is what the script shows; `first` the units and answers of what is picked at first. None without a
    blend.
    """

    picks: tuple[Pick, ...] = ()
    first: tuple[tuple[str, tuple[Card, ...]], ...] = ()
    data: Data | None = None


def ahead_facts(context: ReportContext) -> AheadFacts:
    if context.views is None:
        return AheadFacts()
    flows, views = context.views
    planned, plan = planned_days(context.results.run, flows.ds), list(context.results.run.plan.ahead(flows.ds))
    owner = {series.unique_id: series.entity or "" for series in flows.series}
    owners = [owner.get(row.unique_id, "") for row in plan]
    moneys = [_money(view, context) for view in views]
    cards = [
        cards_of(view, flows, context, money, [p for p, e in zip(planned, owners, strict=True) if e in view.entities])
        for view, money in zip(views, moneys, strict=True)
    ]
    places = {entity: place for place, entity in enumerate(dict.fromkeys(owner.values()))}
    picks = _picks(views)
    data = {
        "days": [
            (day.date, day.weekday, day.day_type, ", ".join(word for word in (day.holiday, day.event) if word))
            for day in named_days(context.results.calendar, flows.ds)
        ],
        "picks": [astuple(pick) for pick in picks],
        "views": [
            {**_numbers(view, money), "cards": [astuple(card) for card in answers], "of": _members(view, places)}
            for view, money, answers in zip(views, moneys, cards, strict=True)
        ],
        "planned": [
            (*astuple(day), iso(row.first), iso(row.last), places.get(entity, -1))
            for day, row, entity in zip(planned, plan, owners, strict=True)
        ],
        "form": _form(context, views[0]),
    }
    return AheadFacts(picks, tuple((views[k].unit or "", cards[k]) for k in picks[0].views), data)


def _picks(views: Sequence[View]) -> tuple[Pick, ...]:
    """Everything, groups and entities, in the order of the views."""
    found: dict[tuple[tuple[str, ...], str], list[int]] = {}
    for place, view in enumerate(views):
        found.setdefault((view.path, view.entity), []).append(place)
    return tuple(
        Pick(
            entity or " > ".join(path) or "everything", "entity" if entity else "group" if path else "all", tuple(mine)
        )
        for (path, entity), mine in found.items()
    )


def _money(view: View, context: ReportContext) -> Money:
    """In a unit that suits the view's largest amount of a day."""
    flows = [float(amount) for banded in view.flows.values() for amount in banded.point]
    return Money.of(flows, context.money.of_unit(view.unit).amounts)


def _members(view: View, places: Mapping[str, int]) -> list[int] | None:
    """Places of its entities; None: all of them."""
    return None if len(view.entities) == len(places) else [places[entity] for entity in view.entities]


def _form(context: ReportContext, view: View) -> Data:
    """How amounts are written, and the names of columns."""
    amounts, level = context.money.amounts, inner_level(next(iter(view.flows.values())).quantiles)
    ends = [quantile_name(end) for end in ends_of(level)]
    names = {name: amounts.column(name.replace(" ", "_") if name == NET_FLOW else name) for name in view.flows}
    return {"decimals": amounts.decimals_shown, "level": level, "ends": ends, "columns": names}


def _numbers(view: View, money: Money) -> Data:
    """A view's amounts, in the unit shown."""
    amounts = money.amounts
    largest = max(float(np.abs(banded.point).max()) for banded in view.flows.values()) / amounts.divisor
    decimals = 2 if amounts.decimals_shown is None else min(amounts.decimals_shown, 2)
    return {
        "unit": amounts.shown or "",
        "scale": (money.label, money.divisor / amounts.divisor),
        "decimals": 0 if largest >= GREAT or amounts.competition else decimals,
        "flows": {name: _banded(banded, amounts) for name, banded in view.flows.items()},
        "balance": None if view.account is None else _balance(view.account, money),
        "spans": [row for name, totals in view.totals.items() for row in _spans(name, totals, amounts)],
    }


def _balance(account: Account, money: Money) -> Data | None:
    if account.opening is None:
        return None
    limits = [
        (risk.limit.name, limit_name(risk, money), _exact([risk.limit.amount], money.amounts)[0], _chances(risk.chance))
        for risk in account.limits
    ]
    return {"amounts": _banded(account.balance, money.amounts), "limits": limits}


def _spans(name: str, totals: Totals, amounts: Amounts) -> Iterator[Data]:
    """A row for each span: its name, its first and last day, and every flow with the ends of its band."""
    sums = {flow: _banded(banded, amounts) for flow, banded in totals.flows.items()}
    for place, span in enumerate(totals.spans):
        flows = {flow: [values[place] for values in three] for flow, three in sums.items()}
        yield {"name": name, "from": span.days.start, "to": span.days.stop - 1, "flows": flows}


def _banded(banded: Banded, amounts: Amounts) -> tuple[list[float], list[float], list[float]]:
    """Forecasts, and both ends of the inner band."""
    low, high = (banded.quantiles[end] for end in ends_of(inner_level(banded.quantiles)))
    return _exact(banded.point, amounts), _short(low, amounts), _short(high, amounts)


def _exact(values: Iterable[float], amounts: Amounts) -> list[float]:
    """Amounts as the files have them."""
    return [_number(float(amounts.amount(float(value)))) for value in values]


def _short(values: Iterable[float], amounts: Amounts) -> list[float]:
    return [_number(float(f"{value / amounts.divisor:.{DIGITS}g}")) for value in values]


def _chances(values: FloatArray) -> list[float]:
    return [_number(round(float(value), 4)) for value in values]


def _number(value: float) -> float:
    """A whole number without a point, which makes the page smaller."""
    return int(value) if value.is_integer() else value


SECTION = Section("ahead", "Days ahead", 0, "ahead.j2", ahead_facts, page="treasurer")
