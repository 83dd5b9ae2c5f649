import pytest

from cluster.config import parse_config
from cluster.execution.executors import local
from cluster.execution.registry import executor_named
from cluster.execution.resources import ClusterResources, Node
from cluster.plan import Batch
from forecasting.trial import Member, Trial
from tests.cluster.batches import report_of

CONFIG = parse_config({"members": [{"model": "seasonal-naive"}], "cluster": {"device": "cuda"}}, "x")


def batch(*names):
    member = Member("seasonal-naive", {"season_length": 7}, 0, "seasonal-naive", "naive")
    return Batch(tuple(Trial(member, name, name) for name in names), 3 * len(names), "cpu", False, 1.0)


@pytest.fixture
def run(monkeypatch):
    """Run batches; those with more than `most` trials, or with the trial "huge", do not fit into memory."""

    def run(batches, most=9):
        def work(batch, context, device):
            keys = [trial.trial_key for trial in batch.trials]
            if len(keys) > most or "huge" in keys:
                raise MemoryError
            return report_of(batch.batch_id, n_trials=len(keys))

        monkeypatch.setattr(local, "work", work)
        monkeypatch.setattr(local, "local_resources", lambda config: ClusterResources((Node(2, 1, 80 << 30),)))
        reports = []
        with executor_named("local").connect(CONFIG) as session:
            assert session.device == "cuda"
            assert (session.slots.workers, session.slots.gpus_per_worker) == (1, 1.0)
            return reports, session.run(batches, None, reports.append)

    return run


def test_batches_run_in_order(run):
    batches = [batch("a"), batch("b", "c")]
    reports, lost = run(batches)
    assert [r.batch_id for r in reports] == [b.batch_id for b in batches]
    assert lost == []


def test_a_batch_too_large_for_memory_is_split(run):
    reports, lost = run([batch("a", "b", "c", "d")], most=1)
    assert [r.n_trials for r in reports] == [1, 1, 1, 1]
    assert lost == []


def test_what_cannot_be_split_is_given_up(run):
    reports, lost = run([batch("a", "huge")])
    assert len(reports) == 1
    assert [(gone.batch.trials[0].trial_key, gone.reason) for gone in lost] == [("huge", "it ran out of memory")]
