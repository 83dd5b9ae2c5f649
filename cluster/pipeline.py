"""The story of a run on one screen: data → plan → train → blend → files.

Everything that can fail for the user's reasons is checked before the run directory is touched.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from cluster.config import RunConfig
from cluster.execution.early import connecting
from cluster.execution.registry import executor_named
from cluster.execution.resources import free_memory
from cluster.execution.worker import limited_threads
from cluster.keys import home
from cluster.plan import Plan, check_memory, check_windows, make_plan
from cluster.request import RunRequest
from cluster.rundir.lease import Lease
from cluster.rundir.run_facts import begin_run
from cluster.rundir.store import RunStore
from cluster.stages.checks import check_device, check_directory, check_timeline, origin_of
from cluster.stages.collect import MemberForecasts, check_failures, collect_forecasts
from cluster.stages.input import load_checked
from cluster.stages.training import train
from cluster.terminal.steps import Steps
from forecasting.data.loaded import Loaded
from forecasting.errors import TooManyFailures
from forecasting.panel import Panel

if TYPE_CHECKING:
    from cluster.stages.finish import RunResult
    from cluster.terminal.screen import Screen

__all__ = ["run_pipeline"]

_READS = {
    False: "reads the data",
    True: "makes up the data of a young money-market fund: purchases and redemptions that grow, and differ by weekday, "
    "holiday and time of the month",
}
"""What is said of data that were given, and of the demo's."""


def run_pipeline(request: RunRequest, err: Screen) -> RunResult:
    """Run everything and write the results.

    Raises
    ------
    UserError
        Bad configuration, data or storage: exit code 2, and no run directory was begun for the first two.
    TooManyFailures
        More trials failed than `run.max_failed_share`: exit code 3; what was trained stays.
    """
    steps = Steps(err)
    started = time.perf_counter()
    executor = executor_named(request.executor)
    with steps.step(f"reads the configuration of {request.config_name}"):
        config = request.read_config()
    check_device(config, executor)
    check_timeline(executor, request.timeline)
    store = RunStore(request.directory)
    with ExitStack() as early:
        connection = early.enter_context(connecting(executor, config))
        with steps.step(_READS[request.is_made_up]), request.data_path() as path:
            data, quality = load_checked(config, path, request.as_of)
            _check_ledger(config, data)
            check_memory(config, data.panel, check_windows(config, data.panel), free_memory())
        before = check_directory(store, data.panel, steps.say)
        # The connection ends before the lease does.
        with Lease(store.storage, steps.say) as lease, store.held_by(lease.check), early.pop_all():
            with steps.step(f"plans the work, and connects to executor {executor.name}"):
                session = connection.session()
                plan = make_plan(config, data.panel, session.device)
            begin_run(store, plan, origin_of(request, data, quality), before)
            for note in (*request.said, *data.said, *plan.notes):
                steps.say(note)
            lost = train(plan, data.panel, store, lease.token, session, err)
            if request.timeline is not None:
                session.write_timeline(request.timeline)
            connection.release()
            store.sweep()
            blends = steps.step("blends the forecasts and writes the results")
            with blends, limited_threads(config.cluster.cpus_per_worker):
                forecasts = collect_forecasts(plan, data.panel, store, lost, data.problems)
                if data.hierarchy is not None:
                    forecasts = forecasts.in_units(data.panel, data.hierarchy.units)
                for note in forecasts.notes:
                    steps.say(note)
                result = _finished(plan, data.panel, forecasts, store, started)
            if config.run.ledger is not None:
                steps.say(_into_ledger(store, config.run.ledger))
            return _with_truth(result) if request.is_made_up else result


def _finished(plan: Plan, panel: Panel, forecasts: MemberForecasts, store: RunStore, started: float) -> RunResult:
    """Blend and write; where too much failed, write what there is."""
    from cluster.stages.finish import blend_and_write, write_failed

    seconds = time.perf_counter() - started
    try:
        check_failures(plan, forecasts)
    except TooManyFailures:
        write_failed(plan, panel, forecasts, store, seconds)
        raise
    return blend_and_write(plan, panel, forecasts, store, seconds)


def _check_ledger(config: RunConfig, data: Loaded) -> None:
    """Raises UserError when the forecast cannot be added to the ledger that the configuration names."""
    if config.run.ledger is not None:
        from cluster.ledger.place import Ledger

        units = data.hierarchy.units if data.hierarchy is not None and config.data.units is not None else {}
        Ledger(home(config.run.ledger)).check_fits(config.data.unit, data.panel.freq, config.data.targets, units)


def _into_ledger(store: RunStore, place: str) -> str:
    """Add the forecast to a ledger; gives what is to be said."""
    from cluster.ledger.issue import add_run

    return add_run(store, home(place)).sentence


def _with_truth(result: RunResult) -> RunResult:
    from cluster.stages.finish import with_truth
    from forecasting.sample.write import truth_of_demo

    return with_truth(result, *truth_of_demo(result.n_days))
