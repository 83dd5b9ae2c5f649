"""A finished run as something to forecast with: its configuration, blend and series, and what data fit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cluster.config import RunConfig, expand_members, parse_config
from cluster.rundir.run_facts import finished_run
from cluster.rundir.store import RunStore
from cluster.stages.input import identity
from ensembles.blend.target_blend import TargetBlend
from ensembles.files.blend_json import BlendFile
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.oof_parquet import OofFile
from ensembles.files.run_json import RunFile
from forecasting.data.loaded import Loaded
from forecasting.errors import DataError, StorageError
from forecasting.panel import Panel
from forecasting.schema import as_date, iso
from forecasting.trial import Member
from forecasting.windows import Window, plan_windows

__all__ = ["TrainedRun", "open_trained"]

LONG_ENOUGH = 1000
"""Length of a dummy date range, long enough for any window: what follows the data depends on their last day alone."""
SAME_SHARE = 0.5
"""Share of known days that must have the values of the run: fewer are other data, more are a revision."""


@dataclass(frozen=True)
class TrainedRun:
    """What a run left behind; `blends` and `series` by target, `members` by id."""

    store: RunStore
    run: RunFile
    config: RunConfig
    blends: Mapping[str, TargetBlend]
    series: Mapping[str, tuple[str, ...]]
    members: Mapping[str, Member]

    @property
    def end(self) -> np.datetime64:
        """Last day of the data it was trained on."""
        return as_date(self.run.data.end)

    def wanted(self) -> dict[tuple[str, str], Member]:
        """(member_id, unique_id) → member, for all that the blend uses."""
        return {
            (info.member_id, uid): self.members[info.member_id]
            for target, blend in self.blends.items()
            for info, needed in zip(blend.combination.members, blend.needed, strict=True)
            if needed
            for uid in self.series[target]
        }

    def next_window(self, panel: Panel) -> Window:
        """The days that follow the data.

        Raises
        ------
        DataError
            When the data end before the run's own, or in mid-month where windows are months.
        """
        if panel.end < self.end:
            raise DataError(
                f"the data end on {iso(panel.end)}, before the run's own, which end on {iso(self.end)}: "
                "give data up to that day or later"
            )
        days = panel.end - np.arange(LONG_ENOUGH)[::-1]
        return plan_windows(days, replace(self.config.windows.spec(), n_windows=1, split=None)).final

    def check_data(self, loaded: Loaded) -> tuple[str, ...]:
        """Refuse data that are not of this run's series; gives notes on what is odd but can be used.

        Raises
        ------
        DataError
            When a series is missing, cannot be read, or has other values on the days the run knows.
        """
        reasons = {problem.series.unique_id: problem.reason for problem in loaded.problems}
        panel, needed = loaded.panel, [uid for uids in self.series.values() for uid in uids]
        for uid in needed:
            if uid in reasons:
                raise DataError(f"{uid}, which the run forecasts, cannot be read: {reasons[uid]}")
            if uid not in panel.unique_ids:
                raise DataError(
                    f"the data hold no series {uid}, which the run forecasts; they hold {_some(panel.unique_ids)}: "
                    "give data with the run's series"
                )
        self._check_values(panel)
        notes = []
        if len(panel.series) > len(needed):
            more = len(panel.series) - len(needed)
            notes.append(f"{more} series of the data are not in the run's forecast and get none")
        if panel.ds[0] > self.end or identity(panel.until(self.end)) != self.run.data.fingerprint:
            notes.append(f"the data up to {iso(self.end)} are not quite those the run was trained on")
        return tuple(notes)

    def _check_values(self, panel: Panel) -> None:
        """Compare with the actual values of the backtest's days, which the run keeps."""
        blend = self.store.read(OofFile).blend
        uids, days, y = blend.unique_id, blend.ds, blend.y
        for uid in np.unique(uids):
            mine = uids == uid
            now = panel.truth(str(uid), days[mine])
            known = ~np.isnan(now) & ~np.isnan(y[mine])
            if known.any() and (now == y[mine])[known].mean() < SAME_SHARE:
                day = int(np.flatnonzero(known & (now != y[mine]))[0])
                raise DataError(
                    f"{uid} on {iso(days[mine][day])} is {now[day]:.10g} and was {y[mine][day]:.10g} in the run, and "
                    "so on most days: these are other data, or another unit; give newer data of the same series"
                )


def open_trained(run_dir: str) -> TrainedRun:
    """A finished run that can forecast again.

    Raises
    ------
    StorageError
        When there is none, it kept no states, or another version of this program wrote it.
    """
    store = RunStore(run_dir)
    run = finished_run(store)
    config = parse_config(run.config, f"{store.uri}/run.json")
    _check_usable(store, config)
    blends = store.read(BlendFile).target_blends()
    forecast = store.read(ForecastFile).blend
    series = {target: tuple(dict.fromkeys(forecast.of_target(target).unique_id)) for target in blends}
    members = {member.member_id: member for member in expand_members(config)}
    for blend in blends.values():
        for info in blend.combination.members:
            if info.member_id not in members:
                raise StorageError(
                    f"the settings of {info.name} have changed with the version of this program: "
                    "use the version that trained it, or run again with another --run-dir"
                )
    return TrainedRun(store, run, config, blends, series, members)


def _check_usable(store: RunStore, config: RunConfig) -> None:
    if config.run.keep == "none":
        raise StorageError(
            f"{store.uri} kept no fitted states (run.keep: none): "
            "run again with --set run.keep=blend and another --run-dir"
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
