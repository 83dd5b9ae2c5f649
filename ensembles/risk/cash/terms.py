"""What a treasurer says besides the flows: opening balances and limits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["ALL", "NET_FLOW", "CashTerms", "Limit"]

ALL = ""
"""Stands for all accounts together, and for the only one of a table."""
NET_FLOW = "net flow"
"""What comes in less what goes out, among flows by the names that a reader knows."""


@dataclass(frozen=True)
class Limit:
    """A balance not to fall below: `name` minimum (what is to stay), overdraft (what the bank allows) or zero."""

    name: str
    amount: float


@dataclass(frozen=True)
class CashTerms:
    """`openings` are balances at the end of the data by entity, by unit of all its entities, `ALL` of all together;
    `limits` in the same way; `levels` of the bands in percent.
    """

    openings: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, tuple[Limit, ...]] = field(default_factory=dict)
    levels: tuple[int, ...] = (80, 95)

    @classmethod
    def of(cls, openings: Mapping[str, float], limits: Mapping[str, Any], levels: tuple[int, ...]) -> CashTerms:
        """From `data.limits` of a resolved configuration: `minimum` and `overdraft`, each an amount for all together,
        amounts by entity or unit, or nothing.
        """
        found: dict[str, tuple[Limit, ...]] = {}
        for name, sign in (("minimum", 1.0), ("overdraft", -1.0)):
            given = limits.get(name)
            by_entity = {} if given is None else given if isinstance(given, Mapping) else {ALL: given}
            for entity, amount in by_entity.items():
                found[entity] = (*found.get(entity, ()), Limit(name, sign * float(amount) + 0.0))
        return cls(openings, found, levels)

    def together(self, entities: Collection[str], unit: str | None) -> CashTerms:
        """With what is given for `unit` as that of all together, where these are the `entities` of one unit. Limits of
        a single entity are those of all, too; of two limits of a kind the stricter counts.
        """
        names = [ALL, *([] if unit is None else [unit]), *(entities if len(entities) == 1 else ())]
        limits: dict[str, float] = {}
        for limit in (limit for name in names for limit in self.limits.get(name, ())):
            limits[limit.name] = max(limit.amount, limits.get(limit.name, limit.amount))
        opening = next((self.openings[name] for name in names if name in self.openings), None)
        return replace(
            self,
            openings=self.openings if opening is None else {**self.openings, ALL: opening},
            limits={**self.limits, ALL: tuple(Limit(name, amount) for name, amount in limits.items())},
        )

    def opening(self, entity: str, accounts: Collection[str]) -> float | None:
        """The balance that an entity, or `ALL` of these accounts together, begins with; None where it is not known."""
        if entity in self.openings:
            return self.openings[entity]
        known = [self.openings[account] for account in accounts if account in self.openings]
        return sum(known) if entity == ALL and accounts and len(known) == len(accounts) else None

    def limits_of(self, entity: str) -> tuple[Limit, ...]:
        """Its limits; without any, its balance is not to fall below zero."""
        return self.limits.get(entity) or (Limit("zero", 0.0),)
