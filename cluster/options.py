"""Options of the command line that several commands share, and what a run is asked for as one object."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from cluster.commands import completing
from cluster.inference.wishes import PRESET_NAMES, Wishes

if TYPE_CHECKING:
    from cluster.ledger.held import Wanted
    from cluster.request import RunRequest

__all__ = [
    "AgainOption",
    "AsOfOption",
    "Asked",
    "AskedOfData",
    "AskedOfLedger",
    "AskedOfPrediction",
    "ConfigOption",
    "ExternalOption",
    "JsonOption",
    "LedgerOption",
    "ResourcesOption",
    "RunDirArgument",
    "SetOption",
    "at_home",
    "with_asked",
]


def at_home(value: Any) -> Any:
    """A path, or several, with ``~`` spelled out, which a shell leaves alone after ``--data=``."""
    if isinstance(value, (list, tuple)):
        return [at_home(one) for one in value]
    if not str(value).startswith("~"):
        return value
    return type(value)(Path(value).expanduser())


SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="override one key, as a.b=c; may be repeated",
        autocompletion=completing.settable,
    ),
]
ConfigOption = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="CONFIG",
        help="configuration of the run; without it, one is inferred",
        autocompletion=completing.configurations,
    ),
]
AsOfOption = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="use the data up to this day only")]
RunDirArgument = Annotated[str, typer.Argument(metavar="RUN_DIR", callback=at_home, help="directory of a run")]
ExternalOption = Annotated[
    bool, typer.Option("--allow-external", help="allow files and URIs outside RUN_DIR that run.json names")
]
AgainOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="use another place for such a file, as data.events=FILE, or read new data in another way, as "
        "data.missing=skip or data.columns.inflow=COLUMN; may be repeated",
    ),
]
LedgerOption = Annotated[
    str | None,
    typer.Option(metavar="PLACE", callback=at_home, help="folder or URI of a ledger, to which the forecast is added"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON; cluster/screen/README.md lists its keys")]
ResourcesOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="gpus=N,gpu_memory=GIB,cpus=N,nodes=N",
        help="machines to plan for instead of this one: per node, GiB of one GPU; may be repeated",
    ),
]
_Calendar = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="holidays of a country (DE), a region (DE-BY), an exchange (XNYS)"),
]
_Target = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="column of a table to forecast; may be repeated")
]
_Unit = Annotated[str | None, typer.Option(metavar="UNIT", help="label of the amounts, such as EUR")]


@dataclass(frozen=True)
class Asked:
    """What a run is asked for; every field is an option of the command."""

    config: Annotated[
        str | None,
        typer.Argument(
            metavar="[CONFIG|DATA]",
            help="a table; or a configuration: a YAML file, the name of a bundled one, or - for a pipe",
            autocompletion=completing.configurations,
        ),
    ] = None
    data: Annotated[str | None, typer.Option(metavar="PATH", help="folder or file with the data")] = None
    run_dir: Annotated[
        str | None, typer.Option(metavar="DIR", help="directory that the run writes or continues; default runs/NAME")
    ] = None
    as_of: AsOfOption = None
    set_: SetOption = None
    horizon: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="days (weeks, work days) to forecast; a table's default is 14"),
    ] = None
    calendar: _Calendar = None
    target: _Target = None
    unit: _Unit = None
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help=f"models to train: {', '.join(PRESET_NAMES)}", autocompletion=completing.presets
        ),
    ] = None
    save_config: Annotated[
        str | None, typer.Option(metavar="FILE", help="write the configuration inferred from a table")
    ] = None
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="seed of all random numbers; default: the configuration's")
    ] = None

    def request(self, executor: str, timeline: Path | None = None) -> RunRequest:
        """The request of a run."""
        from cluster.request import RunRequest

        targets = tuple(self.target or ())
        wishes = Wishes(self.horizon, self.calendar, targets, self.preset, self.unit, self.save_config, self.seed)
        overrides = tuple(self.set_ or ())
        return RunRequest(self.config, self.data, self.run_dir, self.as_of, overrides, executor, timeline, wishes)


@dataclass(frozen=True)
class AskedOfData:
    """What data are looked at, and how they are read; every field is an argument or an option of the command."""

    data: Annotated[str, typer.Argument(metavar="DATA", callback=at_home, help="folder or file with the data")]
    config: ConfigOption = None
    as_of: AsOfOption = None
    set_: SetOption = None
    calendar: _Calendar = None
    target: _Target = None
    unit: _Unit = None

    def request(self) -> RunRequest:
        """The request of a run on these data, which nobody starts."""
        from cluster.request import RunRequest

        wishes = Wishes(None, self.calendar, tuple(self.target or ()), unit=self.unit)
        return RunRequest(self.config, self.data, None, self.as_of, tuple(self.set_ or ()), "local", wishes=wishes)


@dataclass(frozen=True)
class AskedOfPrediction:
    """What a run is to forecast from, and where that goes; every field is an argument or an option of the command."""

    run_dir: RunDirArgument
    data: Annotated[
        str,
        typer.Option("--data", metavar="PATH", callback=at_home, help="new data of the kind the run was trained on"),
    ]
    as_of: AsOfOption = None
    update: Annotated[bool, typer.Option("--update", help="re-estimate levels that were fixed in training")] = False
    out: Annotated[
        str | None,
        typer.Option(metavar="DIR", callback=at_home, help="where to write; default: RUN_DIR/predictions/DATE"),
    ] = None
    ledger: LedgerOption = None


@dataclass(frozen=True)
class AskedOfLedger:
    """What actual values are compared with, and how; every field is an argument or an option of the command."""

    place: Annotated[
        str, typer.Argument(metavar="RUN_DIR|LEDGER", callback=at_home, help="directory of a run, or a ledger")
    ]
    actuals: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            callback=at_home,
            help="new actual values: date and one column per target; default: the backtest's, or those in the ledger",
        ),
    ] = None
    day: Annotated[
        str | None, typer.Option(metavar="DATE", help="show how the forecast of this day changed (a ledger only)")
    ] = None
    series: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="of a ledger: only this series; may be repeated")
    ] = None
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", callback=at_home, help="also write what is shown as an HTML page")
    ] = None
    heads: Annotated[
        bool,
        typer.Option("--heads", help="of a ledger: print its heads, digests to keep elsewhere"),
    ] = False
    kept: Annotated[
        list[str] | None,
        typer.Option(metavar="HEAD", help="of a ledger: check that this head is still there; may be repeated"),
    ] = None

    def wanted(self) -> Wanted:
        """What is wanted of a ledger or a run."""
        from cluster.ledger.held import Wanted

        return Wanted(self.actuals, self.day, tuple(self.series or ()), self.html, self.heads or bool(self.kept))


def with_asked(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose first parameter is one of the classes above, with the fields of that as its own options."""
    first, *own = inspect.signature(command, eval_str=True).parameters.values()
    hints = get_type_hints(first.annotation, include_extras=True)
    names = [field.name for field in fields(first.annotation)]
    kind, empty = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty
    defaults = {field.name: empty if field.default is MISSING else field.default for field in fields(first.annotation)}
    asked = [inspect.Parameter(name, kind, default=defaults[name], annotation=hints[name]) for name in names]

    def run(**given: Any) -> None:
        command(first.annotation(**{name: given.pop(name) for name in names}), **given)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature([*asked, *(one.replace(kind=kind) for one in own)])  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in run.__signature__.parameters.values()}  # type: ignore[attr-defined]
    return run
