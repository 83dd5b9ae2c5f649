"""A finished run as something to forecast with: its configuration, blend and series, and what data fit it.

A series of a panel concerns itself alone: one that newer data lack, that cannot be read or that has other values is
left out and named. A run on a single table needs all of its series.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cluster.config import RunConfig, expand_members, parse_config
from cluster.keys import AsOf
from cluster.rundir.external import BEYOND, External
from cluster.rundir.run_facts import finished_run
from cluster.rundir.store import RunStore
from cluster.stages.input import identity, load_data
from ensembles.blend.target_blend import TargetBlend
from ensembles.files.blend_json import BlendFile
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.history_parquet import HistoryFile
from ensembles.files.run_json import RunFile
from forecasting.axis import NAMES, WEEK, Axis, infer_axis
from forecasting.calendar import weekday_of
from forecasting.data.formats.columns import first_few
from forecasting.data.loaded import Loaded
from forecasting.data.quality.sizes import is_another_unit, usual_sizes
from forecasting.errors import DataError, StorageError
from forecasting.panel import Panel, Series
from forecasting.schema import BoolArray, DateArray, FloatArray, as_date, iso
from forecasting.trial import Member
from forecasting.windows import Window, window_after

__all__ = ["KnownSeries", "TrainedRun", "left_out", "open_trained"]

SAME_SHARE = 0.5
"""Share of known days that must have the values of the run: fewer are other data, more are a revision."""
ODD_SHARE = 0.1
"""Share of dates that may lie on the run's days off."""
SHOWN = 5
"""Series named in a sentence."""

Known = tuple[DateArray, FloatArray]
"""Periods and amounts of a series as the run knew them, ``[n]`` each."""


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

    def load(self, data: str, as_of: AsOf) -> Loaded:
        """Newer data, on the run's own periods.

        Raises
        ------
        DataError, ConfigError
            As `load_data` does, and for data of other periods than the run's.
        """
        loaded = self._read(data, as_of)
        panel = loaded.panel
        other = _other_periods(self, panel)
        if other is not None:
            what = f"the data are {other}, and the run's periods are {_periods(self.run.axis, self.end)}"
            raise DataError(where=data, what=what, remedy="give data of the run's periods, or start another run")
        return replace(loaded, panel=replace(panel, calendar=replace(panel.calendar, week=self.run.data.week)))

    def _read(self, data: str, as_of: AsOf) -> Loaded:
        """The data as they are; where they are too few to tell their periods, on the run's."""
        try:
            loaded = load_data(self.config, data, as_of)
        except DataError:
            loaded = None
        freq = self.run.data.freq
        if loaded is not None and (loaded.panel.freq == freq or _tells(loaded.panel)):
            return loaded
        spec = self.config.data.model_copy(update={"freq": freq})
        return load_data(self.config.model_copy(update={"data": spec}), data, as_of)

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
        return window_after(panel.end, self.config.windows.spec(), panel.axis)

    @property
    def needed(self) -> tuple[str, ...]:
        """The series it forecasts."""
        return tuple(uid for uids in self.series.values() for uid in uids)


def _tells(panel: Panel) -> bool:
    """Whether there are enough dates to tell days, work days and weeks apart."""
    return len(panel.ds) > 1 and bool(panel.ds[-1] - panel.ds[0] >= np.timedelta64(2 * WEEK, "D"))


def _other_periods(trained: TrainedRun, panel: Panel) -> str | None:
    """What the periods of data are where they are not the run's; None where they are."""
    axis, had = trained.run.axis, panel.ds[~np.isnan(panel.y).all(axis=0)]
    found = panel.axis if panel.freq != axis.freq else infer_axis(had, panel.calendar) or axis
    if found.freq != axis.freq and (panel.freq != axis.freq or found.freq == "W") and _tells(panel):
        return _periods(found, panel.end)
    if axis.freq == "W":
        same = (panel.end - trained.end).astype(np.int64) % WEEK == 0
        return None if same else _periods(panel.axis, panel.end)
    if axis.freq == "B" and panel.calendar.week != axis.calendar.week:
        odd = (axis.calendar.rests(had) & ~axis.calendar.days(had).workday).mean()
        fewer = panel.axis.season_length < axis.season_length and len(had) >= axis.least_history
        return _periods(panel.axis, panel.end) if odd > ODD_SHARE or fewer else None
    return None


def _periods(axis: Axis, end: np.datetime64) -> str:
    """Periods in words, with their weekdays."""
    if axis.freq == "D":
        return "calendar days"
    if axis.freq == "W":
        return f"weeks ({NAMES[int(weekday_of(end))]})"
    rests = axis.calendar.weekly_rest(int(str(end)[:4]))
    return f"work days ({', '.join(name for name, rest in zip(NAMES, rests, strict=True) if not rest)})"


