"""Fitted states found again: which stored trial made the run's forecast, and whether this program can still use it."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cluster.rundir.store import Record, RunStore
from cluster.versions import code_of
from forecasting.errors import StorageError
from forecasting.models.base import State
from forecasting.schema import MEMBER, UNIQUE_ID, Y_HAT
from forecasting.trial import Member

__all__ = ["Fit", "find_fits"]

Place = tuple[str, str]
"""member_id, unique_id."""


@dataclass(frozen=True)
class Fit:
    """A member as it was fitted on one series at the end of a run's data."""

    member: Member
    unique_id: str
    state: State


def find_fits(store: RunStore, wanted: Mapping[Place, Member], end: np.datetime64) -> Iterator[Fit]:
    """The fits of these members and series, file by file, so that a large run never lies in memory whole.

    Parameters
    ----------
    end
        Last day of the run's data.

    Raises
    ------
    StorageError
        When a state is gone, or was made by another version of the model or of a library it uses.
    """
    records = _records(store, wanted, end)
    for place, record in records.items():
        _check_code(store, wanted[place], record)
    by_file: dict[str, list[Place]] = defaultdict(list)
    for place, record in records.items():
        by_file[record.file].append(place)
    kept = {name.removesuffix(".safetensors") for name in store.storage.names("batches", ".safetensors")}
    for file, places in sorted(by_file.items()):
        states = store.states(file) if file.removesuffix(".parquet") in kept else {}
        for place in places:
            state = states.get(records[place].trial_key)
            if state is None:
                raise StorageError(
                    f"{store.uri} no longer holds the fitted state of {wanted[place].name} on {place[1]}: "
                    "run again with another --run-dir"
                )
            yield Fit(wanted[place], place[1], state)


def _records(store: RunStore, wanted: Mapping[Place, Member], end: np.datetime64) -> dict[Place, Record]:
    by_unit: dict[Place, list[Record]] = defaultdict(list)
    for record in store.records().values():
        if record.reason is None and record.member_id is not None:
            by_unit[record.member_id, record.unique_id].append(record)
    found = {
        (member_id, uid): [r for r in by_unit[member_id, member.unit(uid)] if uid not in r.failed_series]
        for (member_id, uid), member in wanted.items()
    }
    for place, records in found.items():
        if not records:
            raise StorageError(
                f"{store.uri} does not say which state is that of {wanted[place].name} on {place[1]}, as an older "
                "version of this program wrote it: run again with another --run-dir"
            )
    several = {place: records for place, records in found.items() if len(records) > 1}
    return {place: records[0] for place, records in found.items()} | _settle(store, wanted, several, end)


def _settle(
    store: RunStore, wanted: Mapping[Place, Member], several: Mapping[Place, Sequence[Record]], end: np.datetime64
) -> dict[Place, Record]:
    """Of several trials of one member on one series (the configuration was edited) the one the run's forecast is by."""
    if not several:
        return {}
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(store.storage.read("forecast.parquet")))
    given: dict[tuple[str, str], list[float]] = defaultdict(list)
    for name, uid, y_hat in zip(*(table[c].to_pylist() for c in (MEMBER, UNIQUE_ID, Y_HAT)), strict=True):
        given[name, uid].append(y_hat)
    made = store.forecasts(record for records in several.values() for record in records)
    chosen = {}
    for place, records in several.items():
        wants = np.array(given[wanted[place].name, place[1]])
        fitting = [r for r in records if np.array_equal(made[r.trial_key, place[1]].get(end, np.empty(0)), wants)]
        if not fitting:
            raise StorageError(f"{store.uri}/forecast.parquet and its batches do not belong together: run again")
        chosen[place] = fitting[0]
    return chosen


def _check_code(store: RunStore, member: Member, record: Record) -> None:
    """Refuse a state that this program's model, or the libraries installed, did not make."""
    now = code_of(member.model)
    if record.code.get("version") != now["version"]:
        raise StorageError(
            f"{member.name} in {store.uri} was fitted by version {record.code.get('version')} of its model and this is "
            f"version {now['version']}: run again with another --run-dir"
        )
    for name, installed in now["libraries"].items():
        then = record.code["libraries"].get(name)
        if then != installed:
            raise StorageError(
                f"{member.name} in {store.uri} was fitted with {name} {then} and {installed} is installed: "
                f"install {name}=={then}, or run again with another --run-dir"
            )
