from __future__ import annotations

from ensembles.exports.alerts import alerts_csv
from ensembles.files.amounts import Amounts
from ensembles.risk.alerts import Alert, Alerts

HEADER = (
    "rank,unique_id,ds,weekday,day_type,holiday,event,side,level,n_days,y_cny,y_hat_cny,low_cny,high_cny,severity\n"
)
FEN = Amounts.of("yuebao", "fen")
FOUND = Alerts(
    alerts=(
        Alert(
            "a/b/redeem",
            "a/b",
            "redeem",
            "2014-05-01",
            "Thu",
            "day off",
            "劳动节",
            "a, b",
            0.0,
            1e4,
            95,
            64.0,
            15625.0,
            "below",
            2.5,
            3,
        ),
        Alert(
            unique_id="purchase",
            entity=None,
            target="purchase",
            ds="2014-05-05",
            weekday="Mon",
            day_type="work day",
            holiday="",
            event="",
            y=20000.0,
            y_hat=100.0,
            level=80,
            low=80.4,
            high=125.0,
            side="above",
            severity=1.23456,
        ),
    ),
    n_days=7,
    inside={95: 6, 80: 5},
    start="2014-05-01",
    end="2014-05-05",
)


def test_the_file_ranks_the_alerts_in_cny() -> None:
    assert alerts_csv(FOUND, FEN).decode() == (
        HEADER + '1,a/b/redeem,2014-05-01,Thu,day off,劳动节,"a, b",below,95,3,0.00,100.00,0.64,156.25,2.500\n'
        "2,purchase,2014-05-05,Mon,work day,,,above,80,1,200.00,1.00,0.80,1.25,1.235\n"
    )


def test_amounts_in_cny_stay() -> None:
    assert ",20000.00,100.00,80.40,125.00,1.235" in alerts_csv(FOUND, Amounts.of("yuebao", "CNY")).decode()


def test_other_amounts_are_in_their_unit_with_their_decimals() -> None:
    header, _, second = alerts_csv(FOUND, Amounts.of("table", "EUR", 1)).decode().splitlines()
    assert header.endswith("level,n_days,y,y_hat,low,high,severity")
    assert second.endswith(",80,1,20000.0,100.0,80.4,125.0,1.235")


def test_without_alerts_there_is_a_header() -> None:
    assert alerts_csv(Alerts((), 0, {}, "", ""), FEN).decode() == HEADER
