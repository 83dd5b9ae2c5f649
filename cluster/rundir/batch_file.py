"""batches/<id>.<digest>.parquet, and <id>.<digest>.safetensors beside it: a finished batch.

The Parquet file holds the forecasts: trial_key, unique_id, cutoff, y_hat. A JSON header in its metadata says what
the batch was and how each of its trials ended, so the footer alone tells what is finished. The second file holds the
states of the final fits. It is written first, so that no finished trial lacks its state.

The digest in a file's name is that of its content. The header carries one of its own, because it is also read alone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cluster.rundir.storage import Storage
from cluster.versions import ModelCode, code_of
from ensembles.files.stored import Stored
from forecasting.digests import digest_of, seal, unseal
from forecasting.errors import DamagedFile
from forecasting.models.base import State
from forecasting.models.states import pack_states, unpack_states
from forecasting.schema import CUTOFF, UNIQUE_ID, Y_HAT, FloatArray, as_date, as_dates
from forecasting.trial import TrialFailure, TrialOutcome, TrialResult

__all__ = [
    "BATCH_SCHEMA",
    "BatchHeader",
    "BatchWork",
    "TrialRow",
    "batch_files",
    "batch_id_of",
    "check_batch",
    "files_of_batch",
    "find_batch",
    "prune_states",
    "read_forecasts",
    "read_header",
    "read_states",
    "state_files",
    "write_batch",
]

BATCH_SCHEMA = 2
"""Version of the layout of a batch file."""
FOLDER = "batches"
KEY = b"tidecast"
"""Name of the header in the metadata."""
TRIAL_KEY = "trial_key"
FORECASTS, STATES = ".parquet", ".safetensors"
REMEDY = "run the same command again, which trains only its trials anew"


class BatchWork(Stored):
    """What a batch was, where it ran and what that took.

    `wait_seconds`: how long its long-lived worker had been idle. `epochs` and `loss`: means over the final fits of
    trials that train by epochs; the loss is that of the last epoch, in the model's own unit.
    """

    batch_id: str
    family: str
    model: str
    n_trials: int
    n_fits: int
    device: str
    node: str
    log: str
    train_seconds: float
    peak_memory_mb: int
    wait_seconds: float = 0.0
    epochs: float | None = None
    loss: float | None = None


class TrialRow(Stored):
    """How one trial ended: with forecasts, or with a `reason` of failure.

    `failed_series`: unique_id → why there is no forecast, for single series of a trial on many. `member_id` stands in
    rows with forecasts, `member`, the name, in rows of failures. `warnings`: of libraries, by category.
    """

    trial_key: str
    unique_id: str
    member_id: str | None = None
    member: str | None = None
    seconds: float = 0.0
    failed_series: Mapping[str, str] = {}
    warnings: Mapping[str, int] = {}
    reason: str | None = None


class BatchHeader(BatchWork):
    """Everything that is stored of a batch, except forecasts and states. `code`: what fitted its trials."""

    schema_version: int = BATCH_SCHEMA
    code: ModelCode
    trials: tuple[TrialRow, ...]
    failures: tuple[TrialRow, ...]

    @classmethod
    def of(cls, work: BatchWork, outcomes: Sequence[TrialOutcome]) -> BatchHeader:
        """The header of a batch that has just been computed."""
        return cls(
            **dict(work),
            code=code_of(work.model),
            trials=tuple(_finished(o) for o in outcomes if isinstance(o, TrialResult)),
            failures=tuple(_failed(o) for o in outcomes if isinstance(o, TrialFailure)),
        )

    def to_bytes(self) -> bytes:
        """JSON with its digest. Fields of rows that say nothing are left out, for there can be many rows."""
        head = self.model_dump(mode="json", exclude={"trials", "failures"})
        rows = {
            name: [row.model_dump(mode="json", exclude_defaults=True) for row in found]
            for name, found in (("trials", self.trials), ("failures", self.failures))
        }
        return seal(json.dumps(head | rows).encode() + b"\n", BatchHeader.__name__)


def _finished(result: TrialResult) -> TrialRow:
    return TrialRow(
        trial_key=result.trial.trial_key,
        unique_id=result.trial.unique_id,
        member_id=result.trial.member.member_id,
        seconds=round(result.seconds, 4),
        failed_series=dict(result.failed_series),
        warnings=dict(result.warnings),
    )


def _failed(failure: TrialFailure) -> TrialRow:
    trial = failure.trial
    return TrialRow(
        trial_key=trial.trial_key, unique_id=trial.unique_id, member=trial.member.name, reason=failure.reason
    )


# -- files


def batch_files(storage: Storage) -> list[str]:
    """Names of the Parquet files of a run's batches, sorted; of equal batches (two workers finished it) the first."""
    first: dict[str, str] = {}
    for name in storage.names(FOLDER, FORECASTS):
        first.setdefault(batch_id_of(name), name)
    return list(first.values())


def state_files(storage: Storage) -> dict[str, list[str]]:
    """The files with states of each batch that keeps any, by the name of its Parquet file, sorted.

    A batch has one, unless a worker or a driver was killed between two steps.
    """
    names: dict[str, list[str]] = defaultdict(list)
    for name in storage.names(FOLDER, STATES):
        names[batch_id_of(name)].append(name)
    return {file: names[batch_id_of(file)] for file in batch_files(storage) if batch_id_of(file) in names}


def files_of_batch(storage: Storage, file: str) -> list[str]:
    """Every file of the batch that this one belongs to: several, when two workers finished it.

    Forecasts come first: deleted in this order, no finished trial lacks its state.
    """
    same = [storage.names(FOLDER, suffix) for suffix in (FORECASTS, STATES)]
    return [name for names in same for name in names if batch_id_of(name) == batch_id_of(file)]


