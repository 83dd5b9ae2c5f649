"""The work of a run: what it would do, and how far it is."""

from __future__ import annotations

from dataclasses import asdict

from rich.console import Console

from cluster.rundir.status import RunStatus
from cluster.screen.text import print_json, say, table_of
from cluster.stages.plan_view import PlanView
from forecasting.schema import iso

__all__ = ["show_plan", "show_status"]


def show_plan(view: PlanView, out: Console) -> None:
    """Counts, batches and placement of a run that was not started."""
    plan, slots, windows = view.plan, view.slots, view.plan.windows
    cutoffs = ", ".join(iso(w.cutoff) for w in windows.backtest)
    say(out, f"data      {len(view.panel.series)} series, {iso(view.panel.ds[0])} to {iso(view.panel.end)}")
    say(out, f"windows   {len(windows.backtest)} backtest (cutoffs {cutoffs}), final {iso(windows.final.cutoff)}")
    say(out, f"work      {len(plan.members)} members, {len(plan.trials)} trials, {plan.n_fits} fits")
    say(out, f"          {view.n_reused} trials are finished and will be reused")
    for note in plan.notes:
        say(out, note)
    shared = " on the same CPUs" if slots.shared else ""
    say(out, f"places    {slots.workers} LSTM workers, {slots.tasks} tasks{shared}; {slots.explain()}")
    table = table_of("family", "model", "device", "batches", "fits", "fits a batch", "CPU seconds", "from")
    for group in view.groups:
        counts = (group.n_batches, group.n_fits, group.most_fits, f"{group.seconds:.0f}")
        origin = "the run's timings" if group.is_measured else "a guess"
        table.add_row(*(str(cell) for cell in (group.family, group.model, group.device, *counts, origin)))
    out.print(table)
    say(out, f"about {view.seconds:.0f} s of training with all {view.n_places} places busy")


def show_status(status: RunStatus, out: Console, as_json: bool) -> None:
    """How far a run is."""
    if as_json:
        print_json(asdict(status))
        return
    owner = f" by {status.owner}" if status.owner else ""
    say(out, f"{status.state}{owner}: {status.done} of {status.planned} fits")
    table = table_of("family", "done", "planned", "failed trials", "seconds")
    for name, family in status.families.items():
        table.add_row(name, str(family.done), str(family.planned), str(family.failed), f"{family.seconds:.0f}")
    out.print(table)
    for node, batches in sorted(status.nodes.items()):
        say(out, f"  {node}: {batches} batches")
    for failure in status.failures:
        say(out, f"  failed: {failure}")
