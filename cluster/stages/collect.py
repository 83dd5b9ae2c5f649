"""From stored trials to what is blended: an out-of-fold cube per target, the final forecasts, and what failed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cluster.execution.loop import LostBatch
from cluster.plan import Plan
from cluster.rundir.store import RunStore, StoredTrial
from ensembles.files.oof_parquet import with_units
from ensembles.files.table import panel_series
from ensembles.oof import MemberInfo, OofCube
from forecasting.backtest import series_of
from forecasting.data.loaded import SeriesProblem
from forecasting.errors import DataError, StorageError, TooManyFailures
from forecasting.panel import Panel
from forecasting.schema import DateArray, FloatArray, iso
from forecasting.trial import Member, Trial
from forecasting.windows import Window

__all__ = ["MemberFailure", "MemberForecasts", "check_failures", "collect_forecasts"]

Place = tuple[str, str]
"""member_id, unique_id of a series."""
FEW = 0.05
"""Share of a run's series that are few."""
Forecasts = Mapping[np.datetime64, FloatArray]
"""Cutoff → ``[horizon]``."""


@dataclass(frozen=True)
class MemberFailure:
    """A member that is left out of the blend, and why."""

    info: MemberInfo
    reason: str


@dataclass(frozen=True)
class MemberForecasts:
    """The forecasts of a run's members, and what has none.

    `cubes` per target, over the backtest `windows` that can be judged; `notes` says in sentences which were left out;
    `final` per target ``[n_series, horizon, n_members]`` in the cube's order of members, without what is planned;
    `failures` one per failed member; `broken` series that nothing could forecast, with the reason; `n_failed` counts
    failed trials on the others; `reproducible` False when a batch was lost to a dead process or a time-out.
    """

    cubes: Mapping[str, OofCube]
    windows: tuple[Window, ...]
    final: Mapping[str, FloatArray]
    failures: tuple[MemberFailure, ...]
    broken: Mapping[str, str]
    reasons: tuple[str, ...]
    n_failed: int
    seconds: Mapping[str, float]
    devices: Mapping[str, str]
    reproducible: bool
    notes: tuple[str, ...] = ()
    warnings: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Of libraries, by member_id and category."""

    def in_units(self, panel: Panel, units: Mapping[str, str | None]) -> MemberForecasts:
        """The same with the unit of each entity's amounts."""
        series = panel_series(panel)
        return replace(self, cubes={t: with_units(cube, series, units) for t, cube in self.cubes.items()})


def check_failures(plan: Plan, forecasts: MemberForecasts) -> None:
    """Judge whether enough was forecast to go on.

    Raises
    ------
    TooManyFailures
        More trials failed than `run.max_failed_share`, or a target has no member left.
    """
    share = forecasts.n_failed / len(plan.trials)
    limit = plan.config.run.max_failed_share
    first = next(iter(forecasts.reasons), "no reason was recorded")
    if share > limit:
        raise TooManyFailures(
            f"{forecasts.n_failed} of {len(plan.trials)} trials failed (run.max_failed_share allows {limit:.0%}); "
            f"the first: {first}"
        )
    for target in plan.config.data.targets:
        if target not in forecasts.cubes:
            raise TooManyFailures(f"no member could forecast {target}; the first reason: {first}")


def _member_info(member: Member) -> MemberInfo:
    """The ensemble layer's view of a member."""
    return MemberInfo(member.member_id, member.name, member.family, member.setting, member.seed_index)


