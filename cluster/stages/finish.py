"""The end of a run: blend the members' forecasts, and write every file a user reads."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from cluster.plan import Plan
from cluster.rundir.events_file import EVENTS
from cluster.rundir.run_facts import end_run
from cluster.rundir.store import RunStore
from cluster.stages.collect import MemberForecasts
from cluster.stages.network_pages import FIGURES, write_figures
from cluster.stages.reports import write_reports
from ensembles.bands.rules import BandSpec
from ensembles.blend.fit import Blend, fit_blend
from ensembles.evaluation.leaderboard import MemberFacts, build_leaderboard
from ensembles.exports.scenario import SCENARIO
from ensembles.files.blend_json import BlendFile
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.history_parquet import HistoryFile
from ensembles.files.leaderboard_json import LeaderboardFile
from ensembles.files.oof_parquet import OofFile
from ensembles.files.table import panel_series, rows_by_name
from ensembles.judging.judge import Judge
from ensembles.oof import OofCube, in_unit
from ensembles.report.context import ReportContext
from ensembles.report.days_ahead import planned_ahead
from ensembles.report.money import Money
from ensembles.report.plain_words import PlainWords, misses_in_words, plain_words
from ensembles.risk.cash.position import CashPosition
from ensembles.treasury.planned import beyond_in_words, files_in_words, planned_in_words
from forecasting.panel import Panel
from forecasting.schema import DateArray, FloatArray, IntArray, iso
from forecasting.score.base import Score
from forecasting.score.names import score_named
from forecasting.score.points import submission_step
from forecasting.windows import Window

__all__ = ["RunResult", "blend_and_write", "with_truth", "write_failed"]


@dataclass(frozen=True)
class RunResult:
    """What is said at the end of a run."""

    uri: str
    board: LeaderboardFile
    headline: str
    start: str
    end: str
    n_days: int
    outlook: Mapping[str, tuple[FloatArray, FloatArray]]
    """Per target the last days' actual values and the forecast, summed over series; where these have several units, per
    target and unit.
    """
    has_figures: bool = False
    """Whether networks that were fitted once left their pictures, figures.html."""
    noun: str = "days"
    """What a period is called, in the plural."""
    words: PlainWords = field(default_factory=PlainWords)
    """The run in words for everybody."""
    report: str = "report.html"
    """The one file to open: an absolute path, or a URI."""
    truth: str = ""
    """The demo's data go on: how the forecast compares with what came, which nothing that was trained has seen."""
    planned: tuple[str, ...] = ()
    """What is planned among the days forecast, a sentence each."""
    signals: tuple[str, ...] = ()
    """How often the blend's signals were right, a sentence per target, where the configuration asks for signals."""
    cash: tuple[CashPosition, ...] = ()
    """The cash position in each unit, none without a net flow; `money` writes its amounts."""
    money: Money | None = None
    has_totals: bool = False
    """Whether totals.csv has the forecasts of groups."""


def blend_and_write(plan: Plan, panel: Panel, members: MemberForecasts, store: RunStore, seconds: float) -> RunResult:
    """Choose the blend, forecast, write the results and prune the states.

    Raises
    ------
    TooManyFailures
        When a target has no member left to forecast it.
    StorageError
        When the run directory cannot be written.
    """
    config = plan.config
    started = time.perf_counter()
    weights = config.data.targets
    cubes = {target: members.cubes[target] for target in weights}
    rounding = submission_step(config.data.kind, config.data.unit)
    blend = fit_blend(
        cubes, weights, config.blend, config.score.surrogate, rounding, BandSpec.of(config.bands, panel.axis.freq)
    )
    blended = {
        target: blend.targets[target].apply(members.final[target][..., cube.blendable_members])
        for target, cube in cubes.items()
    }
    board = _board(plan, panel, members, blend)
    forecast = _write_forecasts(plan, panel, members, blend, blended, store)
    store.write(board)
    store.write(BlendFile.of(blend))
    has_figures = write_figures(plan, panel, store)
    _prune(plan, blend, store)
    timings = {"train": round(seconds, 2), "blend": round(time.perf_counter() - started, 2)}
    context = _finish(plan, panel, members, store, timings, "done")
    final = plan.windows.final
    outlook = _outlook(panel, cubes, forecast, context.results.run.units.values())
    headline = _headline(blend, score_named(config.score.surrogate), panel.axis.noun)
    days = iso(final.start), iso(final.end), final.horizon
    result = RunResult(store.uri, board, headline, *days, outlook, has_figures, panel.axis.noun)
    result = replace(result, planned=_planned(panel, final, context))
    return _with_words(result, context, _place_of(store, "report.html"))


def _with_words(result: RunResult, context: ReportContext, report: str) -> RunResult:
    """With what the report's facts say."""
    signals = () if context.signals is None else context.signals.sentences
    words, money = plain_words(context), context.money
    result = replace(result, words=words, report=report, signals=signals, cash=context.cash_by_unit, money=money)
    return replace(result, has_totals=context.results.run.hierarchy is not None)


def _planned(panel: Panel, final: Window, context: ReportContext) -> tuple[str, ...]:
    """What is planned among the days forecast, how much after them, and what that is to forecasts of files."""
    beyond, files = beyond_in_words(panel.planned, final.end), files_in_words(context.results.run)
    return (*planned_in_words(planned_ahead(context)), *beyond, *files)


