"""A stand-in for CUDA graphs on a CPU: torch's operations are written down once, with their tensors, and repeated.

As a graph does, a replay runs no Python code of the work: it repeats the same operations on the same memory. Whatever
the host would have decided anew is what it was when the tape was made.
"""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["Tape", "record"]


class Tape(TorchDispatchMode):
    """Operations of a block, in order, with what they were given and what they gave."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, out))
        return out

    def replay(self):
        """Repeat them; new results go where the old ones lie."""
        for func, args, kwargs, out in self.calls:
            again = func(*args, **kwargs)
            for old, new in zip(tree_leaves(out), tree_leaves(again), strict=True):
                if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def record(work):
    """A `Recorder` (see `torch_graph`): two runs to warm up, as before a capture, then the tape."""
    for _ in range(2):
        work()
    with Tape() as tape:
        work()
    return tape.replay
