"""batches/<id>.parquet, and <id>.safetensors beside it: a finished batch.

The Parquet file holds the forecasts: trial_key, unique_id, cutoff, y_hat. A JSON header in its metadata says what
the batch was and how each of its trials ended, so the footer alone tells what is finished. The second file holds the
states of the final fits. It is written first, so that no finished trial lacks its state.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cluster.rundir.storage import Storage
from cluster.versions import ModelCode, code_of
from ensembles.files.stored import Stored
from forecasting.errors import StorageError
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
    "prune_states",
    "read_forecasts",
    "read_header",
    "read_states",
    "state_files",
    "write_batch",
]

BATCH_SCHEMA = 1
"""Version of the layout of a batch file."""
FOLDER = "batches"
KEY = b"tidecast"
"""Name of the header in the metadata."""
TRIAL_KEY = "trial_key"
FORECASTS, STATES = ".parquet", ".safetensors"


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
    rows with forecasts (not in those of older programs), `member`, the name, in rows of failures.
    """

    trial_key: str
    unique_id: str
    member_id: str | None = None
    member: str | None = None
    seconds: float = 0.0
    failed_series: Mapping[str, str] = {}
    reason: str | None = None


class BatchHeader(BatchWork):
    """Everything that is stored of a batch, except forecasts and states. `code`: what fitted its trials."""

    schema_version: int = BATCH_SCHEMA
    code: ModelCode = ModelCode()
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
        """JSON. Fields of rows that say nothing are left out, for there can be many rows."""
        head = self.model_dump(mode="json", exclude={"trials", "failures"})
        rows = {
            name: [row.model_dump(mode="json", exclude_defaults=True) for row in found]
            for name, found in (("trials", self.trials), ("failures", self.failures))
        }
        return json.dumps(head | rows).encode()


def _finished(result: TrialResult) -> TrialRow:
    return TrialRow(
        trial_key=result.trial.trial_key,
        unique_id=result.trial.unique_id,
        member_id=result.trial.member.member_id,
        seconds=round(result.seconds, 4),
        failed_series=dict(result.failed_series),
    )


def _failed(failure: TrialFailure) -> TrialRow:
    trial = failure.trial
    return TrialRow(
        trial_key=trial.trial_key, unique_id=trial.unique_id, member=trial.member.name, reason=failure.reason
    )


# -- files


def batch_files(storage: Storage) -> list[str]:
    """Names of the Parquet files of a run's batches, sorted."""
    return storage.names(FOLDER, FORECASTS)


def state_files(storage: Storage) -> list[str]:
    """Names of the Parquet files of those batches whose states are kept, sorted."""
    return [_named(name, FORECASTS) for name in storage.names(FOLDER, STATES)]


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
        storage.write(f"{FOLDER}/{work.batch_id}{STATES}", pack_states(states))
    header = BatchHeader.of(work, outcomes)
    sink = pa.BufferOutputStream()
    pq.write_table(_forecast_table(results).replace_schema_metadata({KEY: header.to_bytes()}), sink)
    storage.write(f"{FOLDER}/{work.batch_id}{FORECASTS}", sink.getvalue().to_pybytes())


def read_header(storage: Storage, file: str) -> BatchHeader:
    """The header of a batch file, read from its footer alone.

    Raises
    ------
    StorageError
        When the file is damaged, or another version of this program wrote it.
    """
    try:
        with storage.open(file) as source:
            facts: dict[str, Any] = json.loads(pq.read_metadata(source).metadata[KEY])
        known = facts["schema_version"] == BATCH_SCHEMA
        header = BatchHeader.model_validate(facts) if known else None
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        raise StorageError(
            f"{storage.uri}/{file} is damaged: delete it and run again, only its trials are trained anew"
        ) from None
    if header is None:
        raise StorageError(
            f"{storage.uri}/{file} was written by another version of this program: choose another --run-dir"
        )
    return header


def read_forecasts(
    storage: Storage, file: str, keys: Collection[str]
) -> Iterator[tuple[str, str, np.datetime64, FloatArray]]:
    """Forecasts of these trials in one batch file: trial key, unique_id, cutoff and y_hat ``[horizon]``."""
    with storage.open(file) as source:
        table = pq.read_table(source)
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


def read_states(storage: Storage, file: str) -> dict[str, State]:
    """States of the final fits of one batch file, by trial key."""
    name = _named(file, STATES)
    return unpack_states(storage.read(name), f"{storage.uri}/{name}")


def prune_states(storage: Storage, keep: Collection[str]) -> None:
    """Delete all states but those of these trial keys."""
    for name in storage.names(FOLDER, STATES):
        states = unpack_states(storage.read(name), f"{storage.uri}/{name}")
        kept = {key: state for key, state in states.items() if key in keep}
        if not kept:
            storage.delete(name)
        elif len(kept) < len(states):
            storage.write(name, pack_states(kept))


def _named(file: str, suffix: str) -> str:
    """The other file of the same batch."""
    return file.rpartition(".")[0] + suffix


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
