"""The program from Python: run, look, forecast again.

>>> from cluster import api
>>> folder = api.sample("sample", users=100)  # or a path, or a frame of pandas, polars or pyarrow
>>> members = [{"model": "weekday-median"}, {"model": "calendar-level", "level": ["recent", "mean-reverting"]}]
>>> run = api.run(folder, {"members": members}, as_of="2014-07-31", executor="local", quiet=True)
>>> run.leaderboard().query("family == 'blend'")["status"].item()
'ok'
>>> august = run.forecast()
>>> list(august.columns), len(august)
(['unique_id', 'ds', 'member', 'y_hat', 'q025', 'q10', 'q50', 'q90', 'q975'], 62)
>>> figure = run.plot("purchase")  # bokeh.plotting.show(figure)
>>> september = run.predict(folder)  # a month more of data, nothing trained
>>> september["ds"].min(), len(september)
(Timestamp('2014-09-01 00:00:00'), 60)

Errors are those of the command line (`forecasting.errors`), with the same sentences.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from cluster.config import parse_config
from cluster.frames import file_of, spelling_of_run, to_frame, to_panel
from cluster.inference.wishes import Wishes
from cluster.notebook.asked import RunOptions, in_order, is_frame, request, request_on_data, texts_of
from cluster.notebook.spelling import Spelling
from cluster.rundir.run_facts import finished_run
from cluster.rundir.store import RunStore
from cluster.terminal.words import counted
from ensembles.exports.cash_json import CashFile
from ensembles.exports.leaderboard import leaderboard_table
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.leaderboard_json import LeaderboardFile
from ensembles.files.oof_parquet import OofFile
from ensembles.files.table import StoredTable
from forecasting.data.spec import DataSpec
from forecasting.errors import ConfigError, SeriesLeftOut
from forecasting.models import register
from forecasting.schema import BLEND, CUTOFF, DS, MEMBER, UNIQUE_ID

if TYPE_CHECKING:
    import pandas as pd

    from ensembles.evaluation.evaluate import Evaluation
    from ensembles.exploration.exploration import Exploration

__all__ = [
    "Run",
    "RunOptions",
    "evaluate",
    "explore",
    "open_run",
    "predict",
    "register",
    "run",
    "sample",
    "to_frame",
    "to_panel",
]

IDENTITY = ("entity", "target")


class Run:
    """A finished run: its tables as frames, its picture, and what comes after newer data."""

    def __init__(self, run_dir: str, spelling: Spelling | None = None) -> None:
        self.run_dir = run_dir
        self._store = RunStore(run_dir)
        self._run = finished_run(self._store)
        self._spelling = spelling or spelling_of_run(self._run.data.path, self._spec)

    @property
    def _spec(self) -> DataSpec:
        return parse_config(self._run.config, f"{self.run_dir}/run.json").data

    def _frame(self, table: StoredTable, member: str | None) -> pd.DataFrame:
        """A stored table in the convention; of a wide panel, whose ids are made of two names, with both."""
        return self._named(_frame(table, member))

    def _named(self, frame: pd.DataFrame, spelling: Spelling | None = None) -> pd.DataFrame:
        frame = frame if self._spec.entity is not None else frame.drop(columns=list(IDENTITY))
        return (spelling or self._spelling).restore(frame)

    @property
    def facts(self) -> dict[str, Any]:
        """Content of run.json."""
        return self._run.model_dump(mode="json")

    def __repr__(self) -> str:
        return f"Run({self._store.uri!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the days that are forecast, the leaderboard's summary, and where the report is."""
        from markupsafe import escape

        from cluster.screen.leaderboard import summary_html

        noun, days = self._run.axis.noun, _frame(self._store.read(ForecastFile), BLEND)[DS]
        ahead = f"{self._store.uri}: {counted(days.nunique(), noun)}, {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}"
        table = summary_html(self._store.read(LeaderboardFile), noun)
        return f"<p>{escape(ahead)}</p>{table}<p>{escape(f'report: {self._store.uri}/report.html')}</p>"

    def leaderboard(self) -> pd.DataFrame:
        """A row per member, candidate and the blend, best first, with the columns of leaderboard.csv."""
        import pandas as pd

        columns, rows = leaderboard_table(self._store.read(LeaderboardFile))
        return pd.DataFrame(rows, columns=columns)

    def forecast(self, member: str | None = BLEND) -> pd.DataFrame:
        """unique_id, ds, member, y_hat and the blend's bands of the days after the data; `member` None: of all.

        A wide panel has entity and target as well. After a frame, ids and columns are called as they were there; of a
        run that `open_run` opened, columns too, but ids are text and dates have no zone. After a file, the date is ds.
        """
        return self._frame(self._store.read(ForecastFile), member)

    def cash(self) -> dict[str, Any] | None:
        """Content of cash.json, the cash position of the accounts of each unit; None where the run has no net flow."""
        return self._store.read(CashFile).model_dump(mode="json") if self._store.has(CashFile) else None

    def oof(self, member: str | None = BLEND) -> pd.DataFrame:
        """Forecasts of the backtest's days from their cutoffs, with the actual y; `member` None: of all."""
        return self._frame(self._store.read(OofFile), member)

    def predict(
        self,
        data: Any,
        *,
        as_of: str | dt.date | None = None,
        update: bool = False,
        member: str | None = BLEND,
        allow_external: bool = False,
        overrides: Sequence[str] = (),
    ) -> pd.DataFrame:
        """What follows newer data, without training, as a frame like `forecast`; see `cluster.stages.prediction`.

        Parameters
        ----------
        data
            A path or a frame, of the kind that the run was trained on.
        allow_external
            Open what the run's configuration names outside its directory, such as a file of events.
        overrides
            ``key=value``: a file or URI that the configuration names, given again.
        """
        from cluster.rundir.external import External
        from cluster.stages.prediction import predict

        with self._given(data) as (path, spelling):
            external = External(allow_external, texts_of(overrides))
            made = predict(self.run_dir, path, as_of=as_of, update=update, external=external)
        _warn(made.left)
        return Run(self.run_dir, spelling)._frame(made.forecast, member)

    @contextmanager
    def _given(self, data: Any) -> Iterator[tuple[str, Spelling]]:
        """The path of newer data, and how a frame of them spells what we call by our names."""
        spec = self._spec
        if not is_frame(data):
            yield str(data), self._spelling
            return
        if spec.kind == "yuebao":
            raise ConfigError(f"{self.run_dir} was run on the competition's folder, not on a frame: give such a folder")
        with file_of(data, spec.columns.get(DS, DS)) as written:
            yield written.path, written.spelling(spec)

    def explain(
        self,
        data: Any = None,
        *,
        series: object = None,
        day: str | dt.date | None = None,
        as_of: str | dt.date | None = None,
        allow_external: bool = False,
        overrides: Sequence[str] = (),
    ) -> pd.DataFrame:
        """Why each day is forecast as it is: unique_id, ds, forecast, its parts, and the same weekday before.

        Amounts are those of forecast.csv, and the parts of a row add up to its forecast: see
        `ensembles.explanation.explanation`. Nothing is trained but the calendar model.

        Parameters
        ----------
        data
            Explain what follows newer data instead of the run's own forecast; as of `predict`, like all after `day`.
        series, day
            One series or day alone.

        Raises
        ------
        ConfigError
            When there is no such series or day.
        """
        import pandas as pd

        from cluster.explanation.explained import explain_run
        from cluster.rundir.external import External

        with self._given(data) as (path, spelling):
            external = External(allow_external, texts_of(overrides))
            path_or_none = None if data is None else path
            made = explain_run(self.run_dir, path_or_none, as_of=as_of, external=external)
        _warn(made.left)
        asked = None if series is None else str(series), None if day is None else str(day)[:10]
        frame = pd.DataFrame(made.found.at(*asked).columns())
        for column in [name for name in frame.columns if name == DS or name.endswith(f"_{DS}")]:
            frame[column] = pd.to_datetime(frame[column])
        return self._named(frame, spelling)

    def scenario(
        self, changes: str | Path | Mapping[str, Any], *, allow_external: bool = False, overrides: Sequence[str] = ()
    ) -> pd.DataFrame:
        """What the forecast would be if: unique_id, ds, base, scenario, difference and both bands; nothing is trained.

        Where a balance is known, rows of each account follow, called net_flow and balance. ``frame.attrs["changes"]``
        says what each change did. Nothing is written; `tidecast scenario` writes scenario.csv.

        Parameters
        ----------
        changes
            A YAML file, or its keys, as ``{"level": [{"series": "inflow", "percent": -10, "from": "2026-07-15"}]}``.

        Raises
        ------
        ConfigError, StorageError
            As `tidecast scenario` with exit code 2.
        """
        from cluster.rundir.external import External
        from cluster.scenario.outcome import scenario_of_run

        found = scenario_of_run(self.run_dir, changes, External(allow_external, texts_of(overrides)))
        frame = self._named(found.frame)
        frame.attrs["changes"] = list(found.said)
        return frame

    def plot(self, unique_id: object = None) -> Any:
        """A Bokeh figure of one series (by default the first): actual days, the blend's backtest, what comes."""
        from cluster.screen.figure import figure_of

        ahead, oof = (_frame(self._store.read(table), BLEND) for table in (ForecastFile, OofFile))
        uid = ahead[UNIQUE_ID].iloc[0] if unique_id is None else str(unique_id)
        if uid not in set(ahead[UNIQUE_ID]):
            raise ConfigError(
                f"{self.run_dir} forecasts no series {uid}: take one of {', '.join(ahead[UNIQUE_ID].unique())}"
            )
        return figure_of(str(uid), oof[oof[UNIQUE_ID] == uid], ahead[ahead[UNIQUE_ID] == uid])


