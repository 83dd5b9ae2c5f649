"""Amounts to come as a reader may pick them: of everything in a unit, of a group, or of one entity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ensembles.bands.quantiles import MEDIAN, ends_of
from ensembles.risk.cash.draws import Draws, JointDraws, joint_draws
from ensembles.risk.cash.position import (
    SIDES,
    Account,
    Banded,
    CashPosition,
    Totals,
    account_of,
    totals_of_spans,
)
from ensembles.risk.cash.spans import UNITS, days_ahead, spans_of
from ensembles.risk.cash.terms import ALL, NET_FLOW, CashTerms
from forecasting.data.hierarchy.hierarchy import Hierarchy
from forecasting.schema import FloatArray

if TYPE_CHECKING:
    from ensembles.risk.cash.flows import Flows

__all__ = ["View", "views_of"]

MOST_SERIES = 1000
"""Of more series, the entities with the largest amounts may be picked."""


@dataclass(frozen=True)
class View:
    """What the `entities` of one `unit` come to, whose rows of the flows stand in `rows` by target.

    `path` names the group, the largest first, and `entity` the entity; both are empty where the view is of everything.
    `flows` are the targets' and, of two, the net flow, and `totals` their sums by name of the spans; `account` is
    the balance, where there is a net flow. A view with a net flow is of the entities with both targets, as cash.csv is,
    and `without` are the others.
    """

    path: tuple[str, ...]
    entity: str
    unit: str | None
    entities: tuple[str, ...]
    rows: Mapping[str, Sequence[int]]
    flows: Mapping[str, Banded]
    totals: Mapping[str, Totals]
    account: Account | None = None
    without: tuple[str, ...] = ()


def views_of(
    flows: Flows,
    targets: Sequence[str],
    hierarchy: Hierarchy,
    terms: CashTerms,
    seed: int,
    positions: Sequence[CashPosition] = (),
) -> tuple[View, ...]:
    """Everything, every group and, where there are several, the largest entities, each in each of its units.

    Parameters
    ----------
    targets
        Of two, the first comes in and the second goes out.
    hierarchy
        Holds every entity of the flows, "" of a table.
    positions
        The run's in each unit, whose accounts are not computed anew.
    """
    place = {(series.entity or "", series.target): row for row, series in enumerate(flows.series)}
    making = _Making(flows, targets, terms, joint_draws(flows, seed), _known(hierarchy, positions), place)
    return tuple(making.view(*place) for place in _places(flows, hierarchy))


def _known(hierarchy: Hierarchy, positions: Sequence[CashPosition]) -> dict[tuple[str | None, str], Account]:
    """Accounts by unit and entity, `ALL` of the unit together."""
    units = hierarchy.distinct_units
    found: dict[tuple[str | None, str], Account] = {}
    for position in positions:
        unit = position.unit if len(units) > 1 else units[0]
        found |= {(unit, account.entity): account for account in position.accounts}
        found[unit, ALL] = position.total
    return found


def _places(flows: Flows, hierarchy: Hierarchy) -> Iterator[tuple[tuple[str, ...], str, str | None, tuple[str, ...]]]:
    """Path, entity, unit and entities of each view."""
    entities = tuple(dict.fromkeys(series.entity or "" for series in flows.series))
    for path in ((), *hierarchy.groups):
        inside = [e for e in entities if hierarchy.paths[e][: len(path)] == path]
        for unit in hierarchy.distinct_units:
            mine = tuple(e for e in inside if hierarchy.units[e] == unit)
            if mine:
                yield path, "", unit, mine
    if len(entities) > 1:
        for e in _largest(flows, entities):
            yield (), e, hierarchy.units[e], (e,)


def _largest(flows: Flows, entities: Sequence[str]) -> Sequence[str]:
    """Those of the `MOST_SERIES` series on which most flows, as they stand in the data."""
    sizes = dict.fromkeys(entities, 0.0)
    for row, series in enumerate(flows.series):
        sizes[series.entity or ""] += float(np.abs(flows.ahead[row]).sum())
    most = MOST_SERIES * len(entities) // len(flows.series)
    kept = set(sorted(entities, key=lambda entity: -sizes[entity])[:most])
    return [entity for entity in entities if entity in kept]


@dataclass(frozen=True)
class _Making:
    flows: Flows
    targets: Sequence[str]
    terms: CashTerms
    joint: JointDraws
    accounts: Mapping[tuple[str | None, str], Account]
    place: Mapping[tuple[str, str], int]

    def view(self, path: tuple[str, ...], entity: str, unit: str | None, entities: tuple[str, ...]) -> View:
        both = tuple(e for e in entities if len(self.targets) == 2 and all((e, t) in self.place for t in self.targets))
        mine = both or entities
        rows = {t: found for t in self.targets if (found := [self.place[e, t] for e in mine if (e, t) in self.place])}
        if not both:
            return self._without_net(View(path, entity, unit, mine, rows, {}, {}))
        account = None if path else self.accounts.get((unit, entity))
        if account is None:
            account = self._account(path, entity, unit, mine, list(rows.values()))
        names = dict(zip(SIDES, (*self.targets, NET_FLOW), strict=True))
        totals = {
            name: replace(found, flows={names[s]: found.flows[s] for s in SIDES})
            for name, found in (("ahead", account.ahead), *account.totals.items())
        }
        flows = {names[side]: account.flows[side] for side in SIDES}
        without = tuple(e for e in entities if e not in both)
        return View(path, entity, unit, mine, rows, flows, totals, account, without)

    def _account(
        self,
        path: tuple[str, ...],
        entity: str,
        unit: str | None,
        entities: Sequence[str],
        rows: Sequence[Sequence[int]],
    ) -> Account:
        """The opening balance of a group is the sum of those of its entities, and it has no limits."""
        if path:
            known = {e: self.terms.openings[e] for e in entities if e in self.terms.openings}
            terms = replace(self.terms, openings=known, limits={})
        else:
            named = unit not in {series.entity for series in self.flows.series}
            terms = self.terms.together(entities, unit if named else None)
        opening = terms.opening(entity, () if entity else entities)
        sides = [self.joint.total(mine).values for mine in rows]
        made = (self._ahead(rows[0]), self._ahead(rows[1]))
        return account_of(entity, self.flows.ds, opening, terms, made, sides)

    def _without_net(self, view: View) -> View:
        """With the flows of each target alone."""
        draws: dict[str, Draws] = {target: self.joint.total(mine) for target, mine in view.rows.items()}
        points = {target: self._ahead(mine) for target, mine in view.rows.items()}
        asked = (MEDIAN, *(end for level in self.terms.levels for end in ends_of(level)))
        ds = self.flows.ds
        spans = {"ahead": days_ahead(ds)} | {unit: found for unit in UNITS if (found := spans_of(ds, unit))}
        return replace(
            view,
            flows={name: Banded(points[name], draws[name].quantiles(asked)) for name in points},
            totals={name: totals_of_spans(found, points, draws, asked) for name, found in spans.items()},
        )

    def _ahead(self, rows: Sequence[int]) -> FloatArray:
        total: FloatArray = self.flows.ahead[list(rows)].sum(axis=0)
        return total
