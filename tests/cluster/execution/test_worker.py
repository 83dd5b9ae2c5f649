"""A batch on a worker: what is told of it, in its file and on the terminal."""

import io
import json
from dataclasses import replace
from typing import ClassVar

import pyarrow.parquet as pq
import pytest

from cluster.config import parse_config
from cluster.cutting.batches import cut_batches
from cluster.execution.progress import RunProgress
from cluster.execution.remaining import Lane, Piece
from cluster.execution.worker import WorkContext, warm_up, work
from cluster.plan import make_plan
from cluster.rundir.lease import Lease
from cluster.rundir.store import RunStore
from cluster.terminal.screen import Screen
from forecasting.errors import StorageError
from forecasting.testing import make_panel

MEMBERS = [{"model": "weekday-mean"}, {"model": "lstm-direct", "input_size": 7, "hidden_size": 4, "epochs": 3}]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    panel = make_panel()
    plan = make_plan(parse_config({"windows": {"n_windows": 1}, "members": MEMBERS}, "x"), panel, "cpu")
    with Lease(RunStore(str(folder)).storage, print) as lease:
        context = WorkContext(panel, plan.windows, 1, str(folder), lease.token, 1)
        found = {b.family: work(b, context, "cpu", waited=1.5) for b in cut_batches(plan, plan.trials)}
    return folder, found


def test_a_batch_tells_its_epochs_and_loss(reports):
    folder, found = reports
    assert found["lstm"].epochs == 3
    assert 0 < found["lstm"].loss < 10
    assert (found["naive"].epochs, found["naive"].loss) == (None, None)
    (file,) = (folder / "batches").glob(f"{found['lstm'].batch_id}.*.parquet")
    metadata = pq.read_schema(file).metadata
    stored = json.loads(metadata[b"tidecast"])
    assert (stored["wait_seconds"], stored["epochs"], stored["loss"]) == (1.5, 3, found["lstm"].loss)
    assert stored["train_seconds"] > 0


def test_a_batch_that_a_dead_worker_stored_is_not_trained_again(tmp_path, monkeypatch):
    panel = make_panel()
    plan = make_plan(parse_config({"windows": {"n_windows": 1}, "members": MEMBERS}, "x"), panel, "cpu")
    with Lease(RunStore(str(tmp_path)).storage, print) as lease:
        context = WorkContext(panel, plan.windows, 1, str(tmp_path), lease.token, 1)
        batches = [replace(batch, again=True) for batch in cut_batches(plan, plan.trials)]
        first = [work(batch, context, "cpu") for batch in batches]  # nothing is stored yet: each is trained
        monkeypatch.setattr("cluster.execution.worker.run_trials", None)
        second = [work(batch, context, "cpu") for batch in batches]
        assert second == [report.model_copy(update={"write_seconds": 0.0}) for report in first]
        for path in (tmp_path / "batches").glob("*.parquet"):
            path.write_bytes(b"damaged")
        with pytest.raises(TypeError):
            work(batches[0], context, "cpu")


def test_a_terminal_shows_fits_epochs_and_loss(reports):
    _, found = reports
    screen = io.StringIO()
    terminal = Screen(file=screen, force_terminal=True, width=160)
    with RunProgress({"naive": 4, "lstm": 4}, lanes(found), terminal) as progress:
        for report in found.values():
            progress.add(report)
    assert f"3 epochs, loss {found['lstm'].loss:.3g}" in screen.getvalue()
    assert "4/4" in screen.getvalue()
    assert progress.left() == "0 s left"
    assert screen.getvalue().endswith("tidecast: 8 of 8 fits trained in 0 s\n")


def test_a_pipe_gets_a_line_now_and_then_and_one_at_the_end(reports, monkeypatch):
    _, found = reports
    screen = io.StringIO()
    monkeypatch.setattr("cluster.execution.progress.LINE_SECONDS", 0.0)
    with RunProgress({"naive": 4, "lstm": 4}, lanes(found), Screen(file=screen)) as progress:
        progress.add(found["naive"])
    first, last = screen.getvalue().splitlines()
    assert first.startswith("tidecast: 4 of 8 fits trained, ")
    assert first.endswith(" s left")
    assert last == "tidecast: 4 of 8 fits trained in 0 s"


def lanes(reports):
    return [Lane(tuple(Piece(report.batch_id, report.model, 1.0) for report in reports.values()), 1)]


class Warm:
    asked: ClassVar[list[str]] = []

    @classmethod
    def warm_up(cls, device):
        cls.asked.append(device)
        raise RuntimeError("a batch will say so")


def test_models_are_asked_how_they_warm_up(monkeypatch):
    models = {"warm": Warm, "cold": object}
    monkeypatch.setattr("cluster.execution.worker.model_type", models.__getitem__)
    warm_up("cuda:0", ("cold", "unknown", "warm"))
    assert Warm.asked == ["cuda:0"]


def test_nothing_is_stored_for_a_driver_that_lost_its_lease(tmp_path):
    panel = make_panel()
    plan = make_plan(parse_config({"windows": {"n_windows": 1}, "members": MEMBERS[:1]}, "x"), panel, "cpu")
    store = RunStore(str(tmp_path))
    context = WorkContext(panel, plan.windows, 1, str(tmp_path), "displaced", 1)
    with Lease(store.storage, print), pytest.raises(StorageError, match="is no longer this run's"):
        work(cut_batches(plan, plan.trials)[0], context, "cpu")
    assert not store.headers()


def test_threads_are_at_most_the_cores(monkeypatch):
    from cluster.execution import worker

    monkeypatch.setattr(worker, "usable_cores", lambda: 4)
    assert [worker.usable_threads(n) for n in (1, 4, 1_000_000)] == [1, 4, 4]
