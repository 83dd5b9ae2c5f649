"""`tidecast predict`: the next days from new data, by the members a run has trained and the blend it chose.

Nothing is fitted. Each member's stored state meets the new history: levels, lags and an ARIMA's filter are carried
forward to its last day, and the blend combines the forecasts with the weights, the factor and the bands of the run. On
the run's own data this gives the run's own forecast, to the last bit.

`update` re-estimates the one level that some states hold fixed (see `forecasting.models.base.Updatable`): the mean an
ARIMA returns to, the range `lstm-classic` is scaled by. All other members take their level from the history they
are given, with or without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster.config import RunConfig, expand_members, parse_config
from cluster.data import identity, load_data
from cluster.fits import Fit, find_fits
from cluster.storage import Storage, without_secrets
from cluster.store import RunStore
from ensembles.stored_blend import StoredBlend, blend_of_run
from forecasting.errors import DataError, StorageError, TrialError
from forecasting.models.base import Updatable
from forecasting.panel import Panel
from forecasting.schema import BLEND, DS, MEMBER, UNIQUE_ID, Y_HAT, FloatArray, as_date, as_dates, iso
from forecasting.sources import SeriesProblem
from forecasting.windows import Window, plan_windows

if TYPE_CHECKING:
    import pyarrow as pa

    from ensembles.intervals import Bands

__all__ = ["Prediction", "predict"]

LONG_ENOUGH = 1000
"""Days of a make-believe calendar on which any configuration's window fits: what follows the data depends on their last
day alone."""


@dataclass(frozen=True)
class Prediction:
    """Forecasts from new data, and the files they make.

    `table` is laid out like forecast.parquet: unique_id, ds, member, y_hat and the blend's bands; `notes` are
    sentences for the user.
    """

    run: str
    data: str
    window: Window
    updated: bool
    table: pa.Table
    submission: bytes
    people: bytes
    notes: tuple[str, ...]

    def write(self, out: str | None = None) -> str:
        """Write submission.csv, forecast.csv, forecast.parquet and prediction.json into a folder; gives its name.

        By default ``predictions/<last day known>`` in the run directory.
        """
        from ensembles.tables import parquet_bytes

        storage, place = (
            (Storage(self.run), f"predictions/{iso(self.window.cutoff)}/") if out is None else (Storage(out), "")
        )
        facts = {
            "schema_version": 1,
            "run": without_secrets(self.run),
            "data": without_secrets(self.data),
            "cutoff": iso(self.window.cutoff),
            "start": iso(self.window.start),
            "end": iso(self.window.end),
            "updated": self.updated,
            "notes": list(self.notes),
        }
        storage.write(f"{place}submission.csv", self.submission)
        storage.write(f"{place}forecast.csv", self.people)
        storage.write(f"{place}forecast.parquet", parquet_bytes(self.table))
        storage.write(f"{place}prediction.json", (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())
        return f"{storage.uri}/{place}".rstrip("/")


def predict(run_dir: str, data: str, *, as_of: str | None = None, update: bool = False) -> Prediction:
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

    Raises
    ------
    StorageError
        The directory holds no finished run, its states were dropped, or they were made by other versions.
    DataError, ConfigError
        The data cannot be read, lack a series, end too early or in mid-month, or a member cannot forecast from them.
    """
    store = RunStore(run_dir)
    facts = _facts_of_run(store)
    config = parse_config(facts["config"], f"{run_dir}/run.json")
    blends = blend_of_run(store.read_json("blend.json"))
    series = _series_of_run(store, blends)
    loaded = load_data(config, data, as_of)
    window = _window(config, loaded.panel, facts)
    _check_series(series, loaded.panel, loaded.problems)
    fits = find_fits(store, _wanted(blends, series, _members(config, blends)), as_date(facts["data"]["end"]))
    with _threads(config.cluster.cpus_per_worker):
        made = dict(_forecasts(fits, loaded.panel, window, update))
    members = {target: _stack(blend, series[target], made, window) for target, blend in blends.items()}
    return _prediction(
        config,
        blends,
        series,
        members,
        loaded.panel,
        window,
        (run_dir, data, update),
        _notes(facts, loaded.panel, series),
    )


