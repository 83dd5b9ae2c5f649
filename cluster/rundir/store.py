"""The run directory: what is done, and every file that comes out.

    run.json                            configuration, data fingerprint, versions, what happened (see `run_facts`)
    batches/<id>.<digest>.parquet       forecasts of one batch, with a header (see `batch_file`)
    batches/<id>.<digest>.safetensors   states of its final fits
    events.jsonl                        the course of the run (see `events_file`)
    lease.json                          who is at work (see `lease`)
    submission.csv …                    the results (see `ensembles.files`)
    digests.json                        the digests of the results

A trial is finished when its key stands in a batch file. If two files hold the same key (a batch was cut anew), the
first name counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from cluster.rundir.batch_file import (
    BatchHeader,
    TrialRow,
    batch_files,
    check_batch,
    files_of_batch,
    prune_states,
    read_forecasts,
    read_header,
    read_states,
    state_files,
)
from cluster.rundir.storage import Storage
from ensembles.files.digests import DigestsFile
from ensembles.files.stored import FileOfRun
from forecasting.digests import digest_of
from forecasting.errors import DamagedFile
from forecasting.models.base import State
from forecasting.schema import FloatArray

__all__ = ["RunStore", "StoredTrial"]

File = TypeVar("File", bound=FileOfRun)
STANDALONE = ("run.json",)
"""Results that carry their digest and change alone, while a run is at work."""


@dataclass(frozen=True)
class StoredTrial:
    """A finished trial: its row, the header of the batch it was in, and the name of that batch's file."""

    row: TrialRow
    batch: BatchHeader
    file: str


def _nothing() -> None:
    """A check of nothing; a lambda could not be copied to another process."""


class RunStore:
    """Reads and writes one run directory.

    Every method raises StorageError, with the file and the remedy, when the directory cannot be read or written.
    """

    def __init__(self, uri: str) -> None:
        self.storage = Storage(uri)
        self._check: Callable[[], None] = _nothing
        self._written: dict[str, str | None] = {}
        """Digests of results that this store wrote (None: discarded) since it sealed the directory."""

    @property
    def uri(self) -> str:
        """The place as it may be shown."""
        return self.storage.uri

    @contextmanager
    def held_by(self, check: Callable[[], None]) -> Iterator[None]:
        """Look, before every change of results and batches, whether the directory is still this driver's.

        Parameters
        ----------
        check
            Raises where it is not. Another driver may have stored the same content since, under the same name.
        """
        self._check = check
        try:
            yield
        finally:
            self._check = _nothing

    # -- results

    def has(self, kind: type[FileOfRun]) -> bool:
        """Whether there is a file of this kind."""
        return self.storage.exists(kind.FILE)

    def read(self, kind: type[File]) -> File:
        """The file of this kind."""
        return kind.from_bytes(self.read_result(kind.FILE), self.uri)

    def write(self, file: FileOfRun) -> None:
        """Write a file under the name of its kind."""
        self.write_result(file.FILE, file.to_bytes())

    def read_result(self, name: str) -> bytes:
        """The content of a result, as its run wrote it."""
        data = self.storage.read(name)
        if name not in STANDALONE and self.digests().get(name) != digest_of(data, name):
            raise DamagedFile(f"{self.uri}/{name}", "its content and its digest do not agree")
        return data

    def write_result(self, name: str, data: bytes | None) -> None:
        """Write a result, or discard that of an earlier configuration."""
        self._check()
        if data is None:
            self.storage.discard(name)
        else:
            self.storage.write(name, data)
        self._written[name] = None if data is None else digest_of(data, name)

    def list_result(self, name: str) -> None:
        """Count a file that was written elsewhere among the results, as it is now."""
        if self.storage.exists(name):
            self._written[name] = digest_of(self.storage.read(name), name)

    def digests(self) -> dict[str, str]:
        """Digest of each result by name."""
        sealed = self._sealed() | self._written
        return {name: digest for name, digest in sorted(sealed.items()) if digest is not None}

    @property
    def has_results(self) -> bool:
        """Whether results were written, to their end or by this very process: none without a digest counts."""
        return any(name not in STANDALONE for name in self.digests())

    def seal(self) -> None:
        """List the digests of what was written. Without that a result counts as damaged."""
        self._check()
        files = {name: digest for name, digest in self.digests().items() if name not in STANDALONE}
        self.storage.write(DigestsFile.FILE, DigestsFile(files=files).to_bytes())
        self._written.clear()

    def _sealed(self) -> dict[str, str]:
        if not self.storage.exists(DigestsFile.FILE):
            return {}
        return dict(DigestsFile.from_bytes(self.storage.read(DigestsFile.FILE), self.uri).files)

    # -- batches

    def headers(self) -> dict[str, BatchHeader]:
        """What is stored of every batch, by file, in the order of names."""
        return {file: read_header(self.storage, file) for file in batch_files(self.storage)}

    def drop_damaged(self) -> list[DamagedFile]:
        """Delete the batches that are not as they were written, states included, and say which; their trials count as
        not finished. Call when nobody else writes.
        """
        dropped, states = [], self.kept_states()
        for file in batch_files(self.storage):
            try:
                check_batch(self.storage, file, states.get(file, ()))
            except DamagedFile as error:
                dropped.append(error)
                for name in files_of_batch(self.storage, file):
                    self._check()
                    self.storage.discard(name)
        return dropped

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

    def kept_states(self) -> dict[str, list[str]]:
        """Files with states by the batch file they belong to, as `StoredTrial.file` names it."""
        return state_files(self.storage)

    def states(self, files: Iterable[str]) -> dict[str, State]:
        """States in these files by trial key."""
        return read_states(self.storage, files)

    def prune_states(self, keep: Collection[str]) -> None:
        """Keep only the states of these trial keys."""
        prune_states(self.storage, set(keep), self._check)

    def sweep(self) -> None:
        """Remove what workers and drivers left that were killed in the middle of a file; call when nobody writes."""
        for folder in ("", "batches"):
            self._check()
            self.storage.sweep(folder)
