from __future__ import annotations

import csv
import io

import numpy as np

from ensembles.bands.rules import Bands
from ensembles.exports.forecast import Beside, forecast_csv
from ensembles.files.amounts import Amounts
from forecasting.calendar import Calendar
from forecasting.panel import Series
from forecasting.schema import FloatArray, as_dates

DAYS = as_dates(["2014-09-05", "2014-09-06", "2014-09-28"])
FEN = Amounts.of("yuebao", "fen")
IN, OUT = Series("purchase"), Series("redeem")


def bands_of(low: FloatArray) -> Bands:
    ends = dict.fromkeys((80, 95), low)
    return Bands(1.5 * low, ends, {level: 2 * value for level, value in ends.items()})


def test_forecast_for_people_has_day_types_and_net_flow() -> None:
    y_hat = {IN: np.array([12345.0, 5.0, 100.0]), OUT: np.array([20000.0, 1.0, 99.0])}
    raw = forecast_csv(DAYS, y_hat, ["purchase", "redeem"], Calendar("CN"), FEN)
    rows = list(csv.DictReader(io.StringIO(raw.decode())))
    assert [r["day_type"] for r in rows] == ["work day", "day off", "shifted work day"]
    assert [r["weekday"] for r in rows] == ["Fri", "Sat", "Sun"]
    assert rows[0]["purchase_cny"] == "123.45"
    assert rows[0]["net_flow_cny"] == "-76.55"
    assert rows[1]["net_flow_cny"] == "0.04"
    assert rows[2]["redeem_fen"] == "99"


def test_bands_stand_beside_the_forecast_in_cny() -> None:
    quantiles = {IN: bands_of(np.array([9000.4, np.nan, 1.0])).quantiles}
    raw = forecast_csv(DAYS, {IN: np.full(3, 10000.0)}, ["purchase"], Calendar("CN"), FEN, Beside(quantiles)).decode()
    rows = list(csv.DictReader(io.StringIO(raw)))
    names = [f"purchase_cny_{name}" for name in ("q025", "q10", "q50", "q90", "q975")]
    assert list(rows[0])[-5:] == names
    assert [rows[0][name] for name in names] == ["90.00", "90.00", "135.01", "180.01", "180.01"]
    assert rows[1]["purchase_cny_q10"] == ""


def test_other_amounts_keep_their_unit_and_decimals() -> None:
    y_hat = {Series("inflow"): np.array([12.346, 5.0, 0.1]), Series("net"): np.array([-20.004, 1.0, 99.0])}
    amounts = Amounts.of("table", "EUR", 2, ("net",))
    rows = forecast_csv(DAYS, y_hat, ["inflow", "net"], Calendar(), amounts).decode().splitlines()
    assert rows[0] == "date,weekday,day_type,holiday,event,inflow,net,net_flow"
    assert rows[1] == "2014-09-05,Fri,work day,,,12.35,-20.00,32.35"
    whole = forecast_csv(DAYS, y_hat, ["inflow"], Calendar(), Amounts.of("table", None, 0)).decode().splitlines()
    assert whole[:2] == ["date,weekday,day_type,holiday,event,inflow", "2014-09-05,Fri,work day,,,12"]


def test_an_entity_is_a_pair_and_what_it_lacks_is_empty() -> None:
    y_hat = {
        Series("in", "shop1/out"): np.array([1.0, 2.0, 3.0]),
        Series("out", "shop1"): np.array([4.0, 5.0, 6.0]),
        Series("out", "shop1/out"): np.array([7.0, 8.0, 9.0]),
    }
    quantiles = {series: bands_of(values).quantiles for series, values in y_hat.items()}
    raw = forecast_csv(DAYS, y_hat, ["in", "out"], Calendar(), Amounts.of("panel", None, 0), Beside(quantiles)).decode()
    rows = list(csv.DictReader(io.StringIO(raw)))
    assert [row["entity"] for row in rows] == ["shop1/out"] * 3 + ["shop1"] * 3
    assert [rows[0][name] for name in ("in", "out", "net_flow", "out_q975")] == ["1", "7", "-6", "14"]
    assert [rows[3][name] for name in ("in", "out", "net_flow", "in_q975", "out_q975")] == ["", "4", "", "", "8"]
