"""Digests and layouts of everything that a run directory holds."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.rundir.batch_file import batch_files, check_batch
from cluster.rundir.events_file import EVENTS
from cluster.rundir.store import RunStore
from cluster.verification.check import Check, checked_files
from ensembles.files.blend_json import BlendFile
from ensembles.files.digests import DigestsFile
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.history_parquet import HistoryFile
from ensembles.files.leaderboard_json import LeaderboardFile
from ensembles.files.oof_parquet import OofFile
from ensembles.files.prediction_json import PredictionFile
from ensembles.files.stored import FileOfRun
from forecasting.digests import digest_of, unseal
from forecasting.errors import StorageError

__all__ = ["check_stored"]

KINDS: tuple[type[FileOfRun], ...] = (LeaderboardFile, BlendFile, OofFile, ForecastFile, HistoryFile)
PREDICTIONS = "predictions"


def check_stored(store: RunStore) -> Iterator[Check]:
    """Of the results, the batches, the course of the run and its predictions."""
    yield from _results(store)
    yield from _batches(store)
    yield from _events(store)
    yield from _predictions(store)


def _results(store: RunStore) -> Iterator[Check]:
    if not store.has(DigestsFile):
        yield Check("results", "not checked", "the run has not come to an end")
        return
    try:
        names = store.digests()
    except StorageError as error:
        yield Check("results", "damaged", str(error))
        return
    yield from checked_files(
        "results", list(_faults_of_results(store, names)), len(names), "files as they were written"
    )
    listed = {*names, "run.json", DigestsFile.FILE, EVENTS, "lease.json"}
    strangers = [name for name in store.storage.names("", "") if name not in listed]
    if strangers:
        yield Check("other files", "not checked", f"{', '.join(strangers)}: not written by the run")


def _faults_of_results(store: RunStore, names: dict[str, str]) -> Iterator[str]:
    typed = {kind.FILE: kind for kind in KINDS}
    for name in names:
        try:
            store.read(typed[name]) if name in typed else store.read_result(name)
        except StorageError as error:
            yield str(error)


def _batches(store: RunStore) -> Iterator[Check]:
    states, files, faults = store.kept_states(), batch_files(store.storage), []
    for file in files:
        try:
            check_batch(store.storage, file, states.get(file, ()))
        except StorageError as error:
            faults.append(str(error))
    yield from checked_files("batches", faults, len(files), f"as they were written, {len(states)} of them with states")


def _events(store: RunStore) -> Iterator[Check]:
    if not store.storage.exists(EVENTS):
        return
    lines = store.storage.read(EVENTS).splitlines(keepends=True)
    faults = [
        f"{store.uri}/{EVENTS}:{number}: the line and its digest do not agree; it tells how the run went, and nothing "
        "reads it"
        for number, line in enumerate(lines, start=1)
        if unseal(line, EVENTS) is None
    ]
    yield from checked_files("events", faults, len(lines), "lines as they were written")


def _predictions(store: RunStore) -> Iterator[Check]:
    faults, files = [], 0
    for folder in store.storage.folders(PREDICTIONS):
        try:
            name = f"{folder}/{PredictionFile.FILE}"
            facts = PredictionFile.from_bytes(store.storage.read(name), f"{store.uri}/{folder}")
            for file, digest in facts.files.items():
                files += 1
                if digest_of(store.storage.read(f"{folder}/{file}"), file) != digest:
                    faults.append(f"{store.uri}/{folder}/{file} is damaged: predict again")
        except StorageError as error:
            faults.append(str(error))
    if files or faults:
        yield from checked_files(PREDICTIONS, faults, files, "files as they were written")
