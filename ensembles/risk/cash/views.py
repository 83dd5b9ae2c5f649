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
    the balance, where there is a net flow.
    """

    path: tuple[str, ...]
    entity: str
    unit: str | None
    entities: tuple[str, ...]
    rows: Mapping[str, Sequence[int]]
    flows: Mapping[str, Banded]
    totals: Mapping[str, Totals]
    account: Account | None = None


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
        The run's, one for each unit, whose accounts are not computed anew.
    """
    place = {(series.entity or "", series.target): row for row, series in enumerate(flows.series)}
    each = {account.entity: account for position in positions for account in position.accounts}
    making = _Making(flows, targets, hierarchy, terms, joint_draws(flows, seed), place, each, positions)
    return tuple(making.view(*found) for found in _places(flows, hierarchy))


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
    """`place` is the row of an entity's target, `each` the accounts of entities."""

    flows: Flows
    targets: Sequence[str]
    hierarchy: Hierarchy
    terms: CashTerms
    joint: JointDraws
    place: Mapping[tuple[str, str], int]
    each: Mapping[str, Account]
    positions: Sequence[CashPosition]

    def view(self, path: tuple[str, ...], entity: str, unit: str | None, entities: tuple[str, ...]) -> View:
        rows = {t: [self.place[e, t] for e in entities if (e, t) in self.place] for t in self.targets}
        view = View(path, entity, unit, entities, {target: mine for target, mine in rows.items() if mine}, {}, {})
        if len(self.targets) != 2 or len(view.rows) != 2:
            return self._without_net(view)
        account = self.each.get(entity) if entity else None if path else self._total(view)
        if account is None:
            account = self._account(view)
        names = dict(zip(SIDES, (*self.targets, NET_FLOW), strict=True))
        totals = {
            name: replace(found, flows={names[s]: found.flows[s] for s in SIDES})
            for name, found in (("ahead", account.ahead), *account.totals.items())
        }
        flows = {names[side]: account.flows[side] for side in SIDES}
        return replace(view, flows=flows, totals=totals, account=account)

    def _total(self, view: View) -> Account | None:
        """The run's account of all entities of a unit, where it holds every series of them."""
        several = len(self.positions) > 1 or len(self.hierarchy.distinct_units) > 1
        found = next((p for p in self.positions if not several or p.unit == view.unit), None)
        n_series = sum(len(rows) for rows in view.rows.values())
        return None if found is None or 2 * max(len(found.accounts), 1) != n_series else found.total

    def _account(self, view: View) -> Account:
        opening, terms = self._opening(view)
        sides = [self.joint.total(rows).values for rows in view.rows.values()]
        came, left = (self._ahead(rows) for rows in view.rows.values())
        return account_of(view.entity, self.flows.ds, opening, terms, (came, left), sides)

    def _opening(self, view: View) -> tuple[float | None, CashTerms]:
        """The balance that a view begins with, and its terms. That of a group is the sum of its entities' balances, and
        a group has no limits.
        """
        if view.entity:
            return self.terms.opening(view.entity, ()), self.terms
        if not view.path:
            unit = None if view.unit in self.hierarchy.units else view.unit
            terms = self.terms.together(view.entities, unit)
            return terms.opening(ALL, view.entities), terms
        known = [self.terms.openings[e] for e in view.entities if e in self.terms.openings]
        opening = sum(known) if len(known) == len(view.entities) else None
        return opening, replace(self.terms, limits={})

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
