"""What stands around the data and is no history: groups and units of the entities, and what is planned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from forecasting.data.beside import find_beside
from forecasting.data.formats.files import Folder, TableFile
from forecasting.data.hierarchy.hierarchy import Hierarchy
from forecasting.data.hierarchy.read import Label, grouped, labelled, read_labels
from forecasting.data.loaded import Loaded
from forecasting.data.planned.check import planned_of
from forecasting.data.planned.read import COLUMNS, read_plan
from forecasting.data.spec import DataSpec

__all__ = ["with_surroundings"]

Location = Folder | tuple[TableFile, ...]
Labels = Callable[[str], tuple[Label, ...] | None]
"""Gives what a column of the data says of each entity; None where there is no such column."""


def with_surroundings(loaded: Loaded, spec: DataSpec, location: Location, labels: Labels | None) -> Loaded:
    """The data with their groups, units and plan.

    Raises
    ------
    DataError
        One sentence with file and row, when one of the three cannot be.
    """
    if spec.groups is not None or spec.units is not None:
        hierarchy = _hierarchy(loaded, spec, location, labels)
        loaded = replace(loaded, hierarchy=hierarchy, notes=(*loaded.notes, *hierarchy.notes()))
    if spec.planned is None:
        return loaded
    plan = read_plan(find_beside(spec.planned, location, key="data.planned", holds=COLUMNS))
    as_of = None if spec.as_of is None else np.datetime64(spec.as_of, "D")
    units = {} if loaded.hierarchy is None else loaded.hierarchy.units
    by_series = {s.unique_id: units.get(s.entity or "", spec.unit) for s in loaded.panel.series}
    planned, notes = planned_of(plan, loaded, as_of, by_series, spec.unpaid)
    decimals = max(loaded.decimals, plan.decimals)
    return replace(
        loaded, panel=replace(loaded.panel, planned=planned), decimals=decimals, notes=(*loaded.notes, *notes)
    )


def _hierarchy(loaded: Loaded, spec: DataSpec, location: Location, labels: Labels | None) -> Hierarchy:
    entities = tuple(dict.fromkeys(s.entity or "" for s in loaded.panel.series))
    known = {*entities, *(problem.series.entity or "" for problem in loaded.problems)}

    def said(name: str, key: str) -> tuple[Label, ...]:
        column = None if labels is None else labels(name)
        if column is not None:
            return tuple(row for row in column if row.name in known)
        missing = "the data have no column of this name, and there is no such file"
        holds = "an entity, then its group or unit"
        return read_labels(find_beside(name, location, key=key, holds=holds, missing=missing))

    paths: dict[str, tuple[str, ...]] = dict.fromkeys(entities, ())
    if spec.groups is not None:
        paths = grouped(said(spec.groups, "data.groups"), entities, known)
    units: dict[str, str | None] = dict.fromkeys(entities, spec.unit)
    if spec.units is not None:
        units = {**labelled(said(spec.units, "data.units"), entities, known, "unit")}
    return Hierarchy(paths, units)
