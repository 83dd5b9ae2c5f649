"""A forecast as it is issued: from a finished run or a prediction to a vintage of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster.ledger.place import Added, Ledger
from cluster.rundir.run_facts import finished_run
from cluster.rundir.store import RunStore
from cluster.stages.input import identity
from cluster.versions import installed
from ensembles.explanation.explanation import LEARNED, PARTS, Explanation, explain
from ensembles.explanation.of_run import panel_of_run
from ensembles.files.amounts import Amounts
from ensembles.files.blend_json import BlendFile
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.history_parquet import HistoryFile
from ensembles.files.run_json import PlannedRow, RunFile
from ensembles.ledger.files.facts import VintageFacts
from ensembles.ledger.files.vintage import Vintage
from forecasting.schema import FloatArray, iso
from forecasting.seeding import content_hash

if TYPE_CHECKING:
    from cluster.stages.prediction import Prediction
    from forecasting.planned.amounts import Planned

__all__ = ["add_prediction", "add_run", "issued_by", "plan_print", "vintage_of_prediction", "vintage_of_run"]

APART = ("run", "cluster")
"""Sections of a configuration that say where and how a run ran, and change no forecast."""
APART_OF_DATA = ("as_of", "cache")


def add_run(store: RunStore, place: str) -> Added:
    """Add the forecast of a finished run to the ledger at `place`, unless it is there.

    Raises
    ------
    StorageError
        When the ledger cannot be written, or was written by a newer version of this program.
    ConfigError
        When the ledger holds forecasts of another kind.
    """
    return Ledger(place).add(vintage_of_run(store))


def add_prediction(prediction: Prediction, place: str) -> Added:
    """Add a prediction to a ledger, as `add_run`."""
    return Ledger(place).add(vintage_of_prediction(prediction))


def issued_by(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration, as JSON has it, belongs to its forecasts."""
    kept = {name: value for name, value in config.items() if name not in APART}
    data = {name: value for name, value in kept["data"].items() if name not in APART_OF_DATA}
    return {**kept, "data": data}


def plan_print(plan: Planned | None) -> str:
    """Fingerprint of what was planned; "" of nothing."""
    rows = [] if plan is None else [PlannedRow.of(row).model_dump(mode="json") for row in plan.rows]
    return content_hash(rows) if rows else ""


def vintage_of_run(store: RunStore) -> Vintage:
    """The forecast of a finished run, with its parts."""
    run, forecast = finished_run(store), store.read(ForecastFile)
    facts = _facts(run, forecast, run.data.fingerprint).model_copy(
        update={
            "as_of": run.data.end,
            "trained_until": run.data.end,
            "events": run.events,
            "week": run.data.week,
            "plan": plan_print(run.plan),
        }
    )
    factors = {target: blend.factor for target, blend in store.read(BlendFile).target_blends().items()}
    if not store.has(HistoryFile):
        return Vintage.of(facts, forecast)
    panel = panel_of_run(store.read(HistoryFile), run)
    return Vintage.of(facts, forecast, _parts(forecast, explain(forecast, panel, factors, run.amounts), run.amounts))


def vintage_of_prediction(prediction: Prediction) -> Vintage:
    """A prediction, with its parts."""
    trained, panel, forecast = prediction.trained, prediction.panel, prediction.forecast
    facts = _facts(trained.run, forecast, identity(panel)).model_copy(
        update={
            "origin": "predict",
            "as_of": iso(prediction.window.cutoff),
            "trained_until": iso(trained.end),
            "events": panel.calendar.events,
            "week": panel.calendar.week,
            "plan": plan_print(panel.planned),
        }
    )
    return Vintage.of(facts, forecast, _parts(forecast, prediction.explanation, prediction.amounts))


def _facts(run: RunFile, forecast: ForecastFile, data: str) -> VintageFacts:
    """Facts of a forecast by a run; the days and the calendar are the run's."""
    config = issued_by(run.config)
    return VintageFacts(
        as_of=run.data.end,
        start=iso(forecast.ds.min()),
        end=iso(forecast.ds.max()),
        trained_until=run.data.end,
        origin="run",
        unit=config["data"]["unit"],
        units=run.units if config["data"].get("units") else {},
        freq=run.data.freq,
        decimals=run.data.decimals,
        signed=run.data.signed,
        weights=config["data"]["targets"],
        score=config["score"]["surrogate"],
        data=data,
        configuration=content_hash(config),
        config=config,
        program=installed("tidecast"),
    )


def _parts(forecast: ForecastFile, found: Explanation, amounts: Amounts) -> dict[str, FloatArray]:
    """Parts of the blend's rows in the unit of the data, which add up to it: rounding goes to the learned part."""
    blend, n_days = forecast.blend, len(found.ds)
    rows = {uid: k for k, uid in enumerate(found.unique_ids)}
    place = np.array([rows[uid] for uid in blend.unique_id]) * n_days + np.searchsorted(found.ds, blend.ds)
    values = found.parts.astype(np.float64).reshape(-1, len(PARTS))[place] * amounts.divisor
    parts: dict[str, FloatArray] = {name: values[:, k] for k, name in enumerate(PARTS)}
    parts[LEARNED] = parts[LEARNED] + (blend.y_hat - values.sum(axis=1))
    return parts