def with_truth(result: RunResult, ds: DateArray, truth: Mapping[str, IntArray]) -> RunResult:
    """A demo's result, compared with what its generator gives for the days ahead: `truth` by target, ``[len(ds)]``."""
    if (result.start, result.end) != (iso(ds[0]), iso(ds[-1])):  # the user cut the data
        return result
    y_hat = {target: ahead[np.newaxis] for target, (_, ahead) in result.outlook.items()}
    missed = misses_in_words(y_hat, {target: y[np.newaxis].astype(float) for target, y in truth.items()})
    totals = {target: abs(float(y_hat[target].sum()) / float(y.sum()) - 1) for target, y in truth.items()}
    in_all = " and ".join(f"{share:.0%} ({target})" for target, share in totals.items())
    return replace(
        result,
        truth=f"These data are made up, so the future is known: the forecast of a day is off by {missed} on average, "
        f"the total over {result.n_days} {result.noun} by {in_all}.",
    )


def write_failed(plan: Plan, panel: Panel, members: MemberForecasts, store: RunStore, seconds: float) -> None:
    """What a run without a blend leaves: its leaderboard, with reasons, and a report that says so."""
    store.write(_board(plan, panel, members, None))
    for name in (BlendFile.FILE, OofFile.FILE, ForecastFile.FILE, FIGURES):
        store.write_result(name, None)  # of an earlier configuration: they would be mistaken for this run's files
    _finish(plan, panel, members, store, {"train": round(seconds, 2)}, "failed")


def _board(plan: Plan, panel: Panel, members: MemberForecasts, blend: Blend | None) -> LeaderboardFile:
    first = members.windows[0].cutoff
    history = {uid: panel.history(uid, first).y for uid in panel.unique_ids if uid not in members.broken}
    failed = [(failure.info, failure.reason) for failure in members.failures]
    facts = MemberFacts(members.seconds, members.devices, failed, members.warnings)
    config = plan.config
    rounding = submission_step(config.data.kind, config.data.unit)
    judge = Judge.of(members.cubes, config.data.targets, score_named(config.score.surrogate), rounding)
    board = build_leaderboard(
        members.cubes, judge, blend, members.windows, history, facts, season_length=panel.axis.season_length
    )
    return board.model_copy(update={"broken_series": dict(members.broken)})


def _write_forecasts(
    plan: Plan, panel: Panel, members: MemberForecasts, blend: Blend, blended: Mapping[str, FloatArray], store: RunStore
) -> ForecastFile:
    cubes, final, series = members.cubes, plan.windows.final, panel_series(panel)
    bands = {target: blend.targets[target].bands(blended[target]) for target in cubes}
    past = OofFile.of(cubes, blend.evidence.prequential.y_hat, blend.evidence.prequential.bands)
    forecast = ForecastFile.of(cubes, members.final, blended, final.ds, bands).identified(series)
    forecast = forecast.with_planned(panel.planned, final.cutoff)
    store.write(forecast)
    store.write(past.identified(series))
    return forecast


def _prune(plan: Plan, blend: Blend, store: RunStore) -> None:
    """Drop fitted states the configuration does not ask to keep."""
    keep = plan.config.run.keep
    if keep == "all":
        return
    used: set[str] = set()
    if keep == "blend":
        for found in blend.targets.values():
            used |= {m.member_id for m, needed in zip(found.combination.members, found.needed, strict=True) if needed}
    store.prune_states({trial.trial_key for trial in plan.trials if trial.member.member_id in used})


def _finish(
    plan: Plan,
    panel: Panel,
    members: MemberForecasts,
    store: RunStore,
    seconds: Mapping[str, float],
    status: Literal["done", "failed"],
) -> ReportContext:
    """Complete run.json, keep what reports need of the data, and report."""
    store.write(HistoryFile.of(panel))
    store.write_result(SCENARIO, None)  # of an earlier forecast
    store.list_result(EVENTS)
    end_run(
        store,
        status,
        trials=len(plan.trials),
        failed=members.n_failed,
        reproducible=members.reproducible,
        seconds=seconds,
    )
    return write_reports(store)


def _place_of(store: RunStore, name: str) -> str:
    """A file of the run as a person opens it: an absolute path, or a URI."""
    local = store.storage.local
    return f"{store.uri}/{name}" if local is None else str(local.absolute() / name)


def _outlook(
    panel: Panel, cubes: Mapping[str, OofCube], forecast: ForecastFile, units: Collection[str | None]
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Sums over a target's series of one unit: of as many last days as are forecast, and of the forecast.

    They stand in the order of `units`. NaN on days of which less than half of the usual amounts are known.
    """
    ahead = {uid: forecast.blend.y_hat[rows] for uid, rows in rows_by_name(forecast.blend.unique_id).items()}
    found = {}
    for target, cube in cubes.items():
        for unit, mine in cube.by_unit(units).items():
            coming = np.sum([ahead[uid] for uid in mine], axis=0)
            y = panel.y[[panel.index(uid) for uid in mine], -len(coming) :]
            usual = np.nansum(np.abs(y), axis=1) / np.maximum(1, np.isfinite(y).sum(axis=1))
            is_known = usual @ np.isfinite(y) >= usual.sum() / 2
            found[in_unit(target, unit)] = np.where(is_known, np.nansum(y, axis=0), np.nan), coming
    return found


def _headline(blend: Blend, score: Score, noun: str) -> str:
    """The result in one sentence."""
    chosen = next(pair for pair in blend.evidence.pairs if pair.chosen)
    points = f"{blend.evidence.prequential.score:z.2f} points" + (
        "" if score.pooled else f" a {noun.removesuffix('s')}"
    )
    text = f"blend ({chosen.words}): {points} on windows its weights did not see"
    if (best := blend.evidence.best_single) is not None:
        text += f"; the member that looked best at the time scored {best.score:z.2f}"
    return text
