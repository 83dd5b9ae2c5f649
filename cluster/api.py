"""The program from Python: run, look, forecast again.

>>> from cluster import api
>>> folder = api.sample("sample", users=100)  # or a path, or a frame with unique_id, ds and y
>>> members = [{"model": "weekday-median"}, {"model": "calendar-level", "level": ["recent", "mean-reverting"]}]
>>> run = api.run({"members": members}, folder, as_of="2014-07-31", executor="local", quiet=True)
>>> run.leaderboard().query("family == 'blend'")["status"].item()
'ok'
>>> august = run.forecast()
>>> list(august.columns), len(august)
(['unique_id', 'ds', 'member', 'y_hat', 'lo_95', 'lo_80', 'hi_80', 'hi_95'], 62)
>>> figure = run.plot("purchase")  # bokeh.plotting.show(figure)
>>> september = run.predict(folder)  # a month more of data, nothing trained
>>> september["ds"].min(), len(september)
(Timestamp('2014-09-01 00:00:00'), 60)

Errors are those of the command line (`forecasting.errors`), with the same sentences.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.config import load_config, parse_config
from cluster.frames import Spelling, file_of, to_frame, to_panel
from cluster.rundir.run_facts import finished_run
from cluster.rundir.store import RunStore
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.oof_parquet import OofFile
from ensembles.files.table import StoredTable
from forecasting.data.spec import DataSpec
from forecasting.errors import ConfigError
from forecasting.models import register
from forecasting.schema import BLEND, CUTOFF, DS, MEMBER, UNIQUE_ID, Y_HAT, Y

if TYPE_CHECKING:
    import pandas as pd

    from cluster.request import RunRequest

__all__ = ["Run", "open_run", "register", "run", "sample", "to_frame", "to_panel"]

FRAME = ("data.kind=panel", "data.entity=null")
"""What a frame means for a configuration."""
IDENTITY = ("entity", "target")


class Run:
    """A finished run: its tables as frames, its picture, and what comes after newer data."""

    def __init__(self, run_dir: str, spelling: Spelling | None = None) -> None:
        self.run_dir = run_dir
        self._store = RunStore(run_dir)
        self._run = finished_run(self._store)
        self._spelling = spelling or Spelling()

    @property
    def _spec(self) -> DataSpec:
        return parse_config(self._run.config, f"{self.run_dir}/run.json").data

    def _frame(self, table: StoredTable, member: str | None) -> pd.DataFrame:
        """A stored table in the convention; of a wide panel, whose ids are made of two names, with both."""
        frame = _frame(table, member)
        return self._spelling.restore(frame if self._spec.entity is not None else frame.drop(columns=list(IDENTITY)))

    @property
    def facts(self) -> dict[str, Any]:
        """Content of run.json."""
        return self._run.model_dump(mode="json")

    def __repr__(self) -> str:
        return f"Run({self.run_dir!r})"

    def leaderboard(self) -> pd.DataFrame:
        """leaderboard.csv: a row per member, candidate and the blend, best first."""
        import pandas as pd

        return pd.read_csv(io.BytesIO(self._store.storage.read("leaderboard.csv")))

    def forecast(self, member: str | None = BLEND) -> pd.DataFrame:
        """unique_id, ds, member, y_hat and the blend's bands of the days after the data; `member` None: of all.

        A wide panel has entity and target as well. After a frame, ids and columns are called as they were there.
        """
        return self._frame(self._store.read(ForecastFile), member)

    def oof(self, member: str | None = BLEND) -> pd.DataFrame:
        """Forecasts of the backtest's days from their cutoffs, with the actual y; `member` None: of all."""
        return self._frame(self._store.read(OofFile), member)

    def predict(
        self,
        data: str | Path | pd.DataFrame,
        *,
        as_of: str | None = None,
        update: bool = False,
        member: str | None = BLEND,
    ) -> pd.DataFrame:
        """What follows newer data, without training, as a frame like `forecast`; see `cluster.stages.prediction`."""
        from cluster.stages.prediction import predict

        spec = self._spec
        if _is_frame(data) and (spec.kind != "panel" or spec.entity is not None):
            raise ConfigError(
                f"{self.run_dir} was run on data of kind {spec.kind}, not on a frame: give a path of that kind"
            )
        with _path_of(data, spec.columns) as (path, spelling):
            made = predict(self.run_dir, path, as_of=as_of, update=update)
            return Run(self.run_dir, spelling or self._spelling)._frame(made.forecast, member)

    def plot(self, unique_id: object = None) -> Any:
        """A Bokeh figure of one series (by default the first): actual days, the blend's backtest, what comes."""
        ahead, oof = (_frame(self._store.read(table), BLEND) for table in (ForecastFile, OofFile))
        uid = ahead[UNIQUE_ID].iloc[0] if unique_id is None else str(unique_id)
        if uid not in set(ahead[UNIQUE_ID]):
            raise ConfigError(
                f"{self.run_dir} forecasts no series {uid}: take one of {', '.join(ahead[UNIQUE_ID].unique())}"
            )
        return _figure(str(uid), oof[oof[UNIQUE_ID] == uid], ahead[ahead[UNIQUE_ID] == uid])


def open_run(run_dir: str | Path) -> Run:
    """A run that is finished.

    Raises
    ------
    StorageError
        When the directory holds none.
    """
    return Run(str(run_dir))


