"""The run directory: what is done, and every file that comes out.

    run.json                     configuration, data fingerprint, versions, what happened (see `run_facts`)
    batches/<id>.parquet         forecasts of one batch, with a header (see `batch_file`)
    batches/<id>.safetensors     states of its final fits
    events.jsonl                 the course of the run (see `events_file`)
    lease.json                   who is at work (see `lease`)
    submission.csv …             the results (see `ensembles.files`)

A trial is finished when its key stands in a batch file. If two files hold the same key (a batch was cut anew), the
first name counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from cluster.rundir.batch_file import (
    BatchHeader,
    TrialRow,
    batch_files,
    prune_states,
    read_forecasts,
    read_header,
    read_states,
    state_files,
)
from cluster.rundir.storage import Storage
from ensembles.files.stored import FileOfRun
from forecasting.models.base import State
from forecasting.schema import FloatArray

__all__ = ["RunStore", "StoredTrial"]

File = TypeVar("File", bound=FileOfRun)


@dataclass(frozen=True)
class StoredTrial:
    """A finished trial: its row, the header of the batch it was in, and the name of that batch's file."""

    row: TrialRow
    batch: BatchHeader
    file: str


class RunStore:
    """Reads and writes one run directory.

    Every method raises StorageError, with the file and the remedy, when the directory cannot be read or written.
    """

    def __init__(self, uri: str) -> None:
        self.storage = Storage(uri)

    @property
    def uri(self) -> str:
        """The place as it may be shown."""
        return self.storage.uri

    def has(self, kind: type[FileOfRun]) -> bool:
        """Whether there is a file of this kind."""
        return self.storage.exists(kind.FILE)

    def read(self, kind: type[File]) -> File:
        """The file of this kind."""
        return kind.from_bytes(self.storage.read(kind.FILE), self.uri)

    def write(self, file: FileOfRun) -> None:
        """Write a file under the name of its kind."""
        self.storage.write(file.FILE, file.to_bytes())

    # -- batches

    def headers(self) -> dict[str, BatchHeader]:
        """What is stored of every batch, by file, in the order of names."""
        return {file: read_header(self.storage, file) for file in batch_files(self.storage)}

    def trials(self) -> dict[str, StoredTrial]:
        """Every finished trial by key, read from the files' footers alone."""
        found: dict[str, StoredTrial] = {}
        for file, header in self.headers().items():
            for row in (*header.trials, *header.failures):
                found.setdefault(row.trial_key, StoredTrial(row, header, file))
        return found

    def forecasts(self, trials: Iterable[StoredTrial]) -> dict[tuple[str, str], dict[np.datetime64, FloatArray]]:
        """Forecasts of finished trials: (trial key, unique_id) → cutoff → ``[horizon]``."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for trial in trials:
            if trial.row.reason is None:
                wanted[trial.file].add(trial.row.trial_key)
        found: dict[tuple[str, str], dict[np.datetime64, FloatArray]] = defaultdict(dict)
        for file, keys in sorted(wanted.items()):
            for key, unique_id, cutoff, y_hat in read_forecasts(self.storage, file, keys):
                found[key, unique_id].setdefault(cutoff, y_hat)
        return dict(found)

    # -- states of final fits

    def kept_states(self) -> list[str]:
        """Batch files, as `StoredTrial.file` names them, whose states were not pruned whole."""
        return state_files(self.storage)

    def states(self, file: str) -> dict[str, State]:
        """States of one batch file by trial key."""
        return read_states(self.storage, file)

    def prune_states(self, keep: Collection[str]) -> None:
        """Keep only the states of these trial keys."""
        prune_states(self.storage, set(keep))

    def sweep(self) -> None:
        """Remove what workers and drivers left that were killed in the middle of a file; call when nobody writes."""
        for folder in ("", "batches"):
            self.storage.sweep(folder)
