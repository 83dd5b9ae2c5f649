"""Precision and recall of alerts on labelled anomalies."""

from __future__ import annotations

import math

import pytest

from ensembles.alerts import Alert, Alerts
from ensembles.labels import judge_alerts, read_labels
from forecasting.errors import DataError


def alert(uid: str, ds: str, severity: float = 2.0) -> Alert:
    return Alert(uid, ds, "", "", "", "", 1.0, 2.0, 95, 1.5, 3.0, "below", severity)


def alerts(*found: Alert) -> Alerts:
    return Alerts(found, 100, {}, "2024-01-01", "2024-01-31")


LABELS = {
    ("a", "2024-01-03"): "drain",
    ("a", "2024-01-04"): "drain",
    ("a", "2024-01-05"): "drain",
    ("a", "2024-01-20"): "spike",
    ("b", "2024-01-04"): "spike",
    ("b", "2024-03-01"): "spike",  # not judged
}


def test_days_anomalies_and_kinds_are_counted_once():
    found = alerts(
        alert("a/in", "2024-01-04"),
        alert("a/out", "2024-01-04"),
        alert("b/out", "2024-01-04"),
        alert("b/out", "2024-01-09"),
        alert("a/in", "2024-01-20", 0.5),
    )
    quality = judge_alerts(found, LABELS)
    assert (quality.n_alerts, quality.n_right, quality.n_labelled) == (3, 2, 5)
    assert (quality.n_anomalies, quality.n_found) == (3, 2)
    assert quality.found_by_kind == {"drain": (1, 1), "spike": (1, 2)}
    assert quality.precision == pytest.approx(2 / 3)
    assert quality.recall == pytest.approx(2 / 3)
    assert quality.day_recall == pytest.approx(2 / 5)
    assert quality.days_to_alert == 0.5
    assert judge_alerts(found, LABELS, severity=0.5).recall == 1.0


def test_without_alerts_there_is_no_precision():
    quality = judge_alerts(alerts(), LABELS)
    assert math.isnan(quality.precision)
    assert quality.recall == 0.0


def test_labels_are_read_and_their_faults_named(tmp_path):
    path = tmp_path / "accounts.csv"
    path.write_text("id,ds,kind\na,20240103,drain\na,20240104,\nb,2024-01-05,spike\n")
    assert read_labels(path, "id", "kind") == {("a", "2024-01-03"): "drain", ("b", "2024-01-05"): "spike"}
    with pytest.raises(DataError, match="no column 'anomaly' among id, ds, kind"):
        read_labels(path, "id", "anomaly")
    path.write_text("id,ds,kind\na,soon,drain\n")
    with pytest.raises(DataError, match=r"accounts\.csv:2: ds is 'soon', not a day"):
        read_labels(path, "id", "kind")
