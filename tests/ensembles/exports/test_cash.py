from __future__ import annotations

import csv
import io
from decimal import Decimal

import numpy as np
import pytest

from ensembles.exports.cash import cash_csv
from ensembles.exports.cash_json import CashFile
from ensembles.files.amounts import Amounts
from ensembles.risk.cash.flows import flows_of_run
from ensembles.risk.cash.of_run import cash_position
from ensembles.risk.cash.position import CashPosition
from ensembles.risk.cash.terms import CashTerms
from forecasting.calendar import Calendar
from forecasting.errors import DamagedFile
from tests.ensembles.runs import small_run

FEN = Amounts.of("yuebao", "fen")
NET = ("purchase", "redeem")


def position(n_series: int = 2, terms: CashTerms | None = None) -> CashPosition:
    data = small_run(n_series=n_series)
    assert data.oof is not None
    assert data.forecast is not None
    read = flows_of_run(data.oof, data.forecast, FEN)
    assert read is not None
    found = cash_position(read, NET, CashTerms() if terms is None else terms, 1)
    assert found is not None
    return found


def rows_of(found: CashPosition, events: tuple[tuple[str, str], ...] = ()) -> list[dict[str, str]]:
    text = cash_csv((found,), Calendar("CN", events), FEN).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_the_file_holds_days_weeks_and_months_of_all_and_of_each() -> None:
    found = position()
    rows = rows_of(found)
    n = {"day": len(found.total.ds)} | {unit: len(t.spans) for unit, t in found.total.totals.items()}
    for entity in ("all", "fund0", "fund1"):
        assert {unit: sum((r["entity"], r["period"]) == (entity, unit) for r in rows) for unit in n} == n
    days = [r for r in rows if (r["entity"], r["period"]) == ("all", "day")]
    assert float(days[0]["net_flow_cny_q10"]) == pytest.approx(
        found.total.flows["net_flow"].quantiles[0.1][0] / 100, abs=0.01
    )
    assert sorted(int(r["rank"]) for r in days) == list(range(1, len(days) + 1))
    worst = next(r for r in days if r["rank"] == "1")
    assert float(worst["day_buffer_cny_99"]) == max(float(r["day_buffer_cny_99"]) for r in days)
    assert {r["indicative"] for r in rows} == {"False"}
    assert "balance_cny" not in rows[0]


def test_sums_of_cells_are_exact() -> None:
    rows = rows_of(position())
    cells = {(r["entity"], r["period"], r["date"]): r for r in rows}
    for side in ("inflow_cny", "outflow_cny", "net_flow_cny"):
        for (entity, period, date), row in cells.items():
            if entity == "all":
                assert Decimal(row[side]) == sum(Decimal(cells[f"fund{i}", period, date][side]) for i in (0, 1))
            if period != "day":
                mine = [r for r in rows if r["entity"] == entity and r["period"] == "day"]
                inside = [r for r in mine if date <= r["date"] <= row["end"]]
                assert Decimal(row[side]) == sum(Decimal(r[side]) for r in inside)
                assert row["cumulative_cny"] == inside[-1]["cumulative_cny"]


def test_a_balance_and_limits_have_their_columns() -> None:
    terms = CashTerms.of({"fund0": 1e9, "fund1": 2e9}, {"minimum": {"fund0": 5e8}, "overdraft": 1e8}, (80, 95))
    found = position(2, terms)
    rows = rows_of(found)
    first = {r["entity"]: r for r in rows if r["period"] == "day" and r["date"] == rows[0]["date"]}
    for r in first.values():
        opening = {"all": 3e7, "fund0": 1e7, "fund1": 2e7}[r["entity"]]
        assert Decimal(r["balance_cny"]) == Decimal(opening) + Decimal(r["cumulative_cny"])
    filled = {e: {n for n, cell in r.items() if n.startswith("chance_below") and cell} for e, r in first.items()}
    assert filled == {
        "all": {"chance_below_overdraft", "chance_below_overdraft_so_far"},
        "fund0": {"chance_below_minimum", "chance_below_minimum_so_far"},
        "fund1": {"chance_below_zero", "chance_below_zero_so_far"},
    }


def test_an_event_and_a_name_stand_as_a_person_would_write_them() -> None:
    found = position(1)
    day = str(found.total.ds[2])
    row = next(r for r in rows_of(found, ((day, "a, b"),)) if r["date"] == day)
    assert (row["event"], row["end"]) == ("a, b", day)
    assert "entity" not in row


def test_the_json_file_says_the_same_and_is_checked() -> None:
    terms = CashTerms.of({"": 3e9}, {"minimum": 2.9e9}, (80, 95))
    found = position(2, terms)
    stored = CashFile.of((found,), FEN)
    total, *accounts = stored.accounts
    assert [account.entity for account in accounts] == ["fund0", "fund1"]
    assert (stored.unit, total.opening, total.limits[0].amount) == ("CNY", 3e7, 2.9e7)
    rows = [r for r in rows_of(found) if (r["entity"], r["period"]) == ("all", "day")]
    assert [day.balance for day in total.days] == [float(r["balance_cny"]) for r in rows]
    assert [day.balance_quantiles["q10"] for day in total.days] == [float(r["balance_cny_q10"]) for r in rows]
    (limit,) = total.limits
    assert limit.chance == float(rows[-1]["chance_below_minimum_so_far"])
    assert limit.buffer_95 == float(rows[-1]["buffer_minimum_cny_95"])
    tight = [r["date"] for r in rows if float(r["chance_below_minimum_so_far"]) > 0.05]
    assert limit.first_tight_day == (tight[0] if tight else None)
    data = stored.to_bytes()
    assert CashFile.from_bytes(data, "run") == stored
    with pytest.raises(DamagedFile):
        CashFile.from_bytes(data.replace(b"29000000.0", b"19000000.0", 1), "run")
    assert np.isfinite([day.balance for day in total.days]).all()