def collect_forecasts(
    plan: Plan, panel: Panel, store: RunStore, lost: Sequence[LostBatch], problems: Sequence[SeriesProblem] = ()
) -> MemberForecasts:
    """Collect every planned trial from the store.

    A series on which every member failed is broken and left out, like those in `problems`, which could not be read, and
    those the plan found unusable; so is one that never changes, or one of a few short ones, if a member can forecast
    all but such. A member that failed on any other series is left out, and so is a window in which no amount of a
    target is known. Failures of members that only short series are too much for are not counted.

    Raises
    ------
    DataError
        When no window is left.
    StorageError
        When a trial is neither stored nor lost: another driver removed it.
    """
    stored = store.trials()
    planned = [stored[trial.trial_key] for trial in plan.trials if trial.trial_key in stored]
    places = _places(plan, panel)
    reasons = _reasons(store.uri, places, stored, lost)
    broken = _broken_series(places, reasons)
    broken |= _odd_series(plan, {place: reason for place, reason in reasons.items() if place[1] not in broken})
    counted = {place: reason for place, reason in reasons.items() if place[1] not in broken}
    too_much = _failing_on_ordinary(plan, counted)
    failed = _failed_members(counted)
    series = _series_by_target(plan, panel, broken)
    windows, notes = _judged_windows(plan.windows.backtest, panel, series)
    stored_forecasts = store.forecasts(planned)
    by_place = {place: stored_forecasts.get((trial.trial_key, place[1]), {}) for place, trial in places.items()}
    members = [member for member in plan.members if member.member_id not in failed]
    found = _Found(panel, windows, plan.windows.final, members, by_place)
    of_targets = {target: found.cube(target, uids) for target, uids in series.items() if members}
    return MemberForecasts(
        cubes={target: cube for target, (cube, _) in of_targets.items()},
        windows=windows,
        final={target: final for target, (_, final) in of_targets.items()},
        failures=tuple(
            MemberFailure(_member_info(m), failed[m.member_id]) for m in plan.members if m.member_id in failed
        ),
        broken={p.series.unique_id: p.reason for p in problems} | dict(plan.broken) | broken,
        reasons=tuple(f"{places[p].member.name} on {p[1]}: {reason}" for p, reason in reasons.items()),
        n_failed=len({places[place].trial_key for place in counted if place[0] in too_much}),
        seconds=_sum_seconds(plan, stored),
        devices={t.member.member_id: stored[t.trial_key].batch.device for t in plan.trials if t.trial_key in stored},
        reproducible=not lost,
        notes=notes,
        warnings=_warnings(plan, stored),
    )


def _places(plan: Plan, panel: Panel) -> dict[Place, Trial]:
    """Which trial forecasts which series."""
    return {
        (trial.member.member_id, uid): trial
        for trial in plan.trials
        for uid in series_of(trial, panel)
        if uid not in plan.broken
    }


def _reasons(
    uri: str, places: Mapping[Place, Trial], stored: Mapping[str, StoredTrial], lost: Sequence[LostBatch]
) -> dict[Place, str]:
    """Why there is no forecast.

    Raises
    ------
    StorageError
        When a trial is neither stored nor lost.
    """
    gone = {trial.trial_key: batch.reason for batch in lost for trial in batch.batch.trials}
    reasons = {}
    for place, trial in places.items():
        found = stored.get(trial.trial_key)
        if found is None and trial.trial_key not in gone:
            raise StorageError(
                f"{uri} no longer holds the forecasts of {trial.member.name}, which were there: check that no other "
                "run works there, and run the same command again, which trains only what is missing"
            )
        if found is None:
            reasons[place] = gone[trial.trial_key]
        elif found.row.reason is not None:
            reasons[place] = found.row.reason
        elif place[1] in found.row.failed_series:
            reasons[place] = found.row.failed_series[place[1]]
    return reasons


def _broken_series(places: Mapping[Place, Trial], reasons: Mapping[Place, str]) -> dict[str, str]:
    """Series on which every member failed, with the first reason."""
    kept = {place[1] for place in places if place not in reasons}
    broken: dict[str, str] = {}
    for (_, uid), reason in reasons.items():
        if uid not in kept:
            broken.setdefault(uid, reason)
    return broken


def _odd_series(plan: Plan, reasons: Mapping[Place, str]) -> dict[str, str]:
    """Series that never change or are short, on which alone a member failed: they are left out, not the member.

    Of short ones that holds for a few; if there are more, the member is left out, since it could be many that nothing
    would forecast.
    """
    ordinary = _failing_on_ordinary(plan, reasons)
    short = Counter(member_id for member_id, uid in reasons if uid in plan.short)
    few = FEW * sum(plan.series_by_target.values())
    names = {member.member_id: member.name for member in plan.members}
    found: dict[str, str] = {}
    for (member_id, uid), reason in reasons.items():
        if member_id in ordinary or short[member_id] > few:
            continue
        what = "never changes, and" if uid in plan.constant else "is short, and"
        found.setdefault(uid, f"{what} {names[member_id]} cannot learn from it: {reason}")
    return found


def _failing_on_ordinary(plan: Plan, reasons: Mapping[Place, str]) -> set[str]:
    """Members that failed on a series which others of the run are like."""
    odd = plan.short if plan.is_constant else plan.short | plan.constant
    return {member_id for member_id, uid in reasons if uid not in odd}


def _failed_members(reasons: Mapping[Place, str]) -> dict[str, str]:
    """member_id → the first series it failed on, and why."""
    failed: dict[str, str] = {}
    for (member_id, uid), reason in reasons.items():
        failed.setdefault(member_id, f"{uid}: {reason}")
    return failed


