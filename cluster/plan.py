"""From configuration and data to trials; `cluster.cutting` makes batches of them. Pure: reads and starts nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cluster.config import RunConfig, expand_members
from cluster.versions import installed
from forecasting.backtest import peers_of, reason_of
from forecasting.errors import ConfigError
from forecasting.models import model_type
from forecasting.models.base import Fingerprinted, StackedModel
from forecasting.panel import Panel
from forecasting.scale.members import VERSION
from forecasting.schema import iso
from forecasting.seeding import content_hash
from forecasting.trial import Member, Trial
from forecasting.windows import WindowPlan, plan_windows

__all__ = ["Batch", "Plan", "check_memory", "check_windows", "make_plan"]

SERIES_DAYS = 56
"""Days that a series of a panel must be worth before the first cutoff, so that it sinks no member that others can feed;
a panel that is shorter itself asks for its own length."""

BASE_BYTES, VALUE_BYTES, FORECAST_BYTES = 200 << 20, 110, 290
"""Memory of the driver at its peak: itself, a value of the data, and a day that a member forecasts for a series; as
`tests.bench.panel` measures it."""

MOST_NAMED = 8
"""Series named that are left out."""


@dataclass(frozen=True)
class Batch:
    """Whole trials that are computed together and written as one file."""

    trials: tuple[Trial, ...]
    n_fits: int
    device: str
    stacked: bool
    cost: float
    """Rough seconds: they order the work, and on a GPU they cut it."""
    again: bool = False
    """Whether a worker that died had it: it may have stored the batch and not come to say so."""

    @property
    def batch_id(self) -> str:
        """Name of the file this batch writes."""
        return content_hash([trial.trial_key for trial in self.trials])

    @property
    def family(self) -> str:
        return self.trials[0].member.family

    def halves(self) -> tuple[Batch, Batch]:
        """The same work as two batches."""
        middle = len(self.trials) // 2
        return self._part(self.trials[:middle]), self._part(self.trials[middle:])

    def _part(self, trials: tuple[Trial, ...]) -> Batch:
        share = len(trials) / len(self.trials)
        return Batch(trials, round(self.n_fits * share), self.device, self.stacked, self.cost * share)


@dataclass(frozen=True)
class Plan:
    """Everything a run has to do."""

    config: RunConfig
    members: tuple[Member, ...]
    windows: WindowPlan
    trials: tuple[Trial, ...]
    device: str
    """Device of stacked models: fixed here, and part of their trial keys."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Series of a panel that have no trials of their own, and why."""
    series_by_target: Mapping[str, int] = field(default_factory=dict)
    """How many series each target has."""
    constant: frozenset[str] = frozenset()
    """Series of a panel that never change up to the first cutoff: they are no judge of whether a member can learn."""
    short: frozenset[str] = frozenset()
    """Series of a panel with less than half the history of the longest up to the first cutoff; no judge either."""
    n_periods: int = 0
    """Periods of the data: what a fit takes of a GPU's memory depends on them."""

    @property
    def is_constant(self) -> bool:
        """Whether no series with trials ever changes."""
        return len(self.constant) + len(self.broken) == sum(self.series_by_target.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on the series without trials."""
        named = [f"{uid} is left out: it {reason}" for uid, reason in self.broken.items()]
        more = len(named) - MOST_NAMED
        return (*named[:MOST_NAMED], *([f"{more} more series are left out for such reasons"] if more > 0 else []))

    @property
    def n_fits(self) -> int:
        return len(self.trials) * len(self.windows.fitted)

    def series_per_trial(self, trial: Trial) -> int:
        """How many series the trial is on."""
        return self.series_by_target[trial.unique_id] if trial.member.learns_across else 1

    @property
    def fits_by_family(self) -> dict[str, int]:
        trials = Counter(trial.member.family for trial in self.trials)
        return {family: n * len(self.windows.fitted) for family, n in sorted(trials.items())}


def make_plan(config: RunConfig, panel: Panel, device: str) -> Plan:
    """All trials of the run: every member on every usable series, or on all of a target at once.

    Raises
    ------
    ConfigError, DataError
        As the members' and the windows' checks do.
    """
    members = expand_members(config, panel.axis)
    windows = check_windows(config, panel)
    window_key: list[object] = [[iso(w.cutoff), w.horizon] for w in windows.all]
    if not windows.refit:
        window_key.append("fitted once")
    broken = _broken(panel, windows)
    series = [s for s in panel.series if s.unique_id not in broken]
    own = {uid: panel.fingerprint(uid) for uid in panel.unique_ids}
    shared = {
        target: content_hash([own[s.unique_id] for s in panel.series if s.target == target]) for target in panel.targets
    }
    odd = _odd_units(panel)
    trials = []
    for member in members:
        code = _code_key(member, panel, device)
        read = shared if member.learns_across else own
        model = member.build()
        peers = {target: [own[uid] for uid in peers_of(model, panel, target)] for target in panel.targets}
        for uid, target in {member.unit(s): s.target for s in series}.items():
            seen = [*code, *([peers[target]] if peers[target] else [])]
            seen += [f"scale {VERSION}"] if (uid, member.learns_across) in odd else []
            key = content_hash(member.member_id, uid, config.seed, read[uid], window_key, windows.max_horizon, *seen)
            trials.append(Trial(member, uid, key))
    first = windows.all[0].cutoff
    constant = {s.unique_id for s in series if s.entity is not None and _is_constant(panel, s.unique_id, first)}
    by_target = Counter(s.target for s in panel.series)
    short = _short(panel, [s.unique_id for s in series if s.entity is not None], first)
    return Plan(
        config,
        members,
        windows,
        tuple(trials),
        device,
        broken,
        by_target,
        frozenset(constant),
        short,
        n_periods=len(panel.ds),
    )


def _broken(panel: Panel, windows: WindowPlan) -> dict[str, str]:
    """Series of a panel that no backtest can judge, and why."""
    first = windows.all[0].cutoff
    reasons = {s.unique_id: _fault(panel, s.unique_id, first) for s in panel.series if s.entity is not None}
    return {uid: reason for uid, reason in reasons.items() if reason is not None}


def _fault(panel: Panel, unique_id: str, first: np.datetime64) -> str | None:
    """Why a series cannot be learned from: too short up to the first cutoff."""
    y, there = panel.history(unique_id, first).y, int(np.searchsorted(panel.ds, first, side="right"))
    needed = min(panel.axis.worth(SERIES_DAYS), there)
    if len(y) < needed:
        return (
            f"holds {len(y)} {panel.axis.noun} up to {iso(first)}, the first cutoff, and {needed} are needed: "
            "use fewer windows, or give it more history"
        )
    return None


def _is_constant(panel: Panel, unique_id: str, first: np.datetime64) -> bool:
    y = panel.history(unique_id, first).y
    known = y[~np.isnan(y)]
    return len(known) > 0 and bool((known == known[0]).all())


def _short(panel: Panel, unique_ids: Sequence[str], first: np.datetime64) -> frozenset[str]:
    lengths = {uid: len(panel.history(uid, first).y) for uid in unique_ids}
    longest = max(lengths.values(), default=0)
    return frozenset(uid for uid, n in lengths.items() if n < longest / 2)


def check_windows(config: RunConfig, panel: Panel) -> WindowPlan:
    """The windows of a run, known to fit the data, with a calendar that covers them.

    Raises
    ------
    ConfigError, DataError
        An unknown country, or no window that fits.
    """
    windows = plan_windows(panel.ds, config.windows.spec(), panel.axis)
    panel.calendar.days(windows.final.ds)  # an unknown country is an error of the configuration, not of every trial
    return windows


def check_memory(config: RunConfig, panel: Panel, windows: WindowPlan, free: int | None) -> None:
    """Refuse a run whose forecasts would not fit into the `free` bytes of memory (None: unknown).

    Raises
    ------
    ConfigError
        With the estimate: the driver holds all members' forecasts at once when they are blended and written.
    """
    members, n_series = expand_members(config, panel.axis), len(panel.series)
    days = sum(window.horizon for window in windows.all)
    values = (panel.y.size + panel.past.size) * VALUE_BYTES
    needed = BASE_BYTES + values + n_series * days * len(members) * FORECAST_BYTES
    if free is None or needed <= free:
        return
    raise ConfigError(
        f"{n_series:,} series with {len(members):,} members need about {needed / 1e9:.1f} GB of memory to be blended, "
        f"and {free / 1e9:.1f} GB are free: use fewer members or windows or a shorter horizon, or more memory"
    )


def _odd_units(panel: Panel) -> set[tuple[str, bool]]:
    """Series, and targets (True), with unknown, zero or negative amounts: how models see these is in their keys."""
    begun = np.logical_or.accumulate(~np.isnan(panel.y), axis=1)
    ordinary = np.all(((panel.y > 0) & (panel.unplanned() > 0)) | ~begun, axis=1)
    found = [series for series, fine in zip(panel.series, ordinary.tolist(), strict=True) if not fine]
    return {(s.unique_id, False) for s in found} | {(s.target, True) for s in found}


def _code_key(member: Member, panel: Panel, device: str) -> list[object]:
    """What besides settings and amounts decides a model's numbers: its code, its libraries, where it runs, what else
    it reads.
    """
    cls = model_type(member.model)
    versions = [f"{name}=={installed(name)}" for name in cls.libraries]
    model = member.build()
    where = [device, model.backend(device)] if isinstance(model, StackedModel) else ["cpu"]
    read = [_fingerprint(member.model, model)] if isinstance(model, Fingerprinted) else []
    gaps = [panel.gaps_fingerprint()] if getattr(model, "reads_gaps", False) else []
    return [member.model, cls.version, versions, where, *read, *gaps]


def _fingerprint(name: str, model: Fingerprinted) -> str:
    """Hash of what a model reads besides its history."""
    try:
        found = model.fingerprint()
    except Exception as error:  # the class may be a user's own
        raise ConfigError(f"model {name}: {reason_of(error)} in its fingerprint: mend its class") from None
    if not isinstance(found, str):
        raise ConfigError(f"model {name}: its fingerprint is a {type(found).__name__}: give text")
    return found
