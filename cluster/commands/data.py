"""To make, check and look at data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from cluster.commands.screens import screens
from cluster.options import AskedOfData, JsonOption, at_home, with_asked

__all__ = ["explore", "sample", "validate"]

NEXT = {
    "company": "tidecast run {directory}/accounts.csv --calendar DE --set data.units=units.csv "
    '--set data.planned=planned.csv --set data.groups=groups.csv --set "data.balance={{EUR: 2000000, USD: 100000}}"',
    "yuebao": "tidecast run demo --data {directory}",
}
"""Kind of a sample → a run on it."""


def sample(
    directory: Annotated[Path, typer.Argument(metavar="DIR", callback=at_home, help="folder to write into")],
    kind: Annotated[str, typer.Option(help="yuebao, funds, ohlcv, accounts, business-accounts or company")] = "yuebao",
    users: Annotated[int | None, typer.Option(min=1, help="users (funds, accounts); default by kind")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="days; default by kind")] = None,
    totals: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=at_home, help="daily totals of all users together"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="seed of the generator")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace files of the same names")] = False,
) -> None:
    """Write synthetic data to try the program on."""
    from cluster.terminal.words import counted
    from forecasting.sample.write import write_sample

    written = write_sample(directory, kind=kind, users=users, days=days, seed=seed, totals=totals, overwrite=overwrite)
    names = ", ".join(path.name for path in written.files)
    out, _ = screens()
    out.say(f"{written.directory}: {names} ({counted(written.rows, 'rows')})")
    if kind in NEXT:
        out.say(f"next: {NEXT[kind].format(directory=quote(str(written.directory)))}")


@with_asked
def validate(asked: AskedOfData, as_json: JsonOption = False) -> None:
    """Say what is wrong with the data, where, and how to fix it.

    Exit code 2 when a run would refuse the data.
    """
    from cluster.inference.which import holds_competition
    from cluster.screen.days import show_checked
    from cluster.stages.checks import check_alone, check_data

    request, path = asked.request(), asked.data
    if asked.config is None and ("://" in path or Path(path).exists()) and not holds_competition(path):
        checked = check_alone(request)
    else:
        config = replace(request, config=asked.config or "yuebao").read_config()
        checked = check_data(config, path, asked.as_of, windows=asked.config is not None)
    show_checked(checked, *screens(), as_json)
    if checked.error is not None:
        raise checked.error


@with_asked
def explore(
    asked: AskedOfData,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", callback=at_home, help="page to write; default explore-NAME.html, none with --json"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the data show, and write it as a page with pictures. Nothing is trained."""
    from cluster.exploration import default_page
    from cluster.exploration import explore as look
    from cluster.screen.days import show_explored

    found = look(asked.request())
    page = html if html is not None or as_json else default_page(asked.data)
    show_explored(found, None if page is None else found.to_html(page), *screens(), as_json)
