"""The run directory: what is done, and every file that comes out.

    run.json                     configuration, data fingerprint, versions, what happened
    batches/<id>.parquet         forecasts of one batch; its metadata hold trials, failures and timings
    batches/<id>.safetensors     states of the final fits (see `forecasting.models.states`), renamed first
    submission.csv …             the results

A trial is finished when its key stands in a batch file. Where two files hold the same key (a batch was cut anew), the
first name counts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cluster.rundir.storage import Storage
from cluster.versions import code_of
from forecasting.errors import StorageError
from forecasting.models.base import State
from forecasting.models.states import pack_states, unpack_states
from forecasting.schema import CUTOFF, DS, UNIQUE_ID, Y_HAT, FloatArray, as_date, as_dates
from forecasting.trial import TrialFailure, TrialOutcome, TrialResult

__all__ = ["BATCH_SCHEMA", "Record", "RunStore"]

BATCH_SCHEMA = 1
"""Version of the layout of a batch file."""
_KEY = b"tidecast"


@dataclass(frozen=True)
class Record:
    """What is stored of one finished trial, without its forecasts: either it has a `reason` of failure or forecasts
    in `file`. `code` is the `code_of` its model, as it was when it was fitted; `failed_series` why single series of a
    trial on many have no forecast.
    """

    trial_key: str
    unique_id: str
    file: str
    seconds: float
    device: str
    reason: str | None
    member_id: str | None = None
    code: Mapping[str, Any] = field(default_factory=dict)
    failed_series: Mapping[str, str] = field(default_factory=dict)


class RunStore:
    """Reads and writes one run directory."""

    def __init__(self, uri: str) -> None:
        self.storage = Storage(uri)

    @property
    def uri(self) -> str:
        return self.storage.uri

    # -- the run as a whole

    def run_facts(self) -> dict[str, Any] | None:
        """What run.json holds, or None where no run began."""
        if not self.storage.exists("run.json"):
            return None
        return self.read_json("run.json")

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the run."""
        try:
            facts: dict[str, Any] = json.loads(self.storage.read(name))
        except ValueError:
            raise StorageError(f"{self.uri}/{name} is not JSON: delete the file and run again") from None
        return facts

    def write_json(self, name: str, facts: Mapping[str, Any]) -> None:
        """A JSON file, readable by people."""
        text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)
        self.storage.write(name, (text + "\n").encode())

    # -- batches

    def write_batch(self, batch_id: str, outcomes: Sequence[TrialOutcome], facts: Mapping[str, Any]) -> None:
        """Store one finished batch: states first, then forecasts, so that a key never stands without its state."""
        results = [o for o in outcomes if isinstance(o, TrialResult)]
        failures = [o for o in outcomes if isinstance(o, TrialFailure)]
        if results:
            self.storage.write(
                f"batches/{batch_id}.safetensors", pack_states({r.trial.trial_key: r.state for r in results})
            )
        metadata = {
            "schema_version": BATCH_SCHEMA,
            **facts,
            "code": code_of(outcomes[0].trial.member.model) if outcomes else {},
            "trials": [
                {
                    "trial_key": r.trial.trial_key,
                    "unique_id": r.trial.unique_id,
                    "member_id": r.trial.member.member_id,
                    "seconds": round(r.seconds, 4),
                    **({"failed_series": dict(r.failed_series)} if r.failed_series else {}),
                }
                for r in results
            ],
            "failures": [
                {
                    "trial_key": f.trial.trial_key,
                    "unique_id": f.trial.unique_id,
                    "member": f.trial.member.name,
                    "reason": f.reason,
                }
                for f in failures
            ],
        }
        table = _forecast_table(results).replace_schema_metadata({_KEY: json.dumps(metadata)})
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        self.storage.write(f"batches/{batch_id}.parquet", sink.getvalue().to_pybytes())

    def records(self) -> dict[str, Record]:
        """Every finished trial by key, read from the files' footers alone."""
        found: dict[str, Record] = {}
        for file in self.storage.names("batches", ".parquet"):
            facts = self._batch_facts(file)
            rows = [*facts["trials"], *facts["failures"]]
            for row in rows:
                record = Record(
                    row["trial_key"],
                    row["unique_id"],
                    file,
                    row.get("seconds", 0.0),
                    facts["device"],
                    row.get("reason"),
                    row.get("member_id"),
                    facts.get("code", {}),
                    row.get("failed_series", {}),
                )
                found.setdefault(record.trial_key, record)
        return found

    def batch_facts(self) -> list[dict[str, Any]]:
        """Statistics of every batch, in order of file names."""
        return [self._batch_facts(file) for file in self.storage.names("batches", ".parquet")]

    def _batch_facts(self, file: str) -> dict[str, Any]:
        try:
            with self.storage.open(file) as source:
                raw = pq.read_metadata(source).metadata
            facts: dict[str, Any] = json.loads(raw[_KEY])
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
            raise StorageError(
                f"{self.uri}/{file} is damaged: delete it and run again, only its trials are trained anew"
            ) from None
        if facts["schema_version"] != BATCH_SCHEMA:
            raise StorageError(
                f"{self.uri}/{file} was written by another version of this program: choose another --run-dir"
            )
        return facts

    def forecasts(self, records: Iterable[Record]) -> dict[tuple[str, str], dict[np.datetime64, FloatArray]]:
        """Forecasts of finished trials: (trial key, unique_id) → cutoff → ``[horizon]``."""
        wanted: dict[str, set[str]] = {}
        for record in records:
            if record.reason is None:
                wanted.setdefault(record.file, set()).add(record.trial_key)
        out: dict[tuple[str, str], dict[np.datetime64, FloatArray]] = {}
        for file, keys in sorted(wanted.items()):
            with self.storage.open(file) as source:
                table = pq.read_table(source)
            _collect(table, keys, out)
        return out

    # -- states

    def states(self, file: str) -> dict[str, State]:
        """States of the final fits of one batch file (as `Record.file` names it), by trial key."""
        return unpack_states(self.storage.read(_state_name(file)))

    def prune_states(self, keep: Collection[str]) -> None:
        """Keep only the states of these trial keys."""
        wanted = set(keep)
        for name in self.storage.names("batches", ".safetensors"):
            states = unpack_states(self.storage.read(name))
            kept = {key: state for key, state in states.items() if key in wanted}
            if not kept:
                self.storage.delete(name)
            elif len(kept) < len(states):
                self.storage.write(name, pack_states(kept))


