"""What would be if, through the real command line: what a scenario does not touch stays to the last decimal."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from cluster import api
from ensembles.files.amounts import Amounts
from forecasting.errors import ConfigError
from tests.cluster.scenario.company_days import (
    CONFIG,
    HOLIDAY,
    LAST,
    MEMBERS,
    ON_HOLIDAYS,
    OTHER,
    TAX_DAY,
    ask,
    rows,
    table,
    write_inputs,
)
from tests.runs import run, tidecast

pytestmark = pytest.mark.usefixtures("without_charts")


def changed(folder: Path, text: str) -> dict[tuple[str, str], dict[str, str]]:
    """The rows of scenario.csv that differ, of the series alone."""
    done = ask(folder, text)
    assert done.returncode == 0, done.stderr
    found = rows(folder / "r/scenario.csv")
    return {key: row for key, row in found.items() if key[0] in ("inflow", "outflow") and Decimal(row["difference"])}


def test_an_empty_scenario_is_the_forecast_to_the_last_decimal(folder: Path) -> None:
    assert changed(folder, "{}") == {}
    forecast = {row["date"]: row for row in table(folder / "r/forecast.csv")}
    found = rows(folder / "r/scenario.csv")
    for (target, date), row in found.items():
        if target == "balance":
            continue
        assert row["base"] == row["scenario"] == forecast[date][target]
        for name in ("q025", "q10", "q50", "q90", "q975"):
            assert row[f"base_{name}"] == row[f"scenario_{name}"]
            assert target == "net_flow" or row[f"base_{name}"] == forecast[date][f"{target}_{name}"]
    cash = {r["date"]: r for r in table(folder / "r/cash.csv") if r["period"] == "day"}
    assert {d: r["balance"] for d, r in cash.items()} == {d: r["base"] for (t, d), r in found.items() if t == "balance"}
    assert "no amount differs" in ask(folder, "{}").stdout


def test_an_amount_added_changes_its_day_alone_and_its_bands(folder: Path) -> None:
    found = changed(folder, "add: [{date: 2024-05-03, series: inflow, amount: 1000.25, note: sale}]")
    assert {key: row["difference"] for key, row in found.items()} == {("inflow", "2024-05-03"): "1000.25"}
    row = found["inflow", "2024-05-03"]
    for name in ("q025", "q10", "q90"):
        assert Decimal(row[f"scenario_{name}"]) - Decimal(row[f"base_{name}"]) == Decimal("1000.25")
    balance = {d: Decimal(r["difference"]) for (t, d), r in rows(folder / "r/scenario.csv").items() if t == "balance"}
    assert set(balance.values()) == {Decimal(0), Decimal("1000.25")}
    assert all(bool(more) == (day >= "2024-05-03") for day, more in balance.items())


def test_an_amount_dropped_leaves_what_models_forecast(folder: Path) -> None:
    found = changed(folder, f"drop: [{{date: {TAX_DAY}, series: outflow}}]")
    assert {key: row["difference"] for key, row in found.items()} == {("outflow", TAX_DAY): "-250000.50"}


def test_an_adjustment_can_be_dropped_on_all_its_days(folder: Path) -> None:
    found = changed(folder, "drop: [{date: 2024-05-07, series: inflow}]")
    assert {d: r["difference"] for (_, d), r in found.items()} == {f"2024-05-0{k}": "1000.00" for k in (7, 8, 9)}


def test_moving_is_dropping_and_adding(folder: Path) -> None:
    moved = api.open_run(folder / "r").scenario({"move": [{"date": TAX_DAY, "series": "outflow", "to": LAST}]})
    same = {
        "drop": [{"date": TAX_DAY, "series": "outflow"}],
        "add": [{"date": LAST, "series": "outflow", "amount": 250000.5}],
    }
    pd.testing.assert_frame_equal(moved, api.open_run(folder / "r").scenario(same))
    outflow = moved[(moved["unique_id"] == "outflow") & (moved["difference"] != 0)]
    assert [str(day.date()) for day in outflow["ds"]] == [TAX_DAY, LAST]
    assert outflow["difference"].tolist() == [-250000.5, 250000.5]


def test_of_several_rows_one_is_told_by_its_note_or_amount(folder: Path) -> None:
    for told in ("note: two", "amount: 20"):
        found = changed(folder, f"drop: [{{date: 2024-05-08, series: outflow, {told}}}]")
        assert {key: row["difference"] for key, row in found.items()} == {("outflow", "2024-05-08"): "-20.00"}


def test_a_level_multiplies_what_models_forecast_and_its_bands_from_a_day_on(folder: Path) -> None:
    found = changed(folder, "level: [{series: outflow, percent: -10%, from: 2024-05-05}]")
    assert {target for target, _ in found} == {"outflow"}
    assert min(date for _, date in found) == "2024-05-05"
    assert len(found) == 11
    planned = {TAX_DAY: 250000.5, "2024-05-08": 30.0}
    for (_, date), row in found.items():
        by_hand = planned.get(date, 0.0)
        for name in ("", "_q025", "_q975"):
            was, would = (float(row[f"{which}{name}"]) - by_hand for which in ("base", "scenario"))
            assert would == pytest.approx(0.9 * was, abs=0.011)
    twice = (
        "level: [{series: outflow, percent: 100, from: 2024-05-05}, {series: outflow, percent: -50, from: 2024-05-05}]"
    )
    assert changed(folder, twice) == {}


def test_a_moved_holiday_takes_its_effect_to_the_other_day(folder: Path) -> None:
    found = changed(folder, f"holidays: [{{from: {HOLIDAY}, to: {OTHER}}}]")
    assert {date for _, date in found} <= {"2024-04-30", HOLIDAY, OTHER, "2024-05-03"}
    for target in ("inflow", "outflow"):
        before, after = found[target, HOLIDAY], found[target, OTHER]
        gained, lost = (float(row["scenario"]) / float(row["base"]) for row in (before, after))
        assert gained > 1.5  # two of three members know the calendar
        assert lost < 0.65
        for row in (before, after):
            width = [float(row[f"{w}_q90"]) / float(row[f"{w}_q10"]) for w in ("base", "scenario")]
            assert width[1] == pytest.approx(width[0], rel=1e-3)
    said = ask(folder, f"holidays: [{{from: {HOLIDAY}, to: {OTHER}}}]").stdout
    assert f"moves from {HOLIDAY} to {OTHER}: answered by " in said
    assert "calendar-level" in said.partition("unchanged:")[0]
    assert "seasonal-naive" in said.partition("unchanged:")[2]


def test_the_calendar_model_answers_as_if_the_calendar_had_always_been_so(folder: Path, tmp_path: Path) -> None:
    """The member's effect is that of the planted holiday: a quarter of an ordinary day of that weekday."""
    write_inputs(tmp_path, CONFIG.replace(MEMBERS, "members: [{model: calendar-level}]"))
    assert run(tmp_path, "r").returncode == 0
    found = api.open_run(tmp_path / "r").scenario({"holidays": [{"from": HOLIDAY, "to": OTHER}]})
    found = found.set_index(["unique_id", found["ds"].astype(str)])
    for target in ("inflow", "outflow"):
        on, off = (found.loc[(target, day)] for day in (HOLIDAY, OTHER))
        assert on["base"] / on["scenario"] == pytest.approx(ON_HOLIDAYS, rel=0.25)
        assert off["scenario"] / off["base"] == pytest.approx(ON_HOLIDAYS, rel=0.25)


