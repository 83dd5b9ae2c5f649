"""The work of a run: what it would do, and how far it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from cluster.cutting.schedule import Outlook
from cluster.execution.resources import Node, Slots
from cluster.rundir.status import RunStatus
from cluster.rundir.surroundings import surroundings
from cluster.screen.text import is_narrow, table_of
from cluster.stages.plan_view import PlanView
from cluster.terminal.screen import Screen, print_json
from cluster.terminal.words import counted
from forecasting.schema import iso

__all__ = ["show_plan", "show_status", "show_surroundings"]


def show_plan(view: PlanView, out: Screen, as_json: bool = False) -> None:
    """Counts, batches and placement of a run that was not started."""
    if as_json:
        print_json(_plan_json(view))
        return
    plan, slots, windows = view.plan, view.slots, view.plan.windows
    members, trials = counted(len(plan.members), "members"), counted(len(plan.trials), "trials")
    cutoffs = ", ".join(iso(w.cutoff) for w in windows.backtest)
    out.say(f"data      {counted(len(view.panel.series), 'series')}, {iso(view.panel.ds[0])} to {iso(view.panel.end)}")
    out.say(f"windows   {len(windows.backtest)} backtest (cutoffs {cutoffs}), final {iso(windows.final.cutoff)}")
    out.say(f"work      {members}, {trials}, {counted(plan.n_fits, 'fits')}")
    out.say(f"          {counted(view.n_reused, 'trials')} will be reused")
    for note in plan.notes:
        out.say(note)
    if view.note is not None:
        out.say(view.note)
    places = f"{counted(slots.workers, 'LSTM workers')}, {counted(slots.tasks, 'tasks')}"
    out.say(f"places    {counted(slots.workers, 'workers') if slots.shared else places}; {slots.explain()}")
    for node, n in Counter(slots.resources.nodes).items() if len(slots.resources.nodes) > 1 else ():
        out.say(f"          {_nodes(node, n, slots)}")
    names = ("model", "device", "batches", "fits", "fits a batch", "seconds", "from")
    shown = names if is_narrow(out.width) else ("family", *names)
    table = table_of(*shown, whole=("model", "batches", "fits", "seconds"))
    for group in view.groups:
        counts = (group.n_batches, group.n_fits, group.most_fits, f"{group.seconds:.0f}")
        origin = "the run's timings" if group.is_measured else "a guess"
        cells = (group.family, group.model, group.device, *counts, origin)
        table.add_row(*(str(cell) for cell in cells[-len(shown) :]))
    out.print(table)
    if not slots.shared:
        out.say(f"workers   {_outlook(view.workers)}")
        out.say(f"tasks     {_outlook(view.tasks)}")
    if view.gpu_memory is not None:
        held, share = view.gpu_memory / 2**30, (slots.gpu_memory or 0) / 2**30
        out.say(f"memory    {held:.1f} GiB for the largest batch on a GPU, of {share:.1f} that a worker's share holds")
    bound = f"at best {view.lower_bound:.0f} s, however it is split into batches"
    out.say(f"about {view.seconds:.0f} s of training on {counted(slots.n_places, 'places')}; {bound}")


def _plan_json(view: PlanView) -> dict[str, Any]:
    """What the lines of a plan say, as plain values; README.md of this folder lists them."""
    plan, slots, windows = view.plan, view.slots, view.plan.windows
    return {
        "series": len(view.panel.series),
        "start": iso(view.panel.ds[0]),
        "end": iso(view.panel.end),
        "cutoffs": [iso(window.cutoff) for window in windows.backtest],
        "final_cutoff": iso(windows.final.cutoff),
        "members": len(plan.members),
        "trials": len(plan.trials),
        "fits": plan.n_fits,
        "reused_trials": view.n_reused,
        "notes": [*plan.notes, *([view.note] if view.note is not None else [])],
        "workers": slots.workers,
        "tasks": slots.tasks,
        "shared": slots.shared,
        "groups": [asdict(group) for group in view.groups],
        "gpu_memory": view.gpu_memory,
        "seconds": view.seconds,
        "lower_bound": view.lower_bound,
    }


def _nodes(node: Node, n: int, slots: Slots) -> str:
    """Machines of one kind, and the workers each of them has room for."""
    memory = "" if node.gpu_memory is None else f" of {node.gpu_memory / 2**30:g} GiB"
    workers = node.workers(slots.cpus_per_worker, slots.gpus_per_worker)
    return (
        f"{counted(n, 'nodes')} with {counted(node.cpus, 'CPUs')} and {node.gpus:g} GPU{memory}: room for "
        f"{counted(workers, 'LSTM workers')} on each"
    )


def _outlook(outlook: Outlook) -> str:
    """When places end, what each of them gets, and how even that is."""
    counts = [load.n_batches for load in outlook.loads if load.n_batches]
    each = "none" if not counts else f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else f"{counts[0]}"
    return (
        f"{counted(sum(counts), 'batches')}: {len(counts)} of {counted(len(outlook.loads), 'places')} in use, {each} "
        f"on each; the last ends after {outlook.seconds:.0f} s, the mean after {outlook.mean:.0f} s; at best "
        f"{outlook.lower_bound:.0f} s"
    )


def show_surroundings(out: Screen, as_json: bool) -> None:
    """What there is on this machine, a line for each fact when it is known."""
    if as_json:
        print_json({"surroundings": dict(surroundings())})
        return
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
