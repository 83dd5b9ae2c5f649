from __future__ import annotations

import csv
import io

import numpy as np

from ensembles.files.exports.forecast import forecast_csv
from ensembles.risk.bands import Bands
from forecasting.calendar import Calendar
from forecasting.schema import as_dates

DAYS = as_dates(["2014-09-05", "2014-09-06", "2014-09-28"])


def test_forecast_for_people_has_day_types_and_net_flow() -> None:
    y_hat = {"purchase": np.array([12345.0, 5.0, 100.0]), "redeem": np.array([20000.0, 1.0, 99.0])}
    raw = forecast_csv(DAYS, y_hat, ["purchase", "redeem"], Calendar("CN"), "fen", ("purchase", "redeem"))
    rows = list(csv.DictReader(io.StringIO(raw.decode())))
    assert [r["day_type"] for r in rows] == ["work day", "day off", "shifted work day"]
    assert [r["weekday"] for r in rows] == ["Fri", "Sat", "Sun"]
    assert rows[0]["purchase_cny"] == "123.45"
    assert rows[0]["net_flow_cny"] == "-76.55"
    assert rows[1]["net_flow_cny"] == "0.04"
    assert rows[2]["redeem_fen"] == "99"
    plain = forecast_csv(DAYS, y_hat, ["purchase", "redeem"], Calendar(None), "CNY").decode().splitlines()
    assert plain[0] == "date,weekday,day_type,holiday,event,purchase_cny,redeem_cny"
    assert plain[1] == "2014-09-05,Fri,work day,,,12345,20000"


def test_bands_stand_beside_the_forecast_in_cny() -> None:
    y_hat = {"purchase": np.full(3, 10000.0)}
    ends = {level: np.array([9000.4, np.nan, 1.0]) for level in (80, 95)}
    bands = {"purchase": Bands(ends, {level: 2 * value for level, value in ends.items()})}
    raw = forecast_csv(DAYS, y_hat, ["purchase"], Calendar("CN"), "fen", None, bands).decode()
    rows = list(csv.DictReader(io.StringIO(raw)))
    names = ["purchase_cny_lo_95", "purchase_cny_lo_80", "purchase_cny_hi_80", "purchase_cny_hi_95"]
    assert list(rows[0])[-4:] == names
    assert [rows[0][name] for name in names] == ["90.00", "90.00", "180.01", "180.01"]
    assert rows[1]["purchase_cny_lo_80"] == ""
