"""`tidecast explain`: the parts of every day that a run forecasts, or that follow newer data.

Of a run it reads the stored results alone, so a run that kept no states can be explained. Newer data are forecast
first, as `tidecast predict` does, which needs the states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cluster.keys import AsOf
from cluster.rundir.external import NOTHING, External
from cluster.rundir.store import RunStore
from cluster.stages.reports import report_data
from ensembles.explanation.explanation import Explanation
from ensembles.explanation.of_run import explanation_of_run
from ensembles.files.amounts import Amounts
from forecasting.calendar import Calendar
from forecasting.errors import StorageError

__all__ = ["Explained", "explain_run"]


@dataclass(frozen=True)
class Explained:
    """An explanation; `amounts` say how it is written, `calendar` what its days are, `noun` what a period is called, in
    the plural; `notes` are sentences for the user; `left` unique_id → why a series of the run is not forecast.
    """

    found: Explanation
    amounts: Amounts
    calendar: Calendar
    noun: str = "days"
    notes: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)


def explain_run(
    run_dir: str, data: str | None = None, *, as_of: AsOf = None, update: bool = False, external: External = NOTHING
) -> Explained:
    """Explain a run's forecast; with `data` the forecast of what follows them, see `predict`.

    Raises
    ------
    StorageError
        When the directory holds no finished run with a forecast and its actual values; with `data` as `predict` does.
    DataError, ConfigError
        With `data`, as `predict` does.
    """
    store = RunStore(run_dir)
    results = report_data(store)
    run, noun = results.run, results.noun
    if data is not None:
        from cluster.stages.prediction import predict

        made = predict(run_dir, data, as_of=as_of, update=update, external=external)
        return Explained(made.explanation, run.amounts, run.calendar, noun, made.notes, made.left)
    found = explanation_of_run(results)
    if found is None:
        raise StorageError(f"{store.uri} holds no forecast with its history: run it to its end first")
    return Explained(found, run.amounts, run.calendar, noun)