def write_batch(storage: Storage, work: BatchWork, outcomes: Sequence[TrialOutcome]) -> None:
    """Store a finished batch.

    Raises
    ------
    StorageError
        When the run directory cannot be written.
    """
    results = [outcome for outcome in outcomes if isinstance(outcome, TrialResult)]
    if results:
        states = {result.trial.trial_key: result.state for result in results}
        _write(storage, work.batch_id, STATES, pack_states(states))
    header = BatchHeader.of(work, outcomes)
    sink = pa.BufferOutputStream()
    pq.write_table(_forecast_table(results).replace_schema_metadata({KEY: header.to_bytes()}), sink)
    _write(storage, work.batch_id, FORECASTS, sink.getvalue().to_pybytes())


def read_header(storage: Storage, file: str) -> BatchHeader:
    """The header of a batch file, read from its footer alone.

    Raises
    ------
    DamagedFile
        When the file is not as it was written.
    """
    with storage.open(file) as source:
        return _header(storage, file, source)


def _header(storage: Storage, file: str, source: pa.NativeFile) -> BatchHeader:
    try:
        facts = unseal(pq.read_metadata(source).metadata[KEY], BatchHeader.__name__)
        header = None if facts is None else BatchHeader.model_validate_json(facts)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        header = None
    if header is None or header.schema_version != BATCH_SCHEMA or header.batch_id != batch_id_of(file):
        raise DamagedFile(f"{storage.uri}/{file}", "its header and its digest do not agree", REMEDY)
    return header


def check_batch(storage: Storage, file: str, states: Sequence[str]) -> BatchHeader:
    """Read every byte of a batch and of its files with states; gives its header.

    Raises
    ------
    DamagedFile
        When they are not as they were written.
    """
    data = _read(storage, file)
    for name in states:
        _read(storage, name)
    return _header(storage, file, pa.BufferReader(data))


def find_batch(storage: Storage, batch_id: str) -> BatchHeader | None:
    """The header of a batch that is stored whole, or None."""
    file = next((file for file in batch_files(storage) if batch_id_of(file) == batch_id), None)
    if file is not None:
        with suppress(DamagedFile):
            return check_batch(storage, file, state_files(storage).get(file, ()))
    return None


def read_forecasts(
    storage: Storage, file: str, keys: Collection[str]
) -> Iterator[tuple[str, str, np.datetime64, FloatArray]]:
    """Forecasts of these trials in one batch file: trial key, unique_id, cutoff and y_hat ``[horizon]``.

    Raises
    ------
    DamagedFile
        When the file is not as it was written.
    """
    table = pq.read_table(pa.BufferReader(_read(storage, file)))
    units = list(zip(table[TRIAL_KEY].to_pylist(), table[UNIQUE_ID].to_pylist(), strict=True))
    cutoffs = as_dates(table[CUTOFF].to_numpy())
    y_hat = table[Y_HAT].to_numpy()
    start = 0  # of rows with equal key, series and cutoff, which stand together in the order of days
    for i in range(1, len(units) + 1):
        if i < len(units) and units[i] == units[start] and cutoffs[i] == cutoffs[start]:
            continue
        key, unique_id = units[start]
        if key in keys:
            yield key, unique_id, as_date(cutoffs[start]), y_hat[start:i]
        start = i


def read_states(storage: Storage, files: Iterable[str]) -> dict[str, State]:
    """States of final fits in these files, by trial key.

    Raises
    ------
    DamagedFile
        When they are not as they were written.
    """
    states: dict[str, State] = {}
    for name in files:
        states |= unpack_states(_read(storage, name), f"{storage.uri}/{name}")
    return states


def prune_states(storage: Storage, keep: Collection[str], check: Callable[[], None] = lambda: None) -> None:
    """Delete all states but those of these trial keys, and those of batches that were never finished.

    `check` is called before a file goes, and raises where it must not.
    """
    used = {name for names in state_files(storage).values() for name in names}
    for name in storage.names(FOLDER, STATES):
        if name in used:
            states = unpack_states(_read(storage, name), f"{storage.uri}/{name}")
            kept = {key: state for key, state in states.items() if key in keep}
            if len(kept) == len(states):
                continue
            if kept:
                _write(storage, batch_id_of(name), STATES, pack_states(kept))
        check()
        storage.delete(name)


def _write(storage: Storage, batch_id: str, suffix: str, data: bytes) -> None:
    storage.write(f"{FOLDER}/{batch_id}.{digest_of(data)}{suffix}", data)


def _read(storage: Storage, name: str) -> bytes:
    """A file whose name holds its digest."""
    data = storage.read(name)
    if name.split(".")[-2] != digest_of(data):
        raise DamagedFile(f"{storage.uri}/{name}", "its content and the digest in its name do not agree", REMEDY)
    return data


def batch_id_of(name: str) -> str:
    """The batch that a file of this name belongs to."""
    return name.rpartition("/")[2].partition(".")[0]


def _forecast_table(results: Sequence[TrialResult]) -> pa.Table:
    rows = [(r.trial.trial_key, f) for r in results for f in r.forecasts]
    lengths = [len(f.y_hat) for _, f in rows]
    empty = np.empty(0)
    return pa.table(
        {
            TRIAL_KEY: pa.array(np.repeat([key for key, _ in rows], lengths).tolist(), pa.string()),
            UNIQUE_ID: pa.array(np.repeat([f.unique_id for _, f in rows], lengths).tolist(), pa.string()),
            CUTOFF: pa.array(np.repeat(as_dates([f.cutoff for _, f in rows]), lengths)),
            Y_HAT: pa.array(np.concatenate([f.y_hat for _, f in rows] or [empty])),
        }
    )