def test_a_moved_event_takes_its_effect_along(folder: Path) -> None:
    found = changed(folder, "events: [{from: 2024-04-25, to: 2024-04-26}]")
    assert {date for _, date in found} == {"2024-04-25", "2024-04-26"}
    assert float(found["inflow", "2024-04-25"]["difference"]) < -1e4
    assert float(found["inflow", "2024-04-26"]["difference"]) > 1e4


def test_what_is_moved_back_changes_nothing(folder: Path) -> None:
    for kind, here, there in (("holidays", HOLIDAY, OTHER), ("events", "2024-04-25", "2024-04-26")):
        assert changed(folder, f"{kind}: [{{from: {here}, to: {there}}}, {{from: {there}, to: {here}}}]") == {}


def test_another_opening_balance_moves_every_balance_and_the_chance_below_the_limit(folder: Path) -> None:
    assert changed(folder, "balance: 600000") == {}
    found = [row for (target, _), row in rows(folder / "r/scenario.csv").items() if target == "balance"]
    assert {row["difference"] for row in found} == {"100000.00"}
    made = json.loads(ask(folder, "balance: 600000", "--json").stdout)
    before, after = made["accounts"][0]["forecast"], made["accounts"][0]["scenario"]
    assert (before["opening"], after["opening"]) == (500000.0, 600000.0)
    assert after["limits"][0]["chance"] < before["limits"][0]["chance"]
    stored = json.loads((folder / "r/cash.json").read_text())["accounts"][0]["limits"][0]
    assert before["limits"][0]["chance"] == stored["chance"]
    assert before["limits"][0]["first_tight_day"] == stored["first_tight_day"] == TAX_DAY
    said = ask(folder, f"move: [{{date: {TAX_DAY}, series: outflow, to: 2024-04-30}}]").stdout
    assert [line.split()[-2:] for line in said.splitlines() if "first tight day" in line] == [[TAX_DAY, "2024-04-30"]]


