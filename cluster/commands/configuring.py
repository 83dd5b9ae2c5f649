"""To see the keys of a configuration."""

from __future__ import annotations

from typing import Annotated

import typer

from cluster.commands.screens import screens
from cluster.options import SetOption

__all__ = ["config"]


def config(
    config: Annotated[
        str | None, typer.Argument(metavar="[CONFIG]", help="YAML file, the name of a bundled one, or - for a pipe")
    ] = None,
    set_: SetOption = None,
) -> None:
    """Print every key of a configuration with its value and meaning; without CONFIG the defaults and all models."""
    from cluster.config import load_config
    from cluster.describe import describe

    out, _ = screens()
    text = describe(load_config(config, set_ or ()) if config else None)
    for line in text.removesuffix("\n").split("\n"):
        out.say(line)
