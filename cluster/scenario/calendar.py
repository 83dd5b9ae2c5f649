"""Holidays and events on other days: the stored members predict again, with a calendar that was changed.

Every member predicts from the run's own history by the changed calendar, and what it says is compared with the stored
forecast. One that reads more than the run directory holds keeps its forecast: by the calendar as it is, it does not say
what is stored. That is found out on each series, or on a member's first one where the data hold amounts alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from cluster.execution.worker import limited_threads
from cluster.rundir.external import External
from cluster.rundir.final_states import Fit, find_fits
from cluster.stages.finished_run import TrainedRun, open_trained
from cluster.stages.prediction import blended_of, forecast_of
from ensembles.explanation.of_run import panel_of_run
from ensembles.files.forecast_parquet import ForecastFile, TargetForecast
from ensembles.files.history_parquet import HistoryFile
from ensembles.files.table import rows_by_name
from forecasting.calendar import Calendar
from forecasting.errors import StorageError
from forecasting.panel import Panel
from forecasting.schema import BoolArray, FloatArray
from forecasting.windows import Window

__all__ = ["Answers", "with_calendar"]

SAME = 1e-9
"""Relative difference below which a forecast is the stored one, from which what was planned was taken off."""


@dataclass(frozen=True)
class Answers:
    """What each member said, by name: on which days its forecast of any series changed, ``[horizon]``; None of a member
    that cannot be asked again.
    """

    changed: Mapping[str, BoolArray | None]

    def of(self, places: Iterable[int]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Names of the members that answer on any of these days, that do not, and that cannot be asked."""
        at = list(places)
        asked = {name: days for name, days in self.changed.items() if days is not None}
        yes = tuple(name for name, days in asked.items() if days[at].any())
        return yes, tuple(n for n in asked if n not in yes), tuple(n for n in self.changed if n not in asked)


@dataclass
class _Made:
    """Members' forecasts ``[horizon]`` by (member_id, unique_id), by both calendars.

    `exact` says of members whether their first series without a plan was forecast again to the last bit.
    """

    base: dict[tuple[str, str], FloatArray] = field(default_factory=dict)
    edited: dict[tuple[str, str], FloatArray] = field(default_factory=dict)
    changed: dict[str, BoolArray | None] = field(default_factory=dict)
    exact: dict[str, bool] = field(default_factory=dict)


def with_calendar(
    run_dir: str, forecast: ForecastFile, calendar: Calendar, external: External
) -> tuple[ForecastFile, Answers]:
    """The blend's rows of a run's `forecast` by another calendar, with their bands, and who changed them.

    Raises
    ------
    StorageError
        When the run kept no states or no history, they are damaged or were made by other versions, or its members name
        what may not be opened.
    """
    trained = open_trained(run_dir, None, external)
    if not trained.store.has(HistoryFile):
        raise StorageError(f"{trained.store.uri} holds no history of its data: run again with another --run-dir")
    panel = panel_of_run(trained.store.read(HistoryFile), trained.run)
    window = trained.next_window(panel)
    with limited_threads(trained.config.cluster.cpus_per_worker):
        made = _asked_again(trained, panel, replace(panel, calendar=calendar), window, forecast)
    base, edited = (_rows(trained, found, window) for found in (made.base, made.edited))
    return _exchanged(forecast.blend, base, edited), Answers(made.changed)


def _asked_again(trained: TrainedRun, panel: Panel, other: Panel, window: Window, forecast: ForecastFile) -> _Made:
    stored = {
        (name, uid): rows
        for name, mine in rows_by_name(forecast.member).items()
        for uid, places in rows_by_name(forecast.unique_id[mine]).items()
        for rows in (mine[places],)
    }
    made, model = _Made(), forecast.model
    alone = trained.config.data.kind != "yuebao" and not trained.config.data.past
    for fit in find_fits(trained.store, trained.wanted(), trained.end):
        key, name = (fit.member.member_id, fit.unique_id), fit.member.name
        rows = stored[name, fit.unique_id]
        known, planned = model[rows], panel.planned is not None and panel.planned.touches(fit.unique_id)
        trusted = alone and not planned and made.exact.get(name, False)
        found = _both(fit, (panel, other), window, known, trusted=trusted)
        if not planned:
            made.exact.setdefault(name, found is not None and np.array_equal(found[0], known))
        made.base[key], made.edited[key] = (known, known) if found is None else found
        days = None if found is None else found[0] != found[1]
        before = made.changed.get(name, days)
        made.changed[name] = None if days is None or before is None else before | days
    return made


def _both(
    fit: Fit, panels: tuple[Panel, Panel], window: Window, known: FloatArray, *, trusted: bool
) -> tuple[FloatArray, FloatArray] | None:
    """Forecasts by both calendars, the first one the stored one if that is `trusted`; None where it is not that."""
    panel, other = panels
    try:
        base = known if trusted else forecast_of(fit, panel, window)
        if not np.allclose(base, known, rtol=SAME, atol=SAME * float(np.abs(known).max(initial=0.0))):
            return None
        return base, forecast_of(fit, other, window)
    except MemoryError:
        raise
    except Exception:  # whatever a model's library raises without the covariates that it learned from
        return None


def _rows(trained: TrainedRun, made: Mapping[tuple[str, str], FloatArray], window: Window) -> ForecastFile:
    """The blend of members' forecasts, by series, then day."""
    parts = []
    for found in blended_of(trained, made, window, ()).values():
        parts.append(TargetForecast(found.series, (), found.members[..., :0], found.y_hat, found.bands))
    return ForecastFile.of_prediction(parts, window.ds)


def _exchanged(forecast: ForecastFile, base: ForecastFile, edited: ForecastFile) -> ForecastFile:
    """The rows of a blend; where both blends differ, the edited one with what is planned."""
    order = np.lexsort((forecast.ds, forecast.unique_id.astype(str)))
    again = np.lexsort((base.ds, base.unique_id.astype(str)))
    back = np.empty(len(order), dtype=np.int64)
    back[order] = again
    by_hand = forecast.y_hat - forecast.model

    def chosen(stored: FloatArray, was: FloatArray, would: FloatArray) -> FloatArray:
        return np.where(was[back] != would[back], would[back] + by_hand, stored)

    quantiles = {p: chosen(v, base.quantiles[p], edited.quantiles[p]) for p, v in forecast.quantiles.items()}
    return replace(forecast, y_hat=chosen(forecast.y_hat, base.y_hat, edited.y_hat), quantiles=quantiles)