def test_the_screen_shows_totals_and_days_side_by_side(folder: Path) -> None:
    said = ask(folder, "add: [{date: 2024-05-03, series: inflow, amount: 1000}]").stdout
    forecast = rows_of_totals(folder)
    assert "added: planned on 2024-05-03: 1,000.00 EUR of inflow" in said
    for name, more in (("inflow", 1000), ("outflow", 0), ("net_flow", 1000)):
        line = next(line for line in said.splitlines() if line.split()[:1] == [f"{name},"])
        assert line.split()[2:4] == [f"{forecast[name]:,f}", f"{forecast[name] + more:,f}"]
        assert line.split()[4].startswith("+1,000.00") == bool(more)


def rows_of_totals(folder: Path) -> dict[str, Decimal]:
    days = table(folder / "r/forecast.csv")
    return {name: sum((Decimal(row[name]) for row in days), Decimal()) for name in ("inflow", "outflow", "net_flow")}


def test_the_file_is_a_result_until_the_run_forecasts_again(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "c", dirs_exist_ok=True)
    assert ask(tmp_path / "c", "balance: 1").returncode == 0
    assert "scenario.csv" in json.loads((tmp_path / "c/r/digests.json").read_text())["files"]
    done = tidecast(tmp_path / "c", "verify", "r")
    assert done.returncode == 0, done.stdout
    assert "scenario.csv" not in done.stdout
    (tmp_path / "c/r/scenario.csv").write_text("x")
    assert tidecast(tmp_path / "c", "verify", "r").returncode == 2
    assert run(tmp_path / "c", "r").returncode == 0
    assert not (tmp_path / "c/r/scenario.csv").exists()


def test_without_states_only_the_calendar_cannot_be_asked(folder: Path, tmp_path: Path) -> None:
    write_inputs(tmp_path)
    assert run(tmp_path, "r", "--set", "run.keep=none").returncode == 0
    done = ask(tmp_path, f"holidays: [{{from: {HOLIDAY}, to: {OTHER}}}]")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "kept no fitted states" in done.stderr
    assert not (tmp_path / "r/scenario.csv").exists()
    asked = "balance: 400000\nlevel: [{series: inflow, percent: 5, from: 2024-05-01}]"
    assert ask(tmp_path, asked).returncode == 0
    assert ask(folder, asked).returncode == 0
    assert (tmp_path / "r/scenario.csv").read_bytes() == (folder / "r/scenario.csv").read_bytes()


def test_a_frame_holds_the_rows_of_the_file(folder: Path) -> None:
    asked = {"level": [{"series": "inflow", "percent": 3, "from": "2024-05-01"}], "balance": 1e5}
    found = api.open_run(folder / "r").scenario(asked)
    assert ask(folder, "level: [{series: inflow, percent: 3, from: 2024-05-01}]\nbalance: 100000").returncode == 0
    stored = rows(folder / "r/scenario.csv")
    assert list(found["unique_id"].unique()) == ["inflow", "outflow", "net_flow", "balance"]
    assert found["scenario"].tolist() == [float(row["scenario"]) for row in stored.values()]
    assert found["difference"].tolist() == [float(row["difference"]) for row in stored.values()]
    text = Amounts("EUR", "EUR", 1, 2, 2)
    assert [text.amount(v) for v in found["scenario_q10"]] == [row["scenario_q10"] for row in stored.values()]
    assert "inflow +3%" in found.attrs["changes"][0]
    with pytest.raises(ConfigError, match=r"scenario: level\.0\.series"):
        api.open_run(folder / "r").scenario({"level": [{"series": "x", "percent": 3, "from": "2024-05-01"}]})


def test_several_scenarios_can_be_kept(folder: Path, tmp_path: Path) -> None:
    """With --out nothing of the run changes; otherwise the next scenario replaces the last."""
    text = "level: [{series: inflow, percent: -10, from: 2024-05-01}]"
    assert ask(folder, text).returncode == 0
    files = ("scenario.csv", "digests.json")
    before = [(folder / "r" / name).read_bytes() for name in files]
    for percent in (-10, 20):
        done = ask(folder, text.replace("-10", str(percent)), "--out", str(tmp_path / str(percent)))
        assert done.returncode == 0, done.stderr
        assert str(tmp_path / str(percent) / "scenario.csv") in "".join(done.stdout.split())
    assert (tmp_path / "-10/scenario.csv").read_bytes() == before[0] != (tmp_path / "20/scenario.csv").read_bytes()
    assert [(folder / "r" / name).read_bytes() for name in files] == before
