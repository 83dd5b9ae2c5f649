"""Files that name the files before them: a directed graph, as of commits.

Every file is named by the digest of its content and lists the digests of the heads that its writer saw. A head is a
file that no other file lists. Two writers that saw the same heads leave two heads, and the next file lists both; so
nobody needs a lock. A file that is listed and not there was removed. A head that is removed leaves no trace: who keeps
the digests of the heads elsewhere can tell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

__all__ = ["heads_of", "in_order", "missing_from"]

Parents = Mapping[str, Collection[str]]
"""Digest of a file → digests that it lists."""


def heads_of(parents: Parents, names: Collection[str]) -> tuple[str, ...]:
    """The files among `names` that no file lists, sorted."""
    listed = {parent for of_file in parents.values() for parent in of_file}
    return tuple(sorted(set(names) - listed))


def missing_from(parents: Parents, names: Collection[str]) -> tuple[str, ...]:
    """What is listed and not among `names`, sorted."""
    return tuple(sorted({parent for of_file in parents.values() for parent in of_file} - set(names)))


def in_order(parents: Parents) -> list[str]:
    """Every file after those it lists; files that do not list each other in the order of their digests.

    Raises
    ------
    ValueError
        When files list one another in a circle, which no digests allow.
    """
    graph = TopologicalSorter({name: sorted(set(parents[name]) & parents.keys()) for name in sorted(parents)})
    found: list[str] = []
    try:
        graph.prepare()
    except CycleError as error:
        raise ValueError(f"files list one another: {error.args[1]}") from None
    while graph.is_active():
        ready = sorted(graph.get_ready())
        found += ready
        graph.done(*ready)
    return found