def open_trained(run_dir: str, data: str | None, external: External) -> TrainedRun:
    """A finished run that can forecast again.

    Parameters
    ----------
    data
        What it will forecast from; None: from its own stored history, so that no file of its data is opened.
    external
        What may be opened besides the run directory and the data.

    Raises
    ------
    StorageError
        When there is none, it kept no states, another version of this program wrote it, or its configuration names
        what may not be opened.
    """
    store = RunStore(run_dir)
    run = finished_run(store)
    where = f"{store.uri}/run.json"
    config = parse_config(run.config, where)
    unread = {} if data is not None else dict.fromkeys(BEYOND)
    spec = config.data.model_copy(update={"as_of": None, **unread})  # newer data go on
    config = config.model_copy(update={"data": spec})
    _check_usable(store, config)
    blends = store.read(BlendFile).target_blends()
    forecast = store.read(ForecastFile).blend
    series = {target: tuple(dict.fromkeys(forecast.of_target(target).unique_id)) for target in blends}
    members = _by_id(config, run.axis)
    for blend in blends.values():
        for info in blend.combination.members:
            if info.member_id not in members:
                raise StorageError(
                    f"the settings of {info.name} have changed with the version of this program: "
                    "use the version that trained it, or run again with another --run-dir"
                )
    trained = TrainedRun(store, run, config, blends, series, members)
    permitted = external.permit(config, trained.wanted().values(), data or "", where)
    return replace(trained, config=permitted, members=_by_id(permitted, run.axis))


def _by_id(config: RunConfig, axis: Axis) -> dict[str, Member]:
    return {member.member_id: member for member in expand_members(config, axis)}


def _check_usable(store: RunStore, config: RunConfig) -> None:
    if config.run.keep == "none":
        raise StorageError(
            f"{store.uri} kept no fitted states (run.keep: none): "
            "run again with --set run.keep=blend and another --run-dir"
        )


@dataclass(frozen=True)
class KnownSeries:
    """The run's series in newer data: what is said of those that cannot be forecast, and notes for the user."""

    left: Mapping[str, str]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, trained: TrainedRun, loaded: Loaded) -> KnownSeries:
        """Raises DataError when no series of the run can be forecast, or one of a single table cannot."""
        before = _known(trained)
        reasons = {problem.series.unique_id: problem.reason for problem in loaded.problems}
        had = trained.run.data.decimals
        rounding = 0.5 * 10.0 ** -(loaded.decimals if had is None else min(loaded.decimals, had))
        faults = {uid: _fault(uid, loaded.panel, reasons, before, rounding) for uid in trained.needed}
        faults |= _spelt(faults, loaded.panel)
        left = {uid: fault for uid, fault in faults.items() if fault is not None}
        notes = left_out(left, trained.needed)
        kept = [uid for uid in trained.needed if uid not in left]
        return cls(left, (*notes, *_notes(trained, loaded.panel, kept, before)))


def left_out(left: Mapping[str, str], needed: Sequence[str]) -> tuple[str, ...]:
    """Notes on the series left out, by what is said of each: those of which the same is said stand together.

    Raises
    ------
    DataError
        The series is of a single table, or none is left.
    """
    for uid, reason in left.items():
        if Series.named(uid).entity is None or len(left) == len(needed):
            raise DataError(f"{uid}, which the run forecasts, {reason}")
    alike: dict[str, list[str]] = {}
    for uid, reason in left.items():
        alike.setdefault(reason, []).append(uid)
    said = [
        f"{uids[0]} is left out: it {reason}"
        if len(uids) == 1
        else f"{first_few(uids, SHOWN)} are left out: each {reason}"
        for reason, uids in list(alike.items())[:SHOWN]
    ]
    more = [uid for uids in list(alike.values())[SHOWN:] for uid in uids]
    return (*said, *([f"left out too: {first_few(more, SHOWN)}"] if more else []))


def _known(trained: TrainedRun) -> dict[str, Known]:
    """What the run knew of each of its series; nothing where it kept no history."""
    if not trained.store.has(HistoryFile):
        return {}
    history = trained.store.read(HistoryFile)
    order = np.argsort(history.unique_id, kind="stable")
    uids, starts = np.unique(history.unique_id[order], return_index=True)
    return {
        str(uid): (history.ds[rows], history.y[rows])
        for uid, rows in zip(uids, np.split(order, starts[1:]), strict=True)
    }


def _fault(
    uid: str, panel: Panel, reasons: Mapping[str, str], before: Mapping[str, Known], rounding: float
) -> str | None:
    """What keeps a series of the run from being forecast from these data, as "it …"; None where nothing does.

    Amounts that differ by no more than `rounding` are the same.
    """
    if uid in reasons:
        return f"cannot be read: {reasons[uid]}"
    if uid not in panel:
        return f"is missing from the data, which hold {first_few(panel.unique_ids, SHOWN)}: give the run's series"
    ds, y, now = _compared(uid, panel, before)
    known = ~np.isnan(now)
    if not known.any():
        return _other_size(uid, panel, y)
    same = np.isclose(now, y, rtol=1e-12, atol=rounding)
    if same[known].mean() >= SAME_SHARE:
        return None
    day = int(np.flatnonzero(known & ~same)[0])
    return (
        f"has {now[day]:.10g} on {iso(ds[day])} where the run had {y[day]:.10g}, and others on most days: these are "
        "other data, or another unit; give newer data of the same series"
    )


