"""The page's first part, for a treasurer: the days ahead of everything, of a group or of one entity, as it is picked.

What may be picked is in the page as numbers, which treasurer.js shows. Forecasts are exact; ends of bands have five
digits. Bands of sums are those of the joint draws, for the first days, weeks and months; other sums have none.

The page has room for so many of these numbers: of more, groups go first, then the entities with the largest amounts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ensembles.bands.quantiles import ends_of, quantile_name
from ensembles.files.amounts import Amounts
from ensembles.files.day_names import named_days
from ensembles.report.answers import Card, cards_of, inner_level
from ensembles.report.cash_words import limit_name
from ensembles.report.context import ReportContext
from ensembles.report.days_ahead import planned_ahead
from ensembles.report.money import Money
from ensembles.report.section import Section
from ensembles.risk.cash.terms import NET_FLOW
from forecasting.schema import FloatArray

if TYPE_CHECKING:
    from ensembles.risk.cash.position import Account, Banded
    from ensembles.risk.cash.views import View

__all__ = ["SECTION", "AheadFacts", "Pick"]

ROOM = 2_500_000
"""Characters of the numbers that are picked from, half of what the page may hold."""
DIGITS = 5
"""Of the ends of bands."""
GREAT = 1e5
"""From here on, tables show amounts without decimals; their files have all."""
Data = dict[str, Any]
Numbers = list[float | None]


@dataclass(frozen=True)
class Pick:
    """What may be picked: `views` are places of its views, one for each unit. `kind` is all, group or entity."""

    name: str
    kind: str
    views: tuple[int, ...]


@dataclass(frozen=True)
class AheadFacts:
    """`data` is what the script shows, None without a blend; `first` the units and answers of what is picked at first;
    `left` says what cannot be picked, and where it stands, "" where nothing is left out.
    """

    picks: tuple[Pick, ...] = ()
    first: tuple[tuple[str, tuple[Card, ...]], ...] = ()
    data: Data | None = None
    left: str = ""


def ahead_facts(context: ReportContext) -> AheadFacts:
    if context.views is None:
        return AheadFacts()
    flows, views = context.views
    planned = planned_ahead(context)
    owner = {series.unique_id: series.entity or "" for series in flows.series}
    owners = [owner.get(row.series) for row in planned]
    moneys = [_money(view, context) for view in views]
    cards = [
        cards_of(view, flows, context, money, [p for p, e in zip(planned, owners, strict=True) if e in view.entities])
        for view, money in zip(views, moneys, strict=True)
    ]
    places = {entity: place for place, entity in enumerate(dict.fromkeys(owner.values()))}
    form = _form(context, views)
    packed = [
        {
            **_numbers(view, money, form["names"]),
            "cards": [astuple(card) for card in answers],
            "of": _members(view, places),
        }
        for view, money, answers in zip(views, moneys, cards, strict=True)
    ]
    every = _picks(views)
    picks, kept = _with_room(every, views, packed)
    data = {
        "form": form,
        "days": [
            (day.date, day.weekday, day.day_type, ", ".join(word for word in (day.holiday, day.event) if word))
            for day in named_days(context.results.calendar, flows.ds)
        ],
        "picks": [astuple(pick) for pick in picks],
        "views": [packed[k] for k in kept],
        "planned": [
            (p.day, p.series, p.amount, p.kind, p.note, p.author, None if entity is None else places[entity])
            for p, entity in zip(planned, owners, strict=True)
        ],
    }
    first = tuple((views[k].unit or "", cards[k]) for k in picks[0].views)  # everything, which is always kept
    return AheadFacts(picks, first, data, _left(every, picks, len(places)))


def _with_room(
    picks: Sequence[Pick], views: Sequence[View], packed: Sequence[Data]
) -> tuple[tuple[Pick, ...], list[int]]:
    """The picks that the page has room for, and the views these have, to which their places refer."""
    sizes = [len(json.dumps(numbers, separators=(",", ":"))) for numbers in packed]
    flows = [
        sum(float(np.abs(banded.point).sum()) for name, banded in view.flows.items() if name != NET_FLOW)
        for view in views
    ]
    kinds = ("all", "group", "entity")
    room, chosen = ROOM, set()
    for pick in sorted(picks, key=lambda pick: (kinds.index(pick.kind), -sum(flows[k] for k in pick.views))):
        room -= sum(sizes[k] for k in pick.views)
        if room < 0 and pick.kind != "all":
            break
        chosen.add(pick)
    found = [pick for pick in picks if pick in chosen]
    kept = [k for pick in found for k in pick.views]
    places = {k: place for place, k in enumerate(kept)}
    return tuple(replace(pick, views=tuple(places[k] for k in pick.views)) for pick in found), kept


def _left(every: Sequence[Pick], picks: Sequence[Pick], n_entities: int) -> str:
    """What cannot be picked, being small, as "and 3 smaller entities in forecast.csv"."""
    all_groups, groups = (sum(pick.kind == "group" for pick in found) for found in (every, picks))
    entities = sum(pick.kind == "entity" for pick in picks)
    small = n_entities - entities if any(pick.kind == "entity" for pick in every) else 0
    words = [f"{all_groups - groups:,} smaller groups in totals.csv"] if all_groups > groups else []
    words += [f"{small:,} smaller {'entity' if small == 1 else 'entities'} in forecast.csv"] if small else []
    return f"and {' and '.join(words)}" if words else ""


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


def _form(context: ReportContext, views: Sequence[View]) -> Data:
    """What all views share: names of flows, spans, and how amounts are written."""
    amounts, first = context.money.amounts, views[0]
    names = list(dict.fromkeys(name for view in views for name in view.flows))
    level = inner_level(next(iter(first.flows.values())).quantiles)
    spans = [
        (name, span.days.start, span.days.stop - 1) for name, totals in first.totals.items() for span in totals.spans
    ]
    return {
        "names": names,
        "columns": [amounts.column(name.replace(" ", "_") if name == NET_FLOW else name) for name in names],
        "decimals": amounts.decimals_shown,
        "level": level,
        "ends": [quantile_name(end) for end in ends_of(level)],
        "spans": spans,
    }


def _numbers(view: View, money: Money, names: Sequence[str]) -> Data:
    """A view's amounts in the unit shown: of each flow, None where it has none, the forecasts of days, None where the
    page computes them, and the ends of the bands of days and spans.
    """
    amounts = money.amounts
    largest = max(float(np.abs(banded.point).max()) for banded in view.flows.values()) / amounts.divisor
    decimals = 2 if amounts.decimals_shown is None else min(amounts.decimals_shown, 2)
    return {
        "unit": amounts.shown or "",
        "scale": (money.label, money.divisor / amounts.divisor),
        "decimals": 0 if largest >= GREAT or amounts.competition else decimals,
        "flows": [_flow(view, name, amounts) if name in view.flows else None for name in names],
        "balance": None if view.account is None else _balance(view.account, money),
    }


def _flow(view: View, name: str, amounts: Amounts) -> tuple[Numbers | None, list[Numbers], list[Numbers]]:
    spans = [_ends(totals.flows[name], amounts) for totals in view.totals.values()]
    point = None if name == NET_FLOW else _exact(view.flows[name].point, amounts)
    return point, _ends(view.flows[name], amounts), [list(chain(*(ends[side] for ends in spans))) for side in (0, 1)]


def _balance(account: Account, money: Money) -> Data | None:
    if account.opening is None:
        return None
    limits = [
        (risk.limit.name, limit_name(risk, money), _exact([risk.limit.amount], money.amounts)[0], _chances(risk.chance))
        for risk in account.limits
    ]
    (opening,) = _exact([account.opening], money.amounts)
    return {"opening": opening, "ends": _ends(account.balance, money.amounts), "limits": limits}


def _ends(banded: Banded, amounts: Amounts) -> list[Numbers]:
    """Both ends of the inner band."""
    ends = (banded.quantiles[end] / amounts.divisor for end in ends_of(inner_level(banded.quantiles)))
    return [[_number(float(f"{value:.{DIGITS}g}")) for value in values] for values in ends]


def _exact(values: Iterable[float], amounts: Amounts) -> Numbers:
    """Amounts as the files have them."""
    return [_number(float(amounts.amount(float(value)))) for value in values]


def _chances(values: FloatArray) -> Numbers:
    return [_number(round(float(value), 3)) for value in values]


def _number(value: float) -> float | None:
    """A whole number without a point, which makes the page smaller; None for NaN, which JSON lacks."""
    if np.isnan(value):
        return None
    return int(value) if value.is_integer() else value


SECTION = Section("ahead", "Days ahead", 0, "ahead.j2", ahead_facts, page="treasurer")
