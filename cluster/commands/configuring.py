"""To see the keys of a configuration."""

from __future__ import annotations

from typing import Annotated

import typer

from cluster.commands import completing
from cluster.commands.screens import screens
from cluster.options import SetOption

__all__ = ["config"]


def config(
    config: Annotated[
        str | None,
        typer.Argument(
            metavar="[CONFIG]",
            help="YAML file, the name of a bundled one, or - for a pipe",
            autocompletion=completing.configurations,
        ),
    ] = None,
    set_: SetOption = None,
    every: Annotated[bool, typer.Option("--all", help="every key with its value and meaning")] = False,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="one key: its meaning, default and allowed values",
            autocompletion=completing.keys,
        ),
    ] = None,
) -> None:
    """Say what a configuration sets, and what each key means.

    Without CONFIG: the names of the bundled configurations, the sections and the models; with --all every key and
    every model with its defaults. --key takes a key (windows.n_windows), a section (windows), a model (lstm-direct) or
    a setting of a model (lstm-direct.epochs).
    """
    from cluster.config import load_config
    from cluster.describe import describe, describe_key, differences, overview
    from cluster.inference.which import is_data
    from forecasting.errors import ConfigError

    out, _ = screens()
    if config and is_data(config):
        what = "it is data, and a configuration belongs here"
        raise ConfigError(where=config, what=what, remedy="`tidecast run DATA --save-config FILE` writes one for it")
    found = load_config(config, set_ or ()) if config else None
    if key is not None:
        text = describe_key(key, found, config or "")
    elif every:
        text = describe(found)
    else:
        text = differences(found) if found else overview()
    for line in text.removesuffix("\n").split("\n"):
        out.say(line)