def _state_name(file: str) -> str:
    return file.removesuffix(".parquet") + ".safetensors"


def _forecast_table(results: Sequence[TrialResult]) -> pa.Table:
    rows = [(r.trial.trial_key, f) for r in results for f in r.forecasts]
    lengths = [len(f.y_hat) for _, f in rows]
    empty = np.empty(0)
    cutoffs = np.repeat(as_dates([f.cutoff for _, f in rows]), lengths)
    steps = np.concatenate([np.arange(1, n + 1) for n in lengths] or [empty.astype(np.int64)])
    return pa.table(
        {
            "trial_key": pa.array(np.repeat([key for key, _ in rows], lengths).tolist(), pa.string()),
            UNIQUE_ID: pa.array(np.repeat([f.unique_id for _, f in rows], lengths).tolist(), pa.string()),
            CUTOFF: pa.array(cutoffs),
            DS: pa.array(cutoffs + steps),
            Y_HAT: pa.array(np.concatenate([f.y_hat for _, f in rows] or [empty])),
        }
    )


def _collect(table: pa.Table, keys: set[str], out: dict[tuple[str, str], dict[np.datetime64, FloatArray]]) -> None:
    """Add the wanted trials' forecasts, which stand in runs of equal key, series and cutoff, in order of days."""
    rows = list(zip(table["trial_key"].to_pylist(), table[UNIQUE_ID].to_pylist(), strict=True))
    cutoffs = as_dates(table[CUTOFF].to_numpy())
    y_hat = table[Y_HAT].to_numpy()
    start = 0
    for i in range(1, len(rows) + 1):
        if i < len(rows) and rows[i] == rows[start] and cutoffs[i] == cutoffs[start]:
            continue
        if rows[start][0] in keys:
            out.setdefault(rows[start], {}).setdefault(as_date(cutoffs[start]), y_hat[start:i])
        start = i
