"""Batches as tests need them: what a worker would say of one."""

from cluster.rundir.batch_file import BatchWork
from cluster.rundir.events_file import BatchReport

WORK = {
    "batch_id": "b1",
    "family": "naive",
    "model": "seasonal-naive",
    "n_trials": 1,
    "n_fits": 3,
    "device": "cpu",
    "node": "here:1",
    "log": "the driver's output",
    "train_seconds": 0.5,
    "peak_memory_mb": 300,
}


def work_of(batch_id="b1", **changes):
    return BatchWork(**WORK | {"batch_id": batch_id} | changes)


def report_of(batch_id="b1", failures=(), **changes):
    return BatchReport(**WORK | {"batch_id": batch_id} | changes, failures=failures, write_seconds=0.01)
