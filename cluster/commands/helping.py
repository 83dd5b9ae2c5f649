"""Help that ends with examples: the usual order of the commands, and some lines of each to copy.

`typer` wraps an epilog like any text; examples are printed as they stand, so that they can be copied.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

from cluster.commands.screens import screens

__all__ = ["AFTER", "BEFORE", "EXAMPLES", "ORDER", "RUN", "Command", "Commands"]

BEFORE, RUN, AFTER = "Before a run", "Run", "After a run"
"""Panels of the help, in the order in which the commands are used."""
ORDER = (
    ("tidecast run", "the demo, on generated data"),
    ("tidecast validate flows.csv", "what is wrong with the data"),
    ("tidecast explore flows.csv", "what the data show, as a page"),
    ("tidecast plan flows.csv", "what a run would do"),
    ("tidecast run flows.csv --horizon 30", "train, blend and forecast"),
    ("tidecast leaderboard runs/flows", "how good each model was"),
    ("tidecast predict runs/flows --data new.csv", "forecast without training"),
    ("tidecast monitor runs/flows --actuals new.csv", "which days are abnormal"),
)
"""The usual order of the commands: what to type, and what it is for."""
EXAMPLES = {
    "run": (
        "tidecast run",
        "tidecast run flows.csv --horizon 30 --calendar DE",
        "tidecast run yuebao --data DATA --set windows.n_windows=6",
        "tidecast run flows.csv --preset best --save-config flows.yaml",
    ),
    "plan": (
        "tidecast plan",
        "tidecast plan flows.csv",
        "tidecast plan yuebao --data DATA --resources gpus=8,gpu_memory=80",
    ),
    "config": (
        "tidecast config",
        "tidecast config yuebao --all",
        "tidecast config --key windows.n_windows",
        "tidecast config --key lstm-direct.epochs",
    ),
    "sample": ("tidecast sample data", "tidecast sample funds --kind funds --users 20"),
    "validate": ("tidecast validate flows.csv", "tidecast validate DATA --config yuebao --json"),
    "explore": ("tidecast explore flows.csv", "tidecast explore flows.csv --html page.html"),
    "status": ("tidecast status runs/flows --watch",),
    "leaderboard": (
        "tidecast leaderboard runs/flows",
        "tidecast leaderboard runs/flows runs/other --html compared.html",
    ),
    "report": ("tidecast report runs/flows", "tidecast report runs/flows --figures pictures"),
    "evaluate": ("tidecast evaluate runs/flows",),
    "verify": ("tidecast verify runs/flows", "tidecast verify runs/flows --data flows.csv --retrain 0.1"),
    "explain": ("tidecast explain runs/flows", "tidecast explain runs/flows --day 2026-08-21 --series inflow"),
    "scenario": ("tidecast scenario runs/flows scenario.yaml",),
    "predict": ("tidecast predict runs/flows --data new.csv",),
    "monitor": (
        "tidecast monitor runs/flows",
        "tidecast monitor runs/flows --actuals new.csv",
        "tidecast monitor ledger --actuals new.csv --html page.html",
        "tidecast monitor ledger --day 2024-05-02",
    ),
    "backfill": ("tidecast backfill flows.csv --from 2024-01-31 --every month --ledger ledger",),
    "score": ("tidecast score submission.csv actual.csv", "tidecast score submission.csv actual.csv --surrogate wape"),
}
"""Command → lines to copy."""


class Command(TyperCommand):
    """A command whose help ends with its examples."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        paragraphs = (options.get("help") or "").split("\n\n")
        options["help"] = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        super().__init__(*arguments, **options)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, then the examples."""
        super().format_help(ctx, formatter)
        out, _ = screens()
        out.say(" Examples:")
        for line in EXAMPLES.get(self.name or "", ()):
            out.say(f"   {line}")


class Commands(TyperGroup):
    """The program, whose help ends with the usual order of its commands."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, then the usual order."""
        super().format_help(ctx, formatter)
        out, _ = screens()
        out.say(" The usual order:")
        width = max(len(line) for line, _ in ORDER)
        for line, purpose in ORDER:
            out.say(f"   {line:<{width}}  {purpose}")
        out.say(" Each command has examples: tidecast run --help")
