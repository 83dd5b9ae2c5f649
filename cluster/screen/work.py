"""The work of a run: what it would do, and how far it is."""

from __future__ import annotations

from dataclasses import asdict

from cluster.rundir.status import RunStatus
from cluster.rundir.surroundings import surroundings
from cluster.screen.text import table_of
from cluster.stages.plan_view import PlanView
from cluster.terminal.screen import Screen, print_json
from cluster.terminal.words import counted
from forecasting.schema import iso

__all__ = ["show_plan", "show_status", "show_surroundings"]


def show_plan(view: PlanView, out: Screen) -> None:
    """Counts, batches and placement of a run that was not started."""
    plan, slots, windows = view.plan, view.slots, view.plan.windows
    members, trials = counted(len(plan.members), "members"), counted(len(plan.trials), "trials")
    cutoffs = ", ".join(iso(w.cutoff) for w in windows.backtest)
    out.say(f"data      {counted(len(view.panel.series), 'series')}, {iso(view.panel.ds[0])} to {iso(view.panel.end)}")
    out.say(f"windows   {len(windows.backtest)} backtest (cutoffs {cutoffs}), final {iso(windows.final.cutoff)}")
    out.say(f"work      {members}, {trials}, {counted(plan.n_fits, 'fits')}")
    out.say(f"          {counted(view.n_reused, 'trials')} will be reused")
    for note in plan.notes:
        out.say(note)
    shared = " on the same CPUs" if slots.shared else ""
    places = f"{counted(slots.workers, 'LSTM workers')}, {counted(slots.tasks, 'tasks')}"
    out.say(f"places    {places}{shared}; {slots.explain()}")
    table = table_of("family", "model", "device", "batches", "fits", "fits a batch", "CPU seconds", "from")
    for group in view.groups:
        counts = (group.n_batches, group.n_fits, group.most_fits, f"{group.seconds:.0f}")
        origin = "the run's timings" if group.is_measured else "a guess"
        table.add_row(*(str(cell) for cell in (group.family, group.model, group.device, *counts, origin)))
    out.print(table)
    out.say(f"about {view.seconds:.0f} s of training on {counted(view.n_places, 'places')}, all busy")


def show_surroundings(out: Screen) -> None:
    """What there is on this machine, a line for each fact when it is known."""
    for name, value in surroundings():
        out.say(f"{name:<10}{value}")
    out.say("next: tidecast plan CONFIG --data PATH, or tidecast plan TABLE: what a run on these data would do")


def show_status(status: RunStatus, out: Screen, as_json: bool) -> None:
    """How far a run is."""
    if as_json:
        print_json(asdict(status))
        return
    owner = f" by {status.owner}" if status.owner else ""
    out.say(f"{status.state}{owner}: {status.done} of {counted(status.planned, 'fits')}")
    table = table_of("family", "done", "planned", "failed trials", "seconds")
    for name, family in status.families.items():
        table.add_row(name, str(family.done), str(family.planned), str(family.failed), f"{family.seconds:.0f}")
    out.print(table)
    for node, batches in sorted(status.nodes.items()):
        out.say(f"  {node}: {counted(batches, 'batches')}")
    for failure in status.failures:
        out.say(f"  failed: {failure}")
