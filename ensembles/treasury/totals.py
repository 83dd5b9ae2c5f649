"""Totals of a forecast: over all entities of a unit, and over those of every group, on every level.

A total is the sum of what stands in forecast.csv, in decimal arithmetic: exact in the last decimal on every level, so
that the totals of groups add up to those of the groups that hold them. Amounts of different units are never added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal

from ensembles.files.amounts import Amounts
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.table import Quantiles
from forecasting.data.hierarchy.hierarchy import Hierarchy
from forecasting.panel import Series
from forecasting.schema import DateArray

__all__ = ["EXACT", "NET_FLOW", "QuantilesOfSum", "Total", "totals_of", "written_amounts"]

NET_FLOW = "net_flow"
"""What comes in less what goes out, where there are two targets."""
QuantilesOfSum = Callable[[Mapping[str, int]], Quantiles]
"""From the series of a sum, each with its sign, to the sum's quantiles by probability, ``[horizon]`` each."""
EXACT = Context(prec=100)
"""More digits than any sum of amounts has."""


@dataclass(frozen=True)
class Total:
    """The sum over the entities of one group and unit.

    `path` names the group and those that hold it, the largest first; () is all entities. `signs` are the series summed,
    by unique_id, -1 for what goes out of a net flow. `y_hat` ``[horizon]`` are exact; `quantiles` those of the sum,
    empty where they are not known.
    """

    path: tuple[str, ...]
    unit: str | None
    target: str
    signs: Mapping[str, int]
    ds: DateArray
    y_hat: tuple[Decimal, ...]
    quantiles: Quantiles = field(default_factory=dict)


def totals_of(
    forecast: ForecastFile,
    hierarchy: Hierarchy,
    targets: Sequence[str],
    amounts: Amounts,
    quantiles: QuantilesOfSum | None = None,
    written: Mapping[Series, Sequence[Decimal]] | None = None,
) -> tuple[Total, ...]:
    """All totals of the blend's forecast: by group, larger ones first, then by unit and target.

    Parameters
    ----------
    targets
        In the order of the weights. Of two targets the net flow is totalled too.
    amounts
        How forecast.csv writes amounts: what is written is what is added.
    quantiles
        Gives the quantiles of a sum of series, from joint draws of their errors; None: totals have points alone.
    written
        The `written_amounts` of all series, where they are known already.
    """
    leaves = forecast.blend_by_series()
    if written is None:
        written = {series: written_amounts(rows, series.target, amounts) for series, rows in leaves.items()}
    ids = {series: str(rows.unique_id[0]) for series, rows in leaves.items()}
    ds = next(iter(leaves.values())).ds
    found = []
    for path, unit, target, signs in _sums(hierarchy, list(leaves), targets):
        y_hat = [Decimal(0)] * len(ds)
        for series, sign in signs.items():
            add = EXACT.add if sign > 0 else EXACT.subtract
            y_hat = [add(total, amount) for total, amount in zip(y_hat, written[series], strict=True)]
        signed = {ids[series]: sign for series, sign in signs.items()}
        bands = {} if quantiles is None else quantiles(signed)
        found.append(Total(path, unit, target, signed, ds, tuple(y_hat), bands))
    return tuple(found)


def written_amounts(rows: ForecastFile, target: str, amounts: Amounts) -> tuple[Decimal, ...]:
    """The amounts of one series as forecast.csv has them."""
    return tuple(Decimal(amounts.exact(float(value))) for value in amounts.submitted(rows.y_hat, target))


def _sums(
    hierarchy: Hierarchy, leaves: Sequence[Series], targets: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], str | None, str, dict[Series, int]]]:
    """Group, unit, target and the series to be summed, of every total that has any."""
    members: dict[tuple[tuple[str, ...], str | None], list[Series]] = {}
    for series in leaves:
        entity = series.entity or ""
        path, unit = hierarchy.paths.get(entity, ()), hierarchy.units.get(entity)
        for n in range(len(path) + 1):
            members.setdefault((path[:n], unit), []).append(series)
    for path in ((), *hierarchy.groups):
        for unit in hierarchy.distinct_units:
            mine = members.get((path, unit), [])
            for target, signs in _by_target(mine, targets):
                yield path, unit, target, signs


def _by_target(series: Sequence[Series], targets: Sequence[str]) -> Iterator[tuple[str, dict[Series, int]]]:
    """The series of each target that has any, with their signs, and then those of the net flow: of entities with both
    targets, so that net flows of groups add up, and are those of forecast.csv and of the cash position.
    """
    for target in targets:
        signs = {s: 1 for s in series if s.target == target}
        if signs:
            yield target, signs
    sides = Counter(s.entity for s in series)
    both = [s for s in series if sides[s.entity] == 2]
    if len(targets) == 2 and both:
        yield NET_FLOW, {s: 1 if s.target == targets[0] else -1 for s in both}
