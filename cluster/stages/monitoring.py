"""`tidecast monitor`: actual values against the bands of a run's forecast, and how often an alert is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster.config import parse_config
from cluster.rundir.store import RunStore
from cluster.stages.reports import report_data
from ensembles.files.amounts import Amounts
from ensembles.risk.alert_quality import AlertQuality, judge_alerts, read_labels
from ensembles.risk.alerts import Alerts, alerts_of_backtest, monitor
from ensembles.risk.entity_risk import EntityRisk, rank_entities
from forecasting.errors import DataError, StorageError

__all__ = ["Monitored", "monitor_run"]

SEVERITIES = (0.0, 1.0, 1.5, 2.0, 3.0)
"""At which alerts are judged: all of them, those beyond the widest band, and so on."""


@dataclass(frozen=True)
class Monitored:
    """Alerts of a run; `amounts` say how theirs are written; `quality` by severity, where labels say which days are
    abnormal; `noun`: what a period is called, in the plural.
    """

    alerts: Alerts
    amounts: Amounts
    quality: Mapping[float, AlertQuality]
    noun: str = "days"

    @property
    def entities(self) -> tuple[EntityRisk, ...]:
        """Entities of a panel by their risk, the riskiest first; empty where there is only one."""
        return rank_entities(self.alerts) if len(self.alerts.days) > 1 else ()


def monitor_run(
    run_dir: str, actuals: Path | None = None, labels: Path | None = None, label: str = "anomaly"
) -> Monitored:
    """New actual values against the bands of a run's forecast; without them, its backtest against bands made before.

    Parameters
    ----------
    labels, label
        Table and column that say which days are abnormal.

    Raises
    ------
    StorageError
        When the run left no forecast, or no window with bands.
    DataError
        When a table cannot be read.
    """
    results = report_data(RunStore(run_dir))
    spec = parse_config(results.run.config, f"{run_dir}/run.json").data
    if results.oof is None or results.forecast is None:
        raise StorageError(f"{run_dir} holds no forecast: run it to its end first")
    if actuals is None:
        found = alerts_of_backtest(results.oof, results.calendar, results.history)
        if not found.n_days:
            raise StorageError(
                f"{run_dir}: no day of its backtest has bands, which two earlier windows make: give actuals"
            )
    else:
        found = monitor(results.forecast, actuals, spec, results.calendar, results.history)
    amounts, noun = results.run.amounts, results.noun
    if labels is None:
        return Monitored(found, amounts, {}, noun)
    if not labels.exists():
        raise DataError(f"{labels}: no such file: give the table of labelled days")
    series = (results.oof if actuals is None else results.forecast).identities()
    known = read_labels(labels, spec, label, series)
    quality = {severity: judge_alerts(found, known, severity) for severity in SEVERITIES}
    return Monitored(found, amounts, quality, noun)