def open_run(run_dir: str | Path) -> Run:
    """A run that is finished.

    Raises
    ------
    StorageError
        When the directory holds none.
    """
    return Run(str(run_dir))


def run(
    data: Any = None,
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    horizon: int | None = None,
    calendar: str | None = None,
    targets: str | Sequence[str] | None = None,
    preset: str | None = None,
    **options: Unpack[RunOptions],
) -> Run:
    """Train, blend, forecast, as `tidecast run`; again in the same directory continues.

    Parameters
    ----------
    data
        A file or folder, or a frame of pandas, polars or pyarrow, wide or long; None: generated data, with the demo.
    config
        A file, the name of a bundled one, or its keys as a dictionary; None: what the data show is used, and said.
    horizon
        Periods to forecast.
    calendar
        Whose holidays count: a country (DE), a part of one (DE-BY), an exchange (XNYS) or a central bank (XECB).
    targets
        Columns to forecast, where there is no configuration.
    preset
        Which models: fast, standard, best.
    options
        See `RunOptions`.

    Raises
    ------
    UserError, TooManyFailures
        As `tidecast run` with exit codes 2 and 3.

    Warns
    -----
    SeriesLeftOut
        For each series of a panel that is not forecast.
    """
    from cluster.pipeline import run_pipeline
    from cluster.terminal.screen import screen_of_script

    if unknown := sorted(options.keys() - RunOptions.__annotations__.keys()):
        raise TypeError(f"run() has no option {unknown[0]!r}: it has {', '.join(RunOptions.__annotations__)}")
    data, config = in_order(data, config)
    names = texts_of(targets)
    wishes = Wishes(horizon, calendar, names, preset, options.get("unit"), seed=options.get("seed"))
    with ExitStack() as stack:
        asked, spelling = request(stack, data, config, wishes, options)
        result = run_pipeline(asked, screen_of_script(options.get("quiet", False)))
    _warn(result.board.broken_series)
    return Run(result.uri, spelling)


