"""Machines that somebody describes: ``gpus=8,gpu_memory=80,cpus=128,nodes=4``, once for each kind of node."""

from __future__ import annotations

import math
from collections.abc import Iterable

from cluster.execution.resources import ClusterResources, Node
from forecasting.errors import ConfigError

__all__ = ["described"]

OPTION = "--resources"
KEYS = ("cpus", "gpus", "gpu_memory", "nodes")
MOST = {"cpus": 10_000, "gpus": 1_000, "gpu_memory": 10_000, "nodes": 10_000}
MOST_NODES = 10_000
"""Of all kinds together: a plan holds each."""


def described(kinds: Iterable[str]) -> ClusterResources:
    """The machines of a cluster. Memory is GiB of one GPU; the rest counts per node, and one node is meant unless said.

    Raises
    ------
    ConfigError
        Naming the part that is no such description.
    """
    nodes: list[Node] = []
    for text in kinds:
        found = _numbers(text)
        nodes += [_node(text, found)] * int(found.get("nodes", 1))
    if len(nodes) > MOST_NODES:
        raise ConfigError(f"{OPTION}: {len(nodes):,} nodes are more than the {MOST_NODES:,} that a plan takes")
    return ClusterResources(tuple(nodes))


def _node(text: str, found: dict[str, float]) -> Node:
    where = f"{OPTION} {text}"
    if "cpus" not in found:
        raise ConfigError(where=where, what="a node without CPUs can do nothing", remedy="add cpus=N")
    if ("gpus" in found) != ("gpu_memory" in found):
        missing = "gpus=N" if "gpu_memory" in found else "gpu_memory=GIB, of one GPU"
        raise ConfigError(where=where, what="GPUs and their memory belong together", remedy=f"add {missing}")
    memory = int(found["gpu_memory"] * 2**30) if "gpu_memory" in found else None
    return Node(int(found["cpus"]), found.get("gpus", 0), memory)


def _numbers(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in text.split(","):
        key, sign, value = part.strip().partition("=")
        if key not in KEYS or not sign:
            what = f"{part.strip()!r} is none of its parts"
            raise ConfigError(where=f"{OPTION} {text}", what=what, remedy=f"write {', '.join(KEYS)} as KEY=NUMBER")
        if key in found:
            raise ConfigError(where=f"{OPTION} {text}", what=f"{key} stands twice", remedy="give the option once more")
        found[key] = _number(text, key, value)
    return found


def _number(text: str, key: str, value: str) -> float:
    is_whole = key != "gpu_memory"
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 < number <= MOST[key] or (is_whole and not number.is_integer()):
        kind = "a whole number" if is_whole else "a number"
        what = f"{key} is {value!r}, and must be {kind} above 0, at most {MOST[key]:,}"
        raise ConfigError(where=f"{OPTION} {text}", what=what, remedy="correct it, or leave it out")
    return number