def run(
    config: str | Mapping[str, Any] | None = None,
    data: str | Path | pd.DataFrame | None = None,
    *,
    run_dir: str | None = None,
    as_of: str | None = None,
    overrides: Sequence[str] = (),
    executor: str = "ray",
    quiet: bool = False,
) -> Run:
    """Train, blend, forecast, as `tidecast run`; again in the same directory continues.

    Parameters
    ----------
    config
        A file, the name of a bundled one, or its keys as a dictionary; None: the demo.
    data
        A file or folder, or a long frame (unique_id, ds, y, or what `data.columns` calls them); None: generated data,
        with the demo only.
    run_dir
        By default ``runs/`` and the name of the configuration, ``runs/notebook`` for a dictionary.
    overrides
        Single keys, as ``windows.n_windows=3``.
    executor
        ``ray`` in parallel; ``local`` in this process, which is where models of `register` are known.
    quiet
        Show no progress.

    Raises
    ------
    UserError, TooManyFailures
        As `tidecast run` with exit codes 2 and 3.
    """
    from rich.console import Console

    from cluster.execution.registry import executor_named
    from cluster.pipeline import run_pipeline
    from cluster.request import RunRequest

    with ExitStack() as stack:
        path, spelling, keys = None, None, tuple(overrides)
        if data is not None:
            columns = _columns_of(config, data)
            path, spelling = stack.enter_context(_path_of(data, columns))
            keys = (*FRAME, f"data.columns={json.dumps(columns)}", *overrides) if _is_frame(data) else keys
        name = config if config is None or isinstance(config, str) else stack.enter_context(_written(config))
        request = RunRequest(name, path, run_dir, as_of, keys, executor)
        if not executor_named(executor).in_process:
            _check_models(request)
        return Run(run_pipeline(request, Console(stderr=True, quiet=quiet)).uri, spelling)


def sample(directory: str | Path, *, users: int = 2000, seed: int = 1) -> str:
    """Write a synthetic competition folder, as `tidecast sample`; gives its path."""
    from forecasting.sample.write import write_sample

    write_sample(Path(directory), users=users, seed=seed)
    return str(directory)


def _frame(table: StoredTable, member: str | None) -> pd.DataFrame:
    import pandas as pd

    frame: pd.DataFrame = table.to_arrow().to_pandas(date_as_object=False)
    for column in {DS, CUTOFF} & set(frame.columns):
        frame[column] = pd.to_datetime(frame[column])
    if member is None:
        return frame
    if member not in set(frame[MEMBER]):
        raise ConfigError(f"there is no member {member}: take one of {', '.join(frame[MEMBER].unique())}")
    return frame[frame[MEMBER] == member].reset_index(drop=True)


@contextmanager
def _path_of(data: Any, columns: Mapping[str, str]) -> Iterator[tuple[str, Spelling | None]]:
    """The path of a file, or of a frame written to one with the frame's spelling; `columns` as for `file_of`."""
    if not _is_frame(data):
        yield str(data), None
        return
    with file_of(data, columns) as made:
        yield made


def _columns_of(config: str | Mapping[str, Any] | None, data: Any) -> dict[str, str]:
    """What a configuration calls the columns of a frame, unless it has the names of the convention."""
    if not _is_frame(data):
        return {}
    names = {str(name) for name in getattr(data, "columns", ())}
    usual = {UNIQUE_ID, DS, Y} if {UNIQUE_ID, DS, Y} <= names else set()
    if isinstance(config, Mapping):
        given = (config.get("data") or {}).get("columns") or {}
    else:
        given = load_config(config or "demo").data.columns
    return {ours: theirs for ours, theirs in given.items() if theirs in names and ours not in usual}


def _is_frame(data: Any) -> bool:
    return not (data is None or isinstance(data, (str, Path)))


@contextmanager
def _written(config: Mapping[str, Any]) -> Iterator[str]:
    """A configuration file with these keys."""
    import yaml

    with tempfile.TemporaryDirectory(prefix="tidecast-") as folder:
        path = Path(folder) / "notebook.yaml"
        path.write_text(yaml.safe_dump(dict(config), sort_keys=False))
        yield str(path)


def _check_models(request: RunRequest) -> None:
    """Refuse models that workers in other processes do not know."""
    from forecasting.models.plugins import only_here

    mine = [entry.model for entry in request.read_config().members if only_here(entry.model)]
    if mine:
        raise ConfigError(
            f"model {mine[0]!r} is registered in this process, where {request.executor}'s workers do not see it: "
            "use executor='local', or give its package an entry point in tidecast.models"
        )


def _figure(title: str, oof: pd.DataFrame, ahead: pd.DataFrame) -> Any:
    from bokeh.models import HoverTool
    from bokeh.plotting import figure

    plot: Any = figure(title=title, x_axis_type="datetime", height=320, sizing_mode="stretch_width")
    for level, alpha in ((95, 0.12), (80, 0.2)):
        low, high = ahead[f"lo_{level}"], ahead[f"hi_{level}"]
        if low.notna().all():
            plot.varea(ahead[DS], low, high, fill_color="#2f7fd1", fill_alpha=alpha, legend_label=f"{level}% band")
    plot.line(oof[DS], oof[Y], line_color="#8a8f98", legend_label="actual", name="actual")
    for _, window in oof.groupby(CUTOFF):
        plot.line(window[DS], window[Y_HAT], line_color="#e08a1e", legend_label="blend, from each cutoff", name="blend")
    plot.line(ahead[DS], ahead[Y_HAT], line_color="#2f7fd1", line_width=2.5, legend_label="forecast", name="forecast")
    plot.add_tools(HoverTool(tooltips=[("", "$name"), ("", "@x{%F}"), ("", "@y{0,0}")], formatters={"@x": "datetime"}))
    plot.legend.orientation = "horizontal"
    plot.add_layout(plot.legend[0], "above")
    return plot
