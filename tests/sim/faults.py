"""What befalls a world: each seed draws some kinds of faults, how often they strike, and when."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

__all__ = ["KINDS", "Faults"]

KINDS = (
    "driver dies",
    "worker dies",
    "start dies",
    "power fails",
    "disk full",
    "driver stops",
    "clock jumps",
    "second driver",
    "out of memory",
    "cut off",
    "machines leave",
    "slow worker",
    "slow disk",
    "seen late",
    "bits flip",
)
SUDDEN = (
    "driver dies",
    "power fails",
    "disk full",
    "driver stops",
    "clock jumps",
    "second driver",
    "machines leave",
    "bits flip",
)
"""Those that strike a whole world at a moment."""
MOST = {"clock jumps": 8, "second driver": 4}
"""Kinds that strike more often than twice in a round, at most once less than this."""
SHARE = 0.3
"""Share of the kinds that a seed draws."""


@dataclass
class Faults:
    """The faults of a seed. `chance` is the world's."""

    chance: random.Random
    kinds: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.kinds = frozenset(kind for kind in KINDS if self.chance.random() < SHARE)

    def strikes(self, kind: str, share: float) -> bool:
        """Whether a fault of a kind strikes now, if this seed has that kind."""
        return kind in self.kinds and self.chance.random() < share

    def sudden(self) -> list[str]:
        """Kinds of faults that strike in the next round, some of them several times."""
        kinds = [kind for kind in SUDDEN if kind in self.kinds]
        return [kind for kind in kinds for _ in range(int(self.chance.random() * MOST.get(kind, 3)))]

    def calm(self) -> None:
        """Nothing happens any more."""
        self.kinds = frozenset()
