"""The arguments of `cluster.api.run` as the request of a run."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from cluster.config import RunConfig, bundled_configs, bundled_name, load_keys
from cluster.frames import CONVENTION, FrameFile, file_of
from cluster.inference.wishes import Wishes
from cluster.keys import check_bounds, in_text, set_key
from cluster.notebook.spelling import Spelling
from forecasting.errors import ConfigError, DataError
from forecasting.schema import DS

if TYPE_CHECKING:
    from cluster.request import RunRequest

__all__ = ["RunOptions", "in_order", "is_frame", "request", "request_on_data", "texts_of"]

NOTEBOOK = "runs/notebook"
"""Where a run is stored whose configuration or data have no name."""


class RunOptions(TypedDict, total=False):
    """Further options of `run`.

    `unit` is a label of the amounts; `seed` that of all random numbers; `levels` are those of the bands, in percent, as
    the key `bands` of a configuration; `run_dir` where the run is stored, by default ``runs/`` and the name of the
    configuration or the data, ``runs/notebook`` for a dictionary or a frame; `as_of` the last day looked at;
    `overrides` single keys, as ``windows.n_windows=3``; `executor` ``ray`` in parallel, or ``local`` in this process,
    which is where models of `register` are known; `quiet` shows no progress. Progress goes to the logger ``tidecast``
    as INFO where somebody handles that (``logging.basicConfig(level="INFO")``), else to stderr.
    """

    unit: str | None
    levels: Iterable[int] | None
    run_dir: str | Path | None
    as_of: str | dt.date | None
    overrides: str | Iterable[str]
    executor: str
    quiet: bool
    seed: int | None


def in_order(data: Any, config: Any) -> tuple[Any, str | Mapping[str, Any] | None]:
    """Data and configuration; a dictionary of a configuration's keys may also come first.

    Raises
    ------
    ConfigError, DataError
        When one stands where the other belongs.
    """
    if isinstance(data, Mapping) and data.keys() <= RunConfig.model_fields.keys():
        data, config = config, data
    if isinstance(data, Mapping):
        raise DataError("a dictionary is no data frame: give a frame of pandas, polars or pyarrow, or a path")
    if isinstance(config, Path):
        config = str(config)
    if not (config is None or isinstance(config, (str, Mapping))):
        kind = type(config).__name__
        raise ConfigError(f"config is a {kind}: give data first, and a file, a name or a dictionary as config=")
    if isinstance(data, (str, Path)) and _is_config(str(data)):
        raise ConfigError(f"{data} is a configuration, and data come first: write run(config={str(data)!r})")
    return data, config


def _is_config(named: str) -> bool:
    """Whether a text names a configuration and no data."""
    bundled = bundled_name(named) in bundled_configs() and not Path(named).exists()
    return bundled or Path(named).suffix.lower() in (".yaml", ".yml")


def request(
    stack: ExitStack, data: Any, config: str | Mapping[str, Any] | None, wishes: Wishes, options: RunOptions
) -> tuple[RunRequest, Spelling | None]:
    """The request of a run, and the spelling of its frame; what it needs of files goes with the stack."""
    from cluster.execution.registry import executor_named

    asked, written = request_on_data(stack, data, config, wishes, options)
    spelling = None if written is None else written.spelling(asked.read_config().data)
    if not executor_named(asked.executor).in_process:
        _check_models(asked)
    return asked, spelling


def request_on_data(
    stack: ExitStack, data: Any, config: str | Mapping[str, Any] | None, wishes: Wishes, options: RunOptions
) -> tuple[RunRequest, FrameFile | None]:
    """As `request`, with the file of the frame: nothing is read yet."""
    from cluster.request import RunRequest

    run_dir, executor = options.get("run_dir"), options.get("executor", "ray")
    overrides, written = (*_bands(options.get("levels")), *texts_of(options.get("overrides"))), None
    if is_frame(data):
        keys = _keys_of(config, overrides)
        written = stack.enter_context(file_of(data, _date_in(keys)))
        overrides = (*(() if config is None else _kind_of(written, keys)), *overrides)
        run_dir = run_dir or (NOTEBOOK if config is None else None)
    path = None if data is None else str(data) if written is None else written.path
    name = config if config is None or isinstance(config, str) else stack.enter_context(_written(config))
    asked = RunRequest(
        name,
        path,
        None if run_dir is None else str(run_dir),
        options.get("as_of"),
        overrides,
        executor,
        wishes=wishes,
        label=None if written is None else "the frame",
    )
    return asked, written


def texts_of(given: str | Iterable[str] | None) -> tuple[str, ...]:
    """Texts of which somebody may give one alone, or any kind of a list; ConfigError where it is neither."""
    if given is not None and not isinstance(given, Iterable):
        raise ConfigError(f"{given!r} is neither a text nor a list of texts: give one of these")
    return (given,) if isinstance(given, str) else tuple(() if given is None else given)


def _bands(levels: Iterable[int] | None) -> tuple[str, ...]:
    if levels is None:
        return ()
    given = list(levels) if isinstance(levels, Iterable) else levels
    return (f"bands={in_text(_plain(given))}",)


def is_frame(data: Any) -> bool:
    return not (data is None or isinstance(data, (str, Path)))


def _keys_of(config: str | Mapping[str, Any] | None, overrides: Iterable[str]) -> dict[str, Any]:
    """The section `data` of a configuration as it is written, with overrides."""
    if isinstance(config, Mapping):
        check_bounds(config, "the configuration")  # before it is copied
    raw = load_keys(config) if isinstance(config, str) else _plain(config or {})
    for override in overrides:
        if override.strip().startswith("data"):
            set_key(raw, override)
    data = raw.get("data")
    return data if isinstance(data, dict) else {}


def _date_in(keys: Mapping[str, Any]) -> str:
    """What a configuration calls the column of dates."""
    columns = keys.get("columns")
    return str(columns.get(DS, DS)) if isinstance(columns, Mapping) else DS


def _kind_of(written: FrameFile, keys: Mapping[str, Any]) -> tuple[str, ...]:
    """Overrides that say what a frame is: a wide one is what the configuration says, a long one a panel.

    Raises
    ------
    ConfigError
        When the configuration is for the competition's folder alone.
    """
    names, kind = set(written.columns), keys.get("kind")
    usual = set(CONVENTION) <= names
    given = keys.get("columns") or {}
    columns = {ours: theirs for ours, theirs in given.items() if theirs in names and not (usual and ours in CONVENTION)}
    if kind == "table" or keys.get("entity"):
        return ()
    if {columns.get(name, name) for name in CONVENTION} <= names:
        return ("data.kind=panel", "data.entity=null", f"data.columns={in_text(columns)}")
    if kind == "yuebao":
        what = "the configuration is for the competition's folder, and the frame has no unique_id, ds and y"
        raise ConfigError(f"{what}: set data.kind to table or panel")
    return () if kind == "panel" else ("data.kind=table",)


@contextmanager
def _written(config: Mapping[str, Any]) -> Iterator[str]:
    """A configuration file with these keys.

    Raises
    ------
    ConfigError
        When a value is none that a configuration can hold.
    """
    import yaml

    check_bounds(config, "the configuration")  # before it is copied
    try:
        text = yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True)
    except yaml.YAMLError as error:
        raise ConfigError(
            f"config holds a value that is no number, text, list or dictionary ({error.args[0]})"
        ) from None
    with tempfile.TemporaryDirectory(prefix="tidecast-") as folder:
        path = Path(folder) / "notebook.yaml"
        path.write_text(text, encoding="utf-8")
        yield str(path)


def _plain(value: Any) -> Any:
    """A value as YAML has it: numbers of numpy, tuples and paths among the others."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, Path):
        return str(value)
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value


def _check_models(asked: RunRequest) -> None:
    """Refuse models that workers in other processes do not know."""
    from forecasting.models.plugins import only_here

    mine = [entry.model for entry in asked.read_config().members if only_here(entry.model)]
    if mine:
        raise ConfigError(
            f"model {mine[0]!r} is registered in this process, where {asked.executor}'s workers do not see it: "
            "use executor='local', or give its package an entry point in tidecast.models"
        )
