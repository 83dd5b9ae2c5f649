"""Reports of stored runs: what `tidecast run` ends with, and what can be made again from its directory alone."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cluster.config import expand_members, parse_config
from cluster.rundir.storage import Storage
from cluster.rundir.store import RunStore
from ensembles.files.forecast_tables import parquet_bytes
from ensembles.report.data import ReportData
from ensembles.report.page import liquidity_of, render
from ensembles.risk.alert_quality import AlertQuality, judge_alerts, read_labels
from forecasting.calendar import Calendar
from forecasting.errors import DataError, StorageError
from forecasting.panel import Panel
from forecasting.schema import DS, UNIQUE_ID, Y

if TYPE_CHECKING:
    from ensembles.evaluation.compare import Comparison
    from ensembles.risk.alerts import Alerts

__all__ = [
    "Monitored",
    "compare_runs",
    "monitor_run",
    "report_data",
    "write_comparison",
    "write_figures_of",
    "write_history",
    "write_reports",
]

SEVERITIES = (0.0, 1.0, 1.5, 2.0, 3.0)
"""At which alerts are judged: all of them, those beyond the widest band, and so on in its half widths."""


def write_history(store: RunStore, panel: Panel) -> None:
    """history.parquet: unique_id, ds, y of every usable series, for pictures and alerts."""
    row, day = np.nonzero(~np.isnan(panel.y))
    names = pa.DictionaryArray.from_arrays(pa.array(row, pa.int32()), pa.array(panel.unique_ids, pa.string()))
    columns = {UNIQUE_ID: names.cast(pa.string()), DS: pa.array(panel.ds[day]), Y: pa.array(panel.y[row, day])}
    store.storage.write("history.parquet", parquet_bytes(pa.table(columns)))


def report_data(store: RunStore) -> ReportData:
    """Everything a report is made of, from the stored files.

    Raises
    ------
    StorageError
        When the directory holds no run that came to an end.
    """
    facts = store.run_facts()
    if facts is None or not store.storage.exists("leaderboard.json"):
        raise StorageError(f"{store.uri} holds no finished run: run it to its end first")
    return ReportData(
        board=store.read_json("leaderboard.json"),
        blend=store.read_json("blend.json") if store.storage.exists("blend.json") else None,
        run=facts,
        oof=_table(store, "oof.parquet"),
        forecast=_table(store, "forecast.parquet"),
        history=_table(store, "history.parquet"),
        learning=_learning(store, facts),
        quality=facts.get("quality"),
        calendar=Calendar(facts["config"]["calendar"], tuple((day, name) for day, name in facts.get("events", []))),
    )


def _table(store: RunStore, name: str) -> pa.Table | None:
    return pq.read_table(io.BytesIO(store.storage.read(name))) if store.storage.exists(name) else None


def _learning(store: RunStore, facts: Mapping[str, Any]) -> dict[str, list[dict[str, list[float]]]]:
    """Learning curves of the final fits whose states were kept, by setting."""
    names = {m.member_id: m.setting for m in expand_members(parse_config(facts["config"], "run.json"))}
    curves: dict[str, list[dict[str, list[float]]]] = defaultdict(list)
    records = store.records()
    for name in store.storage.names("batches", ".safetensors"):
        for key, state in store.states(name.removesuffix(".safetensors") + ".parquet").items():
            member_id = records[key].member_id if key in records else None
            if member_id in names and "train_loss" in state.meta:
                curve = {"train": state.meta["train_loss"], "valid": state.meta.get("valid_loss", [])}
                curves[names[member_id]].append(curve)
    return dict(curves)


def write_reports(store: RunStore) -> ReportData:
    """Write report.html, liquidity.csv and alerts.csv from what is stored."""
    from ensembles.files.liquidity_csv import liquidity_csv
    from ensembles.risk.alerts import alerts_csv, alerts_of_backtest

    data = report_data(store)
    found = liquidity_of(data)
    if found is not None:
        store.storage.write("liquidity.csv", liquidity_csv(found, data.days, data.unit))
    if data.oof is not None:
        store.storage.write("alerts.csv", alerts_csv(alerts_of_backtest(data.oof, data.days), data.unit))
    store.storage.write("report.html", render(data).encode())
    return data


def write_figures_of(data: ReportData, folder: str) -> Sequence[str]:
    """Write the report's pictures as PNG and SVG into a folder; gives their names."""
    from ensembles.report.charts.image_files import chart_files
    from ensembles.report.page import report_charts

    files = chart_files(report_charts(data))
    storage = Storage(folder)
    for name, content in files.items():
        storage.write(name, content)
    return sorted(files)


@dataclass(frozen=True)
class Monitored:
    """Alerts of a run in the `unit` of its data; `quality` by severity, where labels say which days are abnormal."""

    alerts: Alerts
    unit: str
    quality: Mapping[float, AlertQuality]


def monitor_run(
    run_dir: str, actuals: Path | None = None, labels: Path | None = None, label: str = "anomaly"
) -> Monitored:
    """New actual values against the bands of a run's forecast; without them, its backtest against bands made before.

    Parameters
    ----------
    labels, label
        Table and column that say which days are abnormal.
    """
    from ensembles.risk.alerts import alerts_of_backtest, monitor

    data = report_data(RunStore(run_dir))
    table = data.oof if actuals is None else data.forecast
    if table is None:
        raise StorageError(f"{run_dir} holds no forecast: run it to its end first")
    if actuals is None:
        found = alerts_of_backtest(table, data.days)
        if not found.n_days:
            raise StorageError(f"{run_dir}: no day of its backtest has bands, which earlier windows make: give actuals")
    else:
        found = monitor(table, actuals, data.targets, data.days, data.run["config"]["data"]["entity"])
    if labels is None:
        return Monitored(found, data.unit, {})
    if not labels.exists():
        raise DataError(f"{labels}: no such file: give the table of labelled days")
    entities = {uid.rpartition("/")[0] for uid in table[UNIQUE_ID].unique().to_pylist()}
    spec = parse_config(data.run["config"], f"{run_dir}/run.json").data
    known = read_labels(labels, spec, label, entities)
    return Monitored(found, data.unit, {severity: judge_alerts(found, known, severity) for severity in SEVERITIES})


def compare_runs(run_dirs: Sequence[str]) -> Comparison:
    """Runs side by side, held against the first."""
    from ensembles.evaluation.compare import compare

    return compare([(run_dir, report_data(RunStore(run_dir))) for run_dir in run_dirs])


def write_comparison(found: Comparison, csv: Path | None, html: Path | None) -> None:
    """Write a comparison as CSV and as one HTML page, where asked for."""
    from ensembles.evaluation.compare import comparison_csv
    from ensembles.report.comparison_page import render_comparison

    if csv is not None:
        Storage(str(csv.parent)).write(csv.name, comparison_csv(found))
    if html is not None:
        Storage(str(html.parent)).write(html.name, render_comparison(found).encode())