# -- what fits the run


def _facts_of_run(store: RunStore) -> dict[str, Any]:
    from cluster.pipeline import RUN_SCHEMA
    from ensembles.blend_facts import BLEND_SCHEMA

    facts = store.run_facts()
    if facts is None or facts["status"] != "done":
        raise StorageError(f"{store.uri} holds no finished run: run it to its end first")
    for name, found, known in (
        ("run.json", facts["schema_version"], RUN_SCHEMA),
        ("blend.json", store.read_json("blend.json")["schema_version"], BLEND_SCHEMA),
    ):
        if found != known:
            raise StorageError(
                f"{store.uri}/{name} has schema version {found} and this program reads {known}: "
                "use the version that wrote it, or run again with another --run-dir"
            )
    if facts["config"]["run"]["keep"] == "none":
        raise StorageError(
            f"{store.uri} kept no fitted states (run.keep: none): "
            "run again with --set run.keep=blend and another --run-dir"
        )
    return facts


def _series_of_run(store: RunStore, targets: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The series of each target that the run forecasts, in its order."""
    import io

    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(store.storage.read("forecast.parquet")), filters=[(MEMBER, "=", BLEND)])
    found = list(dict.fromkeys(table[UNIQUE_ID].to_pylist()))
    return {t: tuple(uid for uid in found if uid == t or uid.endswith(f"/{t}")) for t in targets}


def _window(config: RunConfig, panel: Panel, facts: Mapping[str, Any]) -> Window:
    """The days to forecast."""
    if panel.end < as_date(facts["data"]["end"]):
        raise DataError(
            f"the data end on {iso(panel.end)}, before the run's own, which end on {facts['data']['end']}: "
            "give data up to that day or later"
        )
    days = panel.end - np.arange(LONG_ENOUGH)[::-1]
    window = plan_windows(days, replace(config.windows.spec(), n_windows=1, split=None)).final
    panel.calendar.days(window.ds)
    return window


def _check_series(series: Mapping[str, Sequence[str]], panel: Panel, problems: Sequence[SeriesProblem]) -> None:
    reasons = {problem.series.unique_id: problem.reason for problem in problems}
    known = set(panel.unique_ids)
    for uids in series.values():
        for uid in uids:
            if uid in reasons:
                raise DataError(f"{uid}, which the run forecasts, cannot be read: {reasons[uid]}")
            if uid not in known:
                raise DataError(
                    f"the data hold no series {uid}, which the run forecasts; they hold {_some(panel.unique_ids)}: "
                    "give data with the run's series"
                )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _notes(facts: Mapping[str, Any], panel: Panel, series: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    notes = []
    more = len(panel.series) - sum(len(uids) for uids in series.values())
    if more:
        notes.append(f"{more} series of the data are not in the run's forecast and get none")
    end = as_date(facts["data"]["end"])
    if identity(panel.until(end)) != facts["data"]["fingerprint"]:
        notes.append(f"the data up to {iso(end)} are not those the run was trained on")
    return tuple(notes)


def _members(config: RunConfig, blends: Mapping[str, StoredBlend]) -> dict[str, Any]:
    """Members of the configuration by id; all of the blend are among them."""
    members = {member.member_id: member for member in expand_members(config)}
    for blend in blends.values():
        for info in blend.fitted.members:
            if info.member_id not in members:
                raise StorageError(
                    f"the settings of {info.name} have changed with the version of this program: "
                    "use the version that trained it, or run again with another --run-dir"
                )
    return members


def _wanted(
    blends: Mapping[str, StoredBlend], series: Mapping[str, Sequence[str]], members: Mapping[str, Any]
) -> dict[tuple[str, str], Any]:
    """(member_id, unique_id) → member, for all that the blend uses."""
    return {
        (info.member_id, uid): members[info.member_id]
        for target, blend in blends.items()
        for info, needed in zip(blend.fitted.members, blend.needed, strict=True)
        if needed
        for uid in series[target]
    }


# -- forecasts


@contextmanager
def _threads(n_threads: int) -> Iterator[None]:
    """The threads of the run, for the same bits; a notebook gets its own back."""
    import scipy.linalg  # noqa: F401 - its BLAS must be loaded before it can be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(n_threads):
        yield


def _forecasts(
    fits: Iterator[Fit], panel: Panel, window: Window, update: bool
) -> Iterator[tuple[tuple[str, str], FloatArray]]:
    """(member_id, unique_id) → ``[horizon]``."""
    for fit in fits:
        history = panel.history(fit.unique_id)
        model, state = fit.member.build(), fit.state
        try:
            if update and isinstance(model, Updatable):
                state = model.update(state, history)
            y_hat = np.asarray(model.predict(state, history, window.ds), dtype=np.float64)
            if y_hat.shape != (window.horizon,) or not np.isfinite(y_hat).all():
                raise TrialError("its forecast has values that are not finite, or too few of them")
        except MemoryError:
            raise
        except Exception as error:  # whatever a model's library raises of these data
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DataError(
                f"{fit.member.name} cannot forecast {fit.unique_id} from {iso(window.cutoff)}: {reason}"
            ) from None
        yield (fit.member.member_id, fit.unique_id), np.maximum(y_hat, 0.0)


def _stack(
    blend: StoredBlend, uids: Sequence[str], made: Mapping[tuple[str, str], FloatArray], window: Window
) -> FloatArray:
    """Members' forecasts ``[n_series, horizon, n_members]``, 0 for members without weight."""
    y_hat = np.zeros((len(uids), window.horizon, len(blend.fitted.members)))
    for i, uid in enumerate(uids):
        for m, info in enumerate(blend.fitted.members):
            if (info.member_id, uid) in made:
                y_hat[i, :, m] = made[info.member_id, uid]
    return y_hat


def _prediction(
    config: RunConfig,
    blends: Mapping[str, StoredBlend],
    series: Mapping[str, Sequence[str]],
    members: Mapping[str, FloatArray],
    panel: Panel,
    window: Window,
    origin: tuple[str, str, bool],
    notes: tuple[str, ...],
) -> Prediction:
    from ensembles.submission import forecast_csv, submission_csv

    targets = tuple(config.data.targets)
    blended = {target: blend.apply(members[target]) for target, blend in blends.items()}
    bands = {target: blend.bands(blended[target]) for target, blend in blends.items()}
    by_series = {uid: blended[t][i] for t in blends for i, uid in enumerate(series[t])}
    bands_of = {uid: bands[t].series(i) for t in blends for i, uid in enumerate(series[t])}
    net = (targets[0], targets[1]) if len(targets) == 2 else None
    people = forecast_csv(window.ds, by_series, targets, panel.calendar, config.data.unit, net, bands_of)
    table = _table(blends, series, members, blended, bands, window)
    run, data, updated = origin
    return Prediction(run, data, window, updated, table, submission_csv(window.ds, by_series, targets), people, notes)


def _table(
    blends: Mapping[str, StoredBlend],
    series: Mapping[str, Sequence[str]],
    members: Mapping[str, FloatArray],
    blended: Mapping[str, FloatArray],
    bands: Mapping[str, Bands],
    window: Window,
) -> pa.Table:
    """The layout of forecast.parquet, with the members that have weight."""
    import pyarrow as pa

    parts = []
    for target, blend in blends.items():
        used = [m for m, needed in enumerate(blend.needed) if needed]
        for i, uid in enumerate(series[target]):
            columns = [*(members[target][i, :, m] for m in used), blended[target][i]]
            names = [*(blend.fitted.members[m].name for m in used), BLEND]
            n = window.horizon
            nothing = np.full(n * len(used), np.nan)
            ends = bands[target].series(i).columns()
            parts.append(
                pa.table(
                    {
                        UNIQUE_ID: pa.array([uid] * (n * len(names)), pa.string()),
                        DS: pa.array(as_dates(np.tile(window.ds, len(names)))),
                        MEMBER: pa.array(np.repeat(names, n).tolist(), pa.string()),
                        Y_HAT: pa.array(np.concatenate(columns)),
                        **{k: pa.array(np.append(nothing, v), from_pandas=True) for k, v in ends.items()},
                    }
                )
            )
    return pa.concat_tables(parts)
