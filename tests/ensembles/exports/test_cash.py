from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from ensembles.exports.liquidity import liquidity_csv
from ensembles.files.amounts import Amounts
from ensembles.risk.liquidity.flows import flows_of_run
from ensembles.risk.liquidity.net_outflow import Liquidity, NetOutflow, liquidity_at_risk
from forecasting.calendar import Calendar
from forecasting.schema import as_dates
from tests.ensembles.runs import small_run

FEN = Amounts.of("yuebao", "fen")


def test_the_file_holds_every_day_in_cny_and_ranks_them() -> None:
    data = small_run(n_series=2)
    read = flows_of_run(data.oof, data.forecast, ("purchase", "redeem"))
    assert read is not None
    result = liquidity_at_risk(read, 1)
    rows = list(csv.DictReader(io.StringIO(liquidity_csv(result, Calendar("CN"), FEN).decode())))
    days = len(result.total.ds)
    assert [r["entity"] for r in rows] == ["all"] * days + ["fund0"] * days + ["fund1"] * days
    assert float(rows[0]["net_outflow_cny_99"]) == pytest.approx(result.total.daily[99][0] / 100, abs=0.01)
    assert sorted(int(r["rank"]) for r in rows[:days]) == list(range(1, days + 1))
    worst = next(r for r in rows if r["rank"] == "1")
    assert float(worst["buffer_cny_99"]) == max(float(r["buffer_cny_99"]) for r in rows[:days])
    assert rows[0]["horizon_buffer_cny_95"] == rows[1]["horizon_buffer_cny_95"]
    assert rows[0]["indicative"] == "False"


def test_the_file_is_what_a_person_would_write() -> None:
    levels = {level: np.array([100.0 * level, -100.0 * level]) for level in (5, 50, 95, 99)}
    flow = NetOutflow(
        entity="",
        ds=as_dates(["2014-09-05", "2014-09-28"]),
        forecast=np.array([12345.0, -5.0]),
        daily=levels,
        cumulative={level: values + 50 for level, values in levels.items()},
        chance=np.array([0.98765, 0.5]),
        peak={95: -1.0, 99: 250.0},
    )
    text = liquidity_csv(Liquidity(flow, (), (), 4, 2), Calendar("CN", (("2014-09-28", "a, b"),)), FEN).decode()
    names, *rows = csv.reader(io.StringIO(text))
    assert ",".join(names) == (
        "date,weekday,day_type,holiday,event,rank,chance_of_outflow,net_outflow_cny,net_outflow_cny_5,"
        "net_outflow_cny_50,net_outflow_cny_95,net_outflow_cny_99,buffer_cny_95,buffer_cny_99,cumulative_cny,"
        "cumulative_cny_5,cumulative_cny_50,cumulative_cny_95,cumulative_cny_99,horizon_buffer_cny_95,"
        "horizon_buffer_cny_99,windows,windows_judged,indicative"
    )
    assert ",".join(rows[0]) == (
        "2014-09-05,Fri,work day,,,1,0.9877,123.45,5.00,50.00,95.00,99.00,95.00,99.00,123.45,"
        "5.50,50.50,95.50,99.50,0.00,2.50,4,2,True"
    )
    assert text.splitlines()[2].startswith('2014-09-28,Sun,shifted work day,,"a, b",2,0.5,-0.05,-5.00,')
