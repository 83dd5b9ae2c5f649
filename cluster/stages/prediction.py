"""`tidecast predict`: the days after new data, by the members a run has trained and the blend it chose.

Nothing is fitted. Stored models are applied to the new data: levels, lags and an ARIMA's filter are carried forward to
its last day, by the loop that made the run's own forecasts (`forecasting.backtest`). The blend combines the forecasts
with the weights, the factor and the bands of the run. On the run's own data this gives the run's own forecast, to the
last bit.

`update` re-estimates the one level that some states hold fixed (see `forecasting.models.base.Updatable`): the mean an
ARIMA returns to, or the range `lstm-classic` is scaled by. All other members take their level from the history they
are given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from cluster.execution.worker import limited_threads
from cluster.keys import AsOf
from cluster.rundir.external import NOTHING, External
from cluster.rundir.final_states import Fit, find_fits
from cluster.rundir.storage import Storage
from cluster.stages.finished_run import KnownSeries, TrainedRun, left_out, open_trained
from ensembles.blend.target_blend import TargetBlend
from ensembles.explanation.explanation import Explanation, explain
from ensembles.exports.cash import cash_csv
from ensembles.exports.cash_json import CashFile
from ensembles.exports.forecast import forecast_files
from ensembles.exports.totals import totals_csv
from ensembles.exports.why import WHY, why_csv
from ensembles.files.amounts import Amounts
from ensembles.files.forecast_parquet import ForecastFile, TargetForecast
from ensembles.files.oof_parquet import OofFile
from ensembles.files.prediction_json import PredictionFile
from ensembles.files.table import panel_series
from ensembles.report.money import Money
from ensembles.risk.cash.of_run import cash_of, quantiles_of_sums
from ensembles.risk.cash.position import CashPosition
from ensembles.treasury.planned import beyond_in_words, files_in_words, planned_days, planned_in_words
from ensembles.treasury.totals import totals_of
from forecasting.backtest import forecast_windows, reason_of
from forecasting.data.balance import behind, carried
from forecasting.data.loaded import Loaded
from forecasting.digests import digest_of
from forecasting.models.base import AnyModel, State
from forecasting.panel import Panel
from forecasting.places.uri import without_secrets
from forecasting.planned.members import without_planned
from forecasting.scale import members
from forecasting.schema import FloatArray, as_date, iso
from forecasting.windows import Window, WindowPlan

if TYPE_CHECKING:
    from ensembles.bands.rules import Bands

__all__ = ["Blended", "Prediction", "blended_of", "forecast_of", "predict"]


@dataclass(frozen=True)
class Prediction:
    """Forecasts from new data, and the files they make.

    `forecast` holds the members that have weight; `files` the submission under its names and the CSV files; `notes` are
    sentences for the user; `left` unique_id → why a series of the run is not forecast; `panel` the data; `factors`
    the blend's calibration by target; `amounts` say how the files write amounts; `trained` is the run; `cash` is the
    cash position in each unit, none without a net flow.
    """

    run: str
    data: str
    window: Window
    updated: bool
    forecast: ForecastFile
    files: Mapping[str, bytes]
    notes: tuple[str, ...]
    left: Mapping[str, str]
    panel: Panel
    factors: Mapping[str, float]
    amounts: Amounts
    trained: TrainedRun
    cash: tuple[CashPosition, ...] = ()

    @property
    def money(self) -> Money:
        """Amounts as people read them, in a unit that suits the forecast."""
        return Money.of(self.forecast.blend.y_hat.tolist(), self.amounts)

    @property
    def noun(self) -> str:
        """What a period is called, in the plural."""
        return self.panel.axis.noun

    @cached_property
    def explanation(self) -> Explanation:
        """Why the forecast is as it is."""
        return explain(self.forecast, self.panel, self.factors, self.amounts)

    @property
    def written(self) -> tuple[str, ...]:
        """Names of the files for people and spreadsheets that `write` makes."""
        return tuple(sorted({*self.files, WHY} - {CashFile.FILE}))

    def write(self, out: str | None = None) -> str:
        """Write the submission, the CSV files, forecast.parquet and prediction.json into a folder; gives its name.

        By default ``predictions/<last day known>`` in the run directory.
        """
        storage, place = (
            (Storage(self.run), f"predictions/{iso(self.window.cutoff)}/") if out is None else (Storage(out), "")
        )
        why = why_csv(self.explanation, self.amounts)
        files = {**self.files, WHY: why, self.forecast.FILE: self.forecast.to_bytes()}
        facts = PredictionFile(
            run=without_secrets(self.run),
            data=without_secrets(self.data),
            cutoff=iso(self.window.cutoff),
            start=iso(self.window.start),
            end=iso(self.window.end),
            updated=self.updated,
            notes=self.notes,
            files={name: digest_of(content, name) for name, content in files.items()},
        )
        for name, content in files.items():
            storage.write(f"{place}{name}", content)
        storage.write(f"{place}{facts.FILE}", facts.to_bytes())
        return f"{storage.uri}/{place}".rstrip("/")


def predict(
    run_dir: str, data: str, *, as_of: AsOf = None, update: bool = False, external: External = NOTHING
) -> Prediction:
    """Forecast what follows the data at `data`, without training.

    Parameters
    ----------
    run_dir
        Directory of a finished run that kept its states (run.keep: blend or all).
    data
        File or folder of the kind the run was trained on, with its series, that ends where the run's data end or later.
    as_of
        Use the data up to this day only.
    update
        Re-estimate the levels that states hold fixed.
    external
        What may be opened besides the run directory and the data.

    Raises
    ------
    StorageError
        The directory holds no finished run, its states were dropped, are damaged or were made by other versions, or
        its configuration names what may not be opened.
    DataError, ConfigError
        The data cannot be read, lack a series, end too early or in mid-month, or a member cannot forecast from them.
    """
    trained = open_trained(run_dir, data, external)
    loaded = trained.load(data, as_of)
    panel, window = loaded.panel, trained.next_window(loaded.panel)
    found = KnownSeries.of(trained, loaded)
    wanted = {place: member for place, member in trained.wanted().items() if place[1] not in found.left}
    fits = find_fits(trained.store, wanted, trained.end)
    with limited_threads(trained.config.cluster.cpus_per_worker):
        made, failed = _forecasts(fits, panel, window, update)
    if panel.ds[0] > (began := as_date(trained.run.data.start)):
        earlier = f"; the data begin on {iso(panel.ds[0])}, and the run's on {iso(began)}: give the earlier days too"
        failed = {uid: f"{why}{earlier}" for uid, why in failed.items()}
    notes = (*found.notes, *left_out(failed, [uid for uid in trained.needed if uid not in found.left]))
    blended = blended_of(trained, made, window, {*found.left, *failed})
    forecast = _forecast(trained, blended, window).identified(panel_series(panel))
    forecast = forecast.with_planned(panel.planned, window.cutoff)
    trained = replace(trained, run=trained.run.planning(panel.planned, forecast.identities()))
    targets, signal, amounts = tuple(trained.config.data.targets), trained.config.signal, trained.run.amounts
    last = {s: panel.last_known(s.unique_id, window.cutoff) for s in panel.series}
    cash, said = _cash(trained, loaded, forecast)
    files = forecast_files(forecast, targets, panel.calendar, amounts, signal, last)
    files |= _treasury_files(trained, forecast, panel, cash)
    if panel.planned is not None:
        ahead = planned_days(trained.run, forecast, panel.planned)
        notes = (*notes, *planned_in_words(ahead), *beyond_in_words(panel.planned, window.end))
        notes = (*notes, *files_in_words(trained.run))
    notes = (*notes, *said)
    left, factors = {**found.left, **failed}, {target: blend.factor for target, blend in trained.blends.items()}
    return Prediction(
        run_dir, data, window, update, forecast, files, notes, left, panel, factors, amounts, trained, cash
    )


def _treasury_files(
    trained: TrainedRun, forecast: ForecastFile, panel: Panel, cash: tuple[CashPosition, ...]
) -> dict[str, bytes]:
    """Totals of groups and units, and the cash position, where there are such."""
    run, amounts, files = trained.run, trained.run.amounts, {}
    if run.hierarchy is not None:
        sums = quantiles_of_sums(run, trained.store.read(OofFile), forecast)
        totals = totals_of(forecast, run.hierarchy, tuple(trained.config.data.targets), amounts, sums)
        files["totals.csv"] = totals_csv(totals, amounts)
    if cash:
        files["cash.csv"] = cash_csv(cash, panel.calendar, amounts)
        files[CashFile.FILE] = CashFile.of(cash, amounts).to_bytes()
    return files


def _cash(
    trained: TrainedRun, loaded: Loaded, forecast: ForecastFile
) -> tuple[tuple[CashPosition, ...], tuple[str, ...]]:
    """The cash position that newer data lead to in each unit, and what the balance it begins with is of."""
    targets, of_column = tuple(trained.config.data.targets), isinstance(trained.config.data.balance, str)
    balances = loaded.balances if of_column else trained.run.data.balances
    if len(targets) != 2 or not trained.store.has(OofFile):
        return (), ()
    net: tuple[str, str] = (targets[0], targets[1])
    said = behind(loaded)
    if balances and not of_column and loaded.panel.end > trained.end:
        balances, unknown = carried(balances, loaded.panel, net, trained.end, trained.run.units)
        gaps = f"; {unknown} unknown amounts count as nothing" if unknown else ""
        since = f"{iso(trained.end)} and the flows since then, up to {iso(loaded.panel.end)}"
        said = (f"the balance is that of {since}{gaps}",)
    return cash_of(trained.run, trained.store.read(OofFile), forecast, net, balances), said


def _forecasts(
    fits: Iterator[Fit], panel: Panel, window: Window, update: bool
) -> tuple[dict[tuple[str, str], FloatArray], dict[str, str]]:
    """(member_id, unique_id) → ``[horizon]``; unique_id → which member cannot forecast it, and why."""
    made: dict[tuple[str, str], FloatArray] = {}
    failed: dict[str, str] = {}
    for fit in fits:
        uid = fit.unique_id
        try:
            whole = forecast_of(fit, panel, window, update=update)
            made[fit.member.member_id, uid] = without_planned(fit.member, whole, panel, uid, window)
        except MemoryError:
            raise
        except Exception as error:  # whatever a model's library raises of these data
            why = f"cannot be forecast from {iso(window.cutoff)} by {fit.member.name}: {reason_of(error)}"
            failed.setdefault(uid, why)
    return made, failed


def forecast_of(fit: Fit, panel: Panel, window: Window, *, update: bool = False) -> FloatArray:
    """What one fitted member says of the days after the data, ``[horizon]``.

    Raises
    ------
    Exception
        Whatever the model or its libraries raise of these data.
    """
    model, uid, only = fit.member.build(), fit.unique_id, WindowPlan((), window, window.horizon)
    found = forecast_windows(model, [uid], panel, only, partial(_state, fit, model, panel, update))
    return found.made[0].y_hat


def _state(fit: Fit, model: AnyModel, panel: Panel, update: bool, *_: object) -> State:
    """The stored state, with its level taken from the new history if `update` asks for that."""
    return members.update(model, fit.state, panel.history(fit.unique_id)) if update else fit.state


@dataclass(frozen=True)
class Blended:
    """One target: its series, members ``[n_series, horizon, n_members]``, their blend ``[n_series, horizon]`` and its
    bands.
    """

    series: tuple[str, ...]
    members: FloatArray
    y_hat: FloatArray
    bands: Bands


def blended_of(
    trained: TrainedRun, made: Mapping[tuple[str, str], FloatArray], window: Window, left: Collection[str]
) -> dict[str, Blended]:
    """By target, without the series of `left`: the rules of a blend count the run's series, so these go last."""
    found = {}
    for target, blend in trained.blends.items():
        series = trained.series[target]
        members = _stack(blend, series, made, window)
        y_hat = blend.apply(members)
        bands = blend.bands(y_hat)
        rows = [row for row, uid in enumerate(series) if uid not in left]
        if rows:
            found[target] = Blended(tuple(series[row] for row in rows), members[rows], y_hat[rows], bands.at(rows))
    return found


def _stack(
    blend: TargetBlend, uids: Sequence[str], made: Mapping[tuple[str, str], FloatArray], window: Window
) -> FloatArray:
    """Members' forecasts ``[n_series, horizon, n_members]``, 0 for those without weight and for series left out."""
    y_hat = np.zeros((len(uids), window.horizon, len(blend.combination.members)))
    for i, uid in enumerate(uids):
        for m, info in enumerate(blend.combination.members):
            if (info.member_id, uid) in made:
                y_hat[i, :, m] = made[info.member_id, uid]
    return y_hat


def _forecast(trained: TrainedRun, blended: Mapping[str, Blended], window: Window) -> ForecastFile:
    parts = []
    for target, found in blended.items():
        infos, used = trained.blends[target].combination.members, np.flatnonzero(trained.blends[target].needed)
        names = [infos[m].name for m in used]
        parts.append(TargetForecast(found.series, names, found.members[..., used], found.y_hat, found.bands))
    return ForecastFile.of_prediction(parts, window.ds)