def _series_by_target(plan: Plan, panel: Panel, broken: Collection[str]) -> dict[str, list[str]]:
    """The series that are left of each target that has any."""
    found: dict[str, list[str]] = {}
    for series in panel.series:
        if series.unique_id not in plan.broken and series.unique_id not in broken:
            found.setdefault(series.target, []).append(series.unique_id)
    return found


def _judged_windows(
    windows: Sequence[Window], panel: Panel, series: Mapping[str, Sequence[str]]
) -> tuple[tuple[Window, ...], tuple[str, ...]]:
    """The windows with a known amount of every target, and sentences on the others.

    Raises
    ------
    DataError
        When there is none.
    """
    unknown = {window: _unknown_targets(window, panel, series) for window in windows}
    notes = tuple(
        f"the window {iso(window.start)} to {iso(window.end)} is left out: no amount of {' or '.join(missing)} is known"
        for window, missing in unknown.items()
        if missing
    )
    judged = tuple(window for window in windows if not unknown[window])
    if windows and not judged:
        raise DataError(
            where="windows",
            what=f"no backtest window can be judged: {notes[0]}",
            remedy="fill in the missing amounts, or set data.missing to zero where nothing flowed",
        )
    return judged, notes


def _unknown_targets(window: Window, panel: Panel, series: Mapping[str, Sequence[str]]) -> list[str]:
    """Targets of which no amount is known in the window."""
    return [
        target
        for target, unique_ids in series.items()
        if all(np.isnan(panel.truth(uid, window.ds)).all() for uid in unique_ids)
    ]


@dataclass(frozen=True)
class _Found:
    """What the members forecast, by member and series."""

    panel: Panel
    windows: Sequence[Window]
    final: Window
    members: Sequence[Member]
    forecasts: Mapping[Place, Forecasts]

    def cube(self, target: str, series: Sequence[str]) -> tuple[OofCube, FloatArray]:
        """One target's cube ``[n_series, n_windows, horizon, n_members]``, with what was planned, and its final
        forecasts ``[n_series, horizon, n_members]``, without.
        """
        shape = (len(series), len(self.windows), max(w.horizon for w in self.windows))
        y_hat, y = np.full((*shape, len(self.members)), np.nan), np.full(shape, np.nan)
        planned = self._planned(series, shape)
        final = np.empty((len(series), self.final.horizon, len(self.members)))
        for i, uid in enumerate(series):
            for j, window in enumerate(self.windows):
                y[i, j, : window.horizon] = self.panel.truth(uid, window.ds)
            for m, member in enumerate(self.members):
                made = self.forecasts[member.member_id, uid]
                final[i, :, m] = made[self.final.cutoff]
                for j, window in enumerate(self.windows):
                    y_hat[i, j, : window.horizon, m] = made[window.cutoff]
        infos = tuple(_member_info(member) for member in self.members)
        cutoffs = tuple(window.cutoff for window in self.windows)
        y_hat = y_hat if planned is None else y_hat + planned[..., None]
        cube = OofCube(target, tuple(series), cutoffs, infos, y_hat, y, _dates(self.windows), planned)
        order = [infos.index(info) for info in cube.members]
        return cube, final[..., order]

    def _planned(self, series: Sequence[str], shape: tuple[int, int, int]) -> FloatArray | None:
        """What was planned of each window and known at its cutoff, in `shape`; None for data without a plan."""
        if self.panel.planned is None:
            return None
        planned = np.zeros(shape)
        for i, uid in enumerate(series):
            for j, window in enumerate(self.windows):
                planned[i, j, : window.horizon] = self.panel.planned_amounts(uid, window.ds, window.cutoff)
        return planned


def _dates(windows: Sequence[Window]) -> DateArray:
    """Dates of each window, ``[n_windows, horizon]``, padded with NaT."""
    ds = np.full((len(windows), max(w.horizon for w in windows)), np.datetime64("NaT"), dtype="datetime64[D]")
    for row, window in zip(ds, windows, strict=True):
        row[: window.horizon] = window.ds
    return ds


def _sum_seconds(plan: Plan, stored: Mapping[str, StoredTrial]) -> dict[str, float]:
    """Seconds of training by member_id."""
    seconds: dict[str, float] = defaultdict(float)
    for trial in plan.trials:
        if trial.trial_key in stored:
            seconds[trial.member.member_id] += stored[trial.trial_key].row.seconds
    return dict(seconds)


def _warnings(plan: Plan, stored: Mapping[str, StoredTrial]) -> dict[str, Counter[str]]:
    """Warnings of libraries by member_id and category; members without any are left out."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for trial in plan.trials:
        if trial.trial_key in stored and (counts := stored[trial.trial_key].row.warnings):
            found[trial.member.member_id].update(counts)
    return dict(found)
