"""What to do about a batch that did not come back: a pure decision."""

from __future__ import annotations

from enum import Enum

__all__ = ["MAX_ATTEMPTS", "Decision", "Loss", "decide"]

MAX_ATTEMPTS = 3
"""Times a batch is tried when its process keeps dying."""


class Loss(Enum):
    """Why a batch did not come back."""

    PROCESS_DIED = "its worker process died"
    OUT_OF_MEMORY = "it ran out of memory"
    TIMED_OUT = "it ran past cluster.batch_seconds"


class Decision(Enum):
    """What the executor does next."""

    REQUEUE = "requeue"
    SPLIT = "split"
    GIVE_UP = "give up"


def decide(loss: Loss, attempts: int, n_trials: int) -> Decision:
    """Decide after the `attempts`-th try of a batch of `n_trials` was lost.

    Less memory is needed by half a batch, so running out splits it for as long as there is something to split.
    A time-out is not tried again: the next attempt would take as long.
    """
    if loss is Loss.OUT_OF_MEMORY and n_trials > 1:
        return Decision.SPLIT
    if loss is Loss.TIMED_OUT or attempts >= MAX_ATTEMPTS:
        return Decision.GIVE_UP
    return Decision.REQUEUE