def predict(
    run: Run | str | Path,
    data: Any,
    *,
    as_of: str | dt.date | None = None,
    update: bool = False,
    allow_external: bool = False,
    overrides: Sequence[str] = (),
) -> pd.DataFrame:
    """What follows newer data by a finished run, without training: `Run.predict`."""
    finished = run if isinstance(run, Run) else open_run(run)
    return finished.predict(data, as_of=as_of, update=update, allow_external=allow_external, overrides=overrides)


def evaluate(run: Run | str | Path) -> Evaluation:
    """What the configuration of a finished run would have scored, window by window: `tidecast evaluate`."""
    from cluster.stages.evaluation import evaluate_run

    return evaluate_run(run.run_dir if isinstance(run, Run) else str(run))


def explore(
    data: Any,
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    calendar: str | None = None,
    targets: str | Sequence[str] | None = None,
    unit: str | None = None,
    as_of: str | dt.date | None = None,
    overrides: Sequence[str] = (),
) -> Exploration:
    """What the data show before any model, as `tidecast explore`: facts, a page, and a notebook's view of it.

    Parameters
    ----------
    data, config, calendar, targets, unit, as_of, overrides
        As of `run`.

    Raises
    ------
    DataError, ConfigError
        When the data cannot be read.
    """
    from cluster.exploration import explore as look

    data, config = in_order(data, config)
    names = texts_of(targets)
    options: RunOptions = {"as_of": as_of, "overrides": overrides, "executor": "local"}
    with ExitStack() as stack:
        asked, _ = request_on_data(stack, data, config, Wishes(None, calendar, names, unit=unit), options)
        return look(asked)


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


def _warn(left_out: Mapping[str, str]) -> None:
    """Warn of the series that are not forecast, for the caller of `run` or `predict`."""
    for uid, reason in left_out.items():
        warnings.warn(SeriesLeftOut(f"{uid} is left out: {reason}"), stacklevel=3)
