"""Precision and recall of alerts on labelled anomalies."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from ensembles.risk.alert_quality import judge_alerts, read_labels
from ensembles.risk.alerts import Alert, Alerts
from ensembles.risk.entity_risk import rank_entities
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Series


def alert(uid: str, ds: str, severity: float = 2.0) -> Alert:
    entity, _, target = uid.rpartition("/")
    return Alert(uid, entity, target, ds, "", "", "", "", 1.0, 2.0, 95, 1.5, 3.0, "below", severity)


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


def test_each_kind_has_its_delays_and_the_precision_of_the_alerts_that_find_it():
    flow, none = {"y": 9.0, "side": "above"}, {"y": 0.0, "side": "below"}
    found = alerts(
        replace(alert("a/in", "2024-01-04"), **none),
        replace(alert("a/out", "2024-01-05"), **none),
        replace(alert("a/out", "2024-01-20"), **flow),
        replace(alert("b/out", "2024-01-04"), **flow),
        replace(alert("b/out", "2024-01-09"), **flow),
        alert("c/in", "2024-01-09"),
    )
    quality = judge_alerts(found, LABELS)
    drain, spike = quality.kinds["drain"], quality.kinds["spike"]
    assert (drain.delays, drain.sort, drain.precision, drain.recall) == ((1,), "no flow", 1.0, 1.0)
    assert (spike.delays, spike.sort, spike.n_alerts, spike.n_right) == ((0, 0), "above", 3, 2)
    assert quality.sorts == {"above": (3, 2), "below": (1, 0), "no flow": (2, 2)}
    assert (quality.delays, quality.median_delay) == ({0: 2, 1: 1}, 0.0)
    plain = json.loads(json.dumps(quality.as_json(), allow_nan=False))
    assert plain["kinds"]["drain"] | {"median_delay": 1.0, "n_found": 1} == plain["kinds"]["drain"]
    assert plain["delays"] == {"0": 2, "1": 1}
    missed = judge_alerts(alerts(alert("a/in", "2024-01-20")), LABELS).kinds["drain"]
    assert (missed.sort, missed.recall) == (None, 0.0)
    assert math.isnan(missed.precision)


def test_entities_are_ranked_by_the_rarity_of_their_alerts():
    many = [alert("many/in", f"2024-01-{day:02}", 1.1) for day in range(1, 6)]
    ranked = rank_entities(alerts(*many, alert("one/in", "2024-01-03", 4.0), alert("quiet/in", "2024-01-03", 0.9)))
    assert [found.entity for found in ranked] == ["one", "many"]
    assert (ranked[1].n_alerts, ranked[0].worst, ranked[0].worst_day) == (5, 4.0, "2024-01-03")
    assert ranked[0].risk == pytest.approx(4.0 ** (1 / 0.57))
    assert [found.entity for found in rank_entities(alerts(*many), severity=1.2)] == []


def test_without_alerts_there_is_no_precision():
    quality = judge_alerts(alerts(), LABELS)
    assert math.isnan(quality.precision)
    assert quality.recall == 0.0


def test_labelled_days_follow_when_no_judged_day_lies_between():
    labels = {("a", day): "drain" for day in ("2024-01-05", "2024-01-08", "2024-01-09", "2024-01-11")}
    work_days = ("2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09", "2024-01-10", "2024-01-11")
    found = Alerts((alert("a/in", "2024-01-08"),), 6, {}, "2024-01-04", "2024-01-11", {"a": work_days})
    quality = judge_alerts(found, labels)
    assert (quality.n_anomalies, quality.n_found, quality.days_to_alert) == (2, 1, 1.0)


def series_of(*unique_ids: str) -> dict[str, Series]:
    return {uid: Series.named(uid) for uid in unique_ids}


WIDE = DataSpec(kind="panel", entity="id", targets={"in": 0.5, "out": 0.5})


def test_labels_are_read_and_their_faults_named(tmp_path):
    path = tmp_path / "accounts.csv"
    path.write_text("id,ds,kind\na,20240103,drain\na,20240104,\nb,2024-01-05,spike\nc,2024-01-05,0\n")
    assert read_labels(path, WIDE, "kind") == {("a", "2024-01-03"): "drain", ("b", "2024-01-05"): "spike"}
    assert read_labels(path, WIDE, "kind", series_of("b/in", "c/in")) == {("b", "2024-01-05"): "spike"}
    with pytest.raises(DataError, match="no column 'anomaly' among id, ds, kind: name the column of the labels"):
        read_labels(path, WIDE)
    with pytest.raises(DataError, match=r"accounts\.csv: labels a, b, and the run holds A1, A2: give labels of"):
        read_labels(path, WIDE, "kind", series_of("A1/in", "A2/in"))
    path.write_text("id,ds,kind\na,soon,drain\n")
    with pytest.raises(DataError, match=r"accounts\.csv:2: ds is 'soon', not a day"):
        read_labels(path, WIDE, "kind")
    path.write_text("id,ds,kind\na,20240103,no\n")
    with pytest.raises(DataError, match="kind labels none of its 1 rows"):
        read_labels(path, WIDE, "kind")
    with pytest.raises(DataError, match="no such file"):
        read_labels(tmp_path / "nothing.csv", WIDE)


def test_labels_follow_the_data_in_shape(tmp_path):
    long, single = tmp_path / "long.csv", tmp_path / "single.csv"
    long.write_text("unique_id,ds,flag\nf1/in,20240103,1\nf1/out,20240103,1\nf2/in,20240104,0\n")
    spec = DataSpec(kind="panel", targets={"in": 0.5, "out": 0.5})
    assert read_labels(long, spec, "flag", series_of("f1/in", "f1/out")) == {("f1", "2024-01-03"): "1"}
    long.write_text("unique_id,ds,flag\nf1,20240103,1\nf1/in,20240104,1\n")
    own = {"f1": Series("in", "f1"), "f1/in": Series("in", "f1/in")}
    assert set(read_labels(long, spec, "flag", own)) == {("f1", "2024-01-03"), ("f1/in", "2024-01-04")}
    single.write_text("report_date,flag\n20240103,True\n20240104,False\n")
    assert read_labels(single, DataSpec(kind="table"), "flag") == {("", "2024-01-03"): "True"}
    mapped = DataSpec(kind="table", columns={"ds": "trade_day"})
    assert read_labels(single, mapped, "flag") == {("", "2024-01-03"): "True"}
    single.write_text("trade_day,flag\n20240103,spike\n")
    assert read_labels(single, mapped, "flag") == {("", "2024-01-03"): "spike"}


def test_nothing_to_measure_is_null():
    found = judge_alerts(alerts(), {}).as_json()
    assert (found["precision"], found["recall"], found["n_alerts"]) == (None, None, 0)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