def _spelt(faults: Mapping[str, str | None], panel: Panel) -> dict[str, str]:
    """What is said of series that the data seem to spell in another way: a single new id is like the run's."""
    missing = [uid for uid in faults if uid not in panel]
    new = [uid for uid in panel.unique_ids if uid not in faults]
    found = {}
    for likeness in (_letters, _spelling):
        by_likeness: dict[str, list[str]] = {}
        for uid in new:
            by_likeness.setdefault(likeness(uid), []).append(uid)
        for uid in missing:
            others = by_likeness.get(likeness(uid), [])
            if len(others) == 1 and uid not in found:
                how = "with its letters encoded in another way" if likeness is _letters else f"as {others[0]}"
                found[uid] = f"is in the data {how}: write it as the run has it"
    return found


def _letters(uid: str) -> str:
    """An id however its letters are encoded."""
    return unicodedata.normalize("NFC", uid)


def _spelling(uid: str) -> str:
    """An id whatever its capitals, leading zeros and spaces."""
    return "".join(unicodedata.normalize("NFKC", uid).casefold().split()).lstrip("0")


def _other_size(uid: str, panel: Panel, y: FloatArray) -> str | None:
    """Why a series that has no day of the run is in another unit; None where its size does not say so."""
    sizes = usual_sizes(panel.y[panel.index(uid)], y)
    if sizes is None or not is_another_unit(sizes[0] / sizes[1]):
        return None
    return (
        f"has amounts of about {sizes[0]:.6g}, where those of the run were about {sizes[1]:.6g}: they look like "
        "another unit or other data; give amounts in the run's unit, or the days before too, which the run knows"
    )


def _compared(uid: str, panel: Panel, before: Mapping[str, Known]) -> tuple[DateArray, FloatArray, FloatArray]:
    """Days and values of the run, and what the data say of these days, NaN for nothing: ``[n]`` each."""
    ds, y = before.get(uid, (panel.ds[:0], np.empty(0)))
    return ds, y, panel.truth(uid, ds)


def _notes(trained: TrainedRun, panel: Panel, kept: Sequence[str], before: Mapping[str, Known]) -> Iterable[str]:
    """What is odd about data that can be used."""
    needed = set(trained.needed)
    more = [uid for uid in panel.unique_ids if uid not in needed]
    if more:
        yield f"{first_few(more, SHOWN)}: not in the run's forecast, and without one here"
    late = [uid for uid in kept if np.isnan(panel.y[panel.index(uid), -1])]
    if late:
        yield f"{first_few(late, SHOWN)}: not known up to {iso(panel.end)}, and forecast from the last known amounts"
    if panel.ds[0] <= trained.end and identity(panel.until(trained.end)) == trained.run.data.fingerprint:
        return
    compared = {uid: _compared(uid, panel, before) for uid in kept}
    end = iso(trained.end)
    if panel.ds[0] > trained.end:
        alone = f"{len(panel.ds)} {panel.axis.noun if len(panel.ds) > 1 else panel.axis.noun.removesuffix('s')} alone"
        yield (
            f"the data begin on {iso(panel.ds[0])}, after the run's, which end on {end}: the forecast is made from "
            f"{alone}; give the days before too"
        )
        return
    changed = [uid for uid, (_, y, now) in compared.items() if _differs(y, now).any()]
    if changed:
        yield f"{first_few(changed, SHOWN)}: other values up to {end} than those the run was trained on"
    short = [uid for uid, (_, _, now) in compared.items() if np.isnan(now).any()]
    if short:
        yield f"{first_few(short, SHOWN)}: fewer values up to {end} than those the run was trained on"
    if not (changed or short or _others_differ(trained, panel, kept, before)):
        yield f"the data up to {end} are not quite those the run was trained on"


def _differs(y: FloatArray, now: FloatArray) -> BoolArray:
    return np.asarray(~np.isnan(now) & (now != y))


def _others_differ(trained: TrainedRun, panel: Panel, kept: Sequence[str], before: Mapping[str, Known]) -> bool:
    """Whether series that are not forecast tell these data from the run's: what is forecast may be the same."""
    if len(kept) < len(trained.needed) or (before and len(panel.series) != trained.run.data.series):
        return True
    others = before.keys() - set(kept)
    compared = (_compared(uid, panel, before) for uid in others if uid in panel)
    return any((np.isnan(now) | _differs(y, now))[~np.isnan(y)].any() for _, y, now in compared)
