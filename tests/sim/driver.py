"""A virtual driver: the story of `cluster.pipeline.run_pipeline`, without reading data and without the blend.

Lease, run.json, training, sweep, collecting and pruning are the real ones. The result file holds the bytes of all
forecasts that would be blended.
"""

from __future__ import annotations

import io

import numpy as np

from cluster.plan import Plan
from cluster.rundir.lease import Lease
from cluster.rundir.run_facts import begin_run, end_run, find_run
from cluster.rundir.store import RunStore
from cluster.stages.collect import MemberForecasts, collect_forecasts
from cluster.stages.training import train
from cluster.terminal.screen import Screen
from forecasting.errors import UserError
from tests.sim.cluster import Grid, VirtualSession
from tests.sim.ledger import Life
from tests.sim.work import ORIGIN, PANEL, kept

__all__ = ["DONE", "FOLDER", "RESULT", "drive"]

FOLDER, RESULT, DONE = "/run", "result.bin", "done"


def drive(grid: Grid, life: Life, plan: Plan) -> None:
    """One command `tidecast run`; its sentence, or `DONE`, becomes the life's outcome."""
    try:
        life.outcome = _run(grid, life, plan)
    except UserError as error:
        life.outcome = str(error)
    life.ended = grid.world.now
    grid.world.say(f"ends: {life.outcome}")


def _run(grid: Grid, life: Life, plan: Plan) -> str:
    store = RunStore(FOLDER)
    before = find_run(store)
    with (
        Lease(store.storage, grid.world.say, machine=life.program.machine) as lease,
        store.held_by(lease.check),
    ):
        begin_run(store, plan, ORIGIN, before)
        screen, machine = Screen(file=io.StringIO()), life.program.machine
        lost = train(plan, PANEL, store, lease.token, VirtualSession(grid, life), screen, machine)
        store.sweep()
        forecasts = collect_forecasts(plan, PANEL, store, lost)
        if lost:
            return "batches were given up"
        store.prune_states(kept(plan))
        store.write_result(RESULT, _content(forecasts))
        end_run(store, "done", trials=len(plan.trials), failed=forecasts.n_failed, reproducible=True, seconds={})
    return DONE


def _content(forecasts: MemberForecasts) -> bytes:
    """All bytes that depend on the forecasts."""
    parts = [forecasts.cubes[target].y_hat for target in sorted(forecasts.cubes)]
    parts += [forecasts.final[target] for target in sorted(forecasts.final)]
    text = "\n".join((*forecasts.cubes, *forecasts.reasons, *(failure.reason for failure in forecasts.failures)))
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts) + text.encode()
