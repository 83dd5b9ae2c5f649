"""Files that name the files before them: a directed graph, as of commits.

Every file is named by the digest of its content and lists the digests of the heads that its writer saw. A head is a
file that no other file lists. Two writers that saw the same heads leave two heads, and the next file lists both; so
nobody needs a lock. The generation of a file is one more than the largest of those it lists, so that files stay in
order where one between them is gone. A file that is listed and not there was removed. A head that is removed leaves no
trace: who keeps the digests of the heads elsewhere can tell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

__all__ = ["heads_of", "in_order", "missing_from", "next_generation"]

Parents = Mapping[str, Collection[str]]
"""Digest of a file → digests that it lists."""


def heads_of(parents: Parents, names: Collection[str]) -> tuple[str, ...]:
    """The files among `names` that no file lists, sorted."""
    listed = {parent for of_file in parents.values() for parent in of_file}
    return tuple(sorted(set(names) - listed))


def missing_from(parents: Parents, names: Collection[str]) -> tuple[str, ...]:
    """What is listed and not among `names`, sorted."""
    return tuple(sorted({parent for of_file in parents.values() for parent in of_file} - set(names)))


def next_generation(of_heads: Collection[int]) -> int:
    """The generation of a file that lists files of these generations."""
    return 1 + max(of_heads, default=0)


def in_order(parents: Parents, stated: Mapping[str, int]) -> list[str]:
    """Files by generation, those of one in the order of their digests; so every file stands after those it lists.

    Parameters
    ----------
    stated
        What each file says of its generation; 0 where it says nothing.

    Raises
    ------
    ValueError
        When files list one another in a circle, which no digests allow.
    """
    graph = TopologicalSorter({name: sorted(set(parents[name]) & parents.keys()) for name in sorted(parents)})
    found: dict[str, int] = {}
    try:
        for name in graph.static_order():
            known = next_generation([found[parent] for parent in parents[name] if parent in found])
            found[name] = max(known, stated[name])
    except CycleError as error:
        raise ValueError(f"files list one another: {error.args[1]}") from None
    return sorted(found, key=lambda name: (found[name], name))
