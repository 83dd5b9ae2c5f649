"""What the flows of users consist of: the columns that a target is the sum of, in blocks of four weeks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ensembles.exploration.fact import Fact, Subject
from ensembles.exploration.material import Material
from ensembles.exploration.subjects.growth import BLOCK, block_ends
from ensembles.exploration.words import and_list, percent
from ensembles.report.charts.chart import COLOURS, Chart, Layer, Line
from forecasting.data.quality.identities import CATEGORIES, IDENTITIES
from forecasting.data.sources.user_flows import Users
from forecasting.schema import DateArray, FloatArray, iso

__all__ = ["SUBJECT"]

LEAST_CHANGE = 0.005
"""Change of a share that is told."""


def components_fact(material: Material) -> Fact | None:
    users = material.users
    if users is None:
        return None
    parts = {ours: _parts(theirs, users) for ours, theirs in zip(material.targets, users.targets, strict=True)}
    parts = {
        target: columns for target, columns in parts.items() if len(columns) > 1 and _sum(users, columns).sum() > 0
    }
    if not parts:
        whose = and_list(material.targets)
        return Fact(f"The user table has no columns that {whose} are the sums of, so components cannot be told.")
    ends = block_ends(users.ds)
    blocks = {target: _by_block(users, columns, ends) for target, columns in parts.items()}
    overall = {target: _overall(users, columns) for target, columns in parts.items()}
    numbers = {
        "targets": overall,
        "categories_of_consume_amt": _overall(users, tuple(c for c in CATEGORIES if c in users.columns)),
        "blocks": [
            {"end": iso(end), **{t: dict(zip(parts[t], map(float, blocks[t][k]), strict=True)) for t in parts}}
            for k, end in enumerate(ends)
        ],
    }
    return Fact(_sentence(overall, parts, blocks), numbers, _chart(parts, blocks, ends) if len(ends) > 1 else None)


def _parts(column: str, users: Users) -> tuple[str, ...]:
    """The columns that a column is the sum of, taken apart as far as the table goes."""
    plus, minus = IDENTITIES.get(column, ((), ()))
    if not plus or minus or not all(part in users.columns for part in plus):
        return (column,)
    return tuple(leaf for part in plus for leaf in _parts(part, users))


def _sum(users: Users, columns: tuple[str, ...]) -> FloatArray:
    return np.asarray(users.by_day[:, [users.columns.index(c) for c in columns]])


def _overall(users: Users, columns: tuple[str, ...]) -> dict[str, float]:
    """Share of each column in the sum of all of them."""
    if not columns:
        return {}
    sums = _sum(users, columns).sum(axis=0)
    return {c: float(share) for c, share in zip(columns, sums / max(float(sums.sum()), 1.0), strict=True)}


def _by_block(users: Users, columns: tuple[str, ...], ends: DateArray) -> FloatArray:
    """Shares ``[n_blocks, n_columns]``; a block without flows has 0."""
    rows = [(users.ds > end - BLOCK) & (users.ds <= end) for end in ends]
    sums = np.array([_sum(users, columns)[mask].sum(axis=0) for mask in rows]).reshape(len(ends), len(columns))
    return np.asarray(sums / np.maximum(sums.sum(axis=1, keepdims=True), 1.0))


def _sentence(
    overall: Mapping[str, Mapping[str, float]], parts: Mapping[str, tuple[str, ...]], blocks: Mapping[str, FloatArray]
) -> str:
    said = []
    for target, shares in overall.items():
        ordered = sorted(shares.items(), key=lambda pair: -pair[1])
        said.append(f"{target} is {and_list([f'{percent(share)} {column}' for column, share in ordered])}")
    changes = [
        (float(shares[-1, k] - shares[0, k]), column, shares[0, k], shares[-1, k])
        for target, shares in blocks.items()
        if len(shares) > 1
        for k, column in enumerate(parts[target])
    ]
    if not changes:
        return "; ".join(said) + "."
    change, column, first, last = max(changes, key=lambda found: abs(found[0]))
    if abs(change) < LEAST_CHANGE:
        return f"{'; '.join(said)}; no share changes by half a percent."
    moved = f"{percent(first)} in the first four weeks and {percent(last)} in the last"
    return f"{'; '.join(said)}; the share that changes most is that of {column}, {moved}."


def _chart(parts: Mapping[str, tuple[str, ...]], blocks: Mapping[str, FloatArray], ends: DateArray) -> Chart:
    named = [(column, blocks[t][:, k]) for t, columns in parts.items() for k, column in enumerate(columns)]
    layers: list[Layer] = [
        Line(column, ends, 100 * shares, colour, 2, dashed=column in list(parts.values())[-1] and len(parts) > 1)
        for (column, shares), colour in zip(named, COLOURS, strict=False)
    ]
    title = "share of each component in its target, in blocks of four weeks"
    return Chart("explore-components", title, "day", "% of its target", layers, y_range=(0.0, 100.0))


SUBJECT = Subject("components", "Components", 80, components_fact)
