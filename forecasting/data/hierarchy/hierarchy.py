"""The groups and units of a panel's entities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Hierarchy"]


@dataclass(frozen=True)
class Hierarchy:
    """`paths`: entity → the groups it is in, the largest first; () for one in no group. `units`: entity → unit of its
    amounts, None where none was said, in the order in which units are shown. Both hold every entity.
    """

    paths: Mapping[str, tuple[str, ...]]
    units: Mapping[str, str | None]

    @property
    def distinct_units(self) -> tuple[str | None, ...]:
        """The units there are, in order of first appearance."""
        return tuple(dict.fromkeys(self.units.values()))

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The path of every group, larger ones first, then by name."""
        found = {path[:n] for path in self.paths.values() for n in range(1, len(path) + 1)}
        return tuple(sorted(found, key=lambda path: (len(path), path)))

    def notes(self) -> Iterator[str]:
        """Sentences on what follows from it."""
        if self.groups:
            groups, levels = _counted("group", len(self.groups)), _counted("level", max(map(len, self.groups)))
            alone = sum(not path for path in self.paths.values())
            others = f", {alone} of them in no group" if alone else ""
            yield f"{len(self.paths)} entities in {groups} on {levels}{others}"
        if len(self.distinct_units) > 1:
            names = ", ".join(unit or "no unit" for unit in self.distinct_units)
            yield (
                f"amounts are in {names}, which are never added: each unit has its own totals, and a score of sums is "
                "the mean of the units' scores"
            )


def _counted(noun: str, n: int) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
