"""The explanation of a finished run, from its stored files: no state is needed, and nothing is trained but the
calendar model.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ensembles.evaluation.run_results import RunResults
from ensembles.explanation.explanation import Explanation, explain
from ensembles.files.history_parquet import HistoryFile
from ensembles.files.run_json import RunFile
from ensembles.files.table import places
from forecasting.errors import StorageError
from forecasting.panel import Panel
from forecasting.schema import as_date

__all__ = ["explanation_of_run", "panel_of_run"]


def explanation_of_run(results: RunResults) -> Explanation | None:
    """Why a run's forecast is as it is; None for a run without a blend, or without stored actual values.

    Raises
    ------
    StorageError
        When the stored files do not belong together.
    """
    if results.forecast is None or results.blend is None or results.history is None:
        return None
    factors = {target: facts.apply.factor for target, facts in results.blend.targets.items()}
    panel = panel_of_run(results.history, results.run)
    for uid, series in results.forecast.identities().items():
        if uid not in panel or series.target not in factors:
            raise StorageError(f"history.parquet or blend.json lacks {uid}, which forecast.parquet has: run again")
    return explain(results.forecast, panel, factors, results.run.amounts)


def panel_of_run(table: HistoryFile, run: RunFile) -> Panel:
    """The actual values of a run's data, and its plan; without past covariates.

    Raises
    ------
    StorageError
        When a day is none of the run's periods.
    """
    axis, known = run.axis, np.unique(table.ds)
    ds = known
    if len(known) and (axis.freq != "B" or run.config["data"].get("missing", "error") != "error"):
        ds = axis.between(known[0], as_date(run.data.end))
        ds = np.union1d(known, ds) if axis.freq == "B" else ds  # work days: those of the data, and the calendar's
    if not np.isin(known, ds).all():
        raise StorageError("history.parquet has days that are not the run's: run again")
    unique_ids, row = places(table.unique_id)
    y = np.full((len(unique_ids), len(ds)), np.nan)
    y[row, np.searchsorted(ds, table.ds)] = table.y
    series = tuple(replace(table.identity(uid), own_id=uid) for uid in unique_ids)
    signed = run.config["data"].get("scale") == "signed"
    empty, planned = np.empty((*y.shape, 0)), run.plan if run.planned else None
    return Panel(ds, series, y, empty, (), axis.calendar, axis.freq, signed, planned=planned)
