"""The treasurer's page as a browser shows it: what is picked, for which days, on screen, on paper and in files."""

from __future__ import annotations

import base64
import csv
import io
import re
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ensembles.exports.cash import cash_csv
from ensembles.exports.forecast import forecast_files
from ensembles.exports.totals import totals_csv
from ensembles.report.context import ReportContext
from ensembles.report.page import render
from ensembles.treasury.totals import totals_of
from tests.browser.chromium import Tab, a_page, errors_of, look_at
from tests.ensembles.cubes import month_cutoffs, random_cube
from tests.ensembles.runs import changed, run_of, small_run, treasury_run
from tests.pace import pace

pytestmark = pytest.mark.browser

HELP = """
  const all = (selector) => [...document.querySelectorAll(selector)];
  const change = (id, value) => {
    const input = document.getElementById(id);
    input.value = value;
    input.dispatchEvent(new Event("change"));
  };
  const texts = (selector) => all(selector).map((e) => e.textContent.trim());
  const rows = (n) => [...all("#tables table")[n].tBodies[0].rows].map((r) => [...r.cells].map((c) => c.textContent));
  const option = (name) => all("#pick option").find((o) => o.textContent.trim() === name).value;
"""
STATE = """
  return { units: texts("#blocks h2"), cards: all("#blocks .answers").length, titles: texts("#plan h3, #tables h3"),
           days: rows(0).map((r) => r[0].slice(0, 10)), net: rows(0).map((r) => r[4]), sums: texts("#blocks dd"),
           range: texts(".range"), pictures: all("#blocks svg").length, foot: texts("#tables tfoot td") };
"""

FIRST_SCREEN = """
  const inside = (e) => {
    const box = e.getBoundingClientRect();
    return box.top >= 0 && box.bottom <= innerHeight && box.height > 0;
  };
  const cards = [...document.querySelectorAll(".card")].filter((e) => e.offsetParent);
  return { cards: cards.map((e) => [e.innerText, inside(e)]), hidden: document.getElementById("modeller").offsetParent,
           pictures: [...document.querySelectorAll("#blocks svg")].map(inside),
           current: document.querySelector("[aria-current]").innerText };
"""
PHONE = """
  const outside = (e) => !e.closest(".scroll, svg") && e.getBoundingClientRect().right > innerWidth + 1;
  const sticking = [...document.querySelectorAll("#treasurer *")].filter(outside).map((e) => e.outerHTML.slice(0, 200));
  const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0) / 3;
  const of = (selector, name) => light(getComputedStyle(document.querySelector(selector))[name]);
  return { width: document.documentElement.scrollWidth - innerWidth, sticking, paper: of("body", "backgroundColor"),
           ink: of("#blocks b", "color"), axis: of("svg text", "fill") };
"""
WITHOUT_NAME = """
  const named = (e) => e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length;
  const all = [...document.querySelectorAll("button, select, input, svg[role=img]")];
  return all.filter((e) => e.getBoundingClientRect().height && !named(e)).length;
"""


@cache
def company() -> ReportContext:
    return ReportContext.of(treasury_run())


@cache
def company_page() -> str:
    return render(company())


def total_page(minimum: float = 0.0) -> str:
    """One account in EUR with a balance, a minimum and a planned amount."""
    results = small_run()
    limits = {"minimum": minimum} if minimum else {}
    config = {**results.run.config, "data": {"kind": "table", "unit": "EUR", "limits": limits}}
    data = results.run.data.model_copy(update={"balances": {"": 3e10}, "decimals": 2})
    tax = treasury_run().run.planned[0].model_copy(update={"series": "redeem"})
    return render(ReportContext.of(changed(results, config=config, data=data, planned=(tax,))))


def files() -> dict[str, list[dict[str, str]]]:
    """Rows of forecast.csv and totals.csv of the company."""
    results = treasury_run()
    assert results.forecast is not None
    assert results.run.hierarchy is not None
    amounts = results.run.amounts
    found = forecast_files(results.forecast, results.targets, results.calendar, amounts, None, {})
    totals = totals_csv(totals_of(results.forecast, results.run.hierarchy, results.targets, amounts), amounts)
    contents = {"forecast": found["forecast.csv"], "totals": totals}
    return {name: list(csv.DictReader(io.StringIO(content.decode()))) for name, content in contents.items()}


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """The company's page, whose state the tests set as they need it."""
    with a_page(company_page(), tmp_path_factory.mktemp("page")) as found:
        yield found
        assert errors_of(found) == []


def picked(tab: Tab, name: str = "everything", first: str = "", last: str = "") -> dict[str, Any]:
    steps = f"change('pick', option({name!r})); document.querySelectorAll('#presets button')[1].click();"
    steps += f"change('from', {first!r});" if first else ""
    steps += f"change('to', {last!r});" if last else ""
    state: dict[str, Any] = tab.run(HELP + steps + STATE)
    return state


def amounts(texts: list[str]) -> list[float]:
    return [float(text.replace(",", "")) for text in texts]


def test_the_first_screen_answers_four_questions(tmp_path: Path) -> None:
    seen = look_at(total_page(minimum=2.9e10), FIRST_SCREEN, tmp_path)
    assert (seen["errors"], seen["fetched"]) == ([], [])
    found = seen["found"]
    net, tightest, sure, planned = (text for text, _ in found["cards"])
    assert re.search(r"net, next 7 days\s+[+-][\d.]+ billion EUR", net)
    assert re.search(r"tightest day\s+\w{3} 2014-07-\d\d", tightest)
    assert "the minimum of 29.00 billion EUR" in tightest
    assert re.search(r"how sure\s+\d+%( to \d+%)? off", sure)
    assert re.search(r"planned\s+1 amount", planned)
    assert all(inside for _, inside in found["cards"])
    assert found["pictures"] == [True, True]
    assert found["current"] == "Days ahead"
    assert found["hidden"] is None


def test_the_first_screen_has_the_answers_of_two_units(tab: Tab) -> None:
    picked(tab)
    seen = tab.run(FIRST_SCREEN)
    assert len(seen["cards"]) == 8
    assert all(inside for _, inside in seen["cards"])


def test_a_pick_shows_a_block_for_each_unit(tab: Tab) -> None:
    everything, north, harbour, fund = (picked(tab, n) for n in ("everything", "north", "north > harbour", "fund3"))
    assert everything["units"] == north["units"] == ["EUR", "USD"]
    assert (harbour["cards"], fund["cards"]) == (1, 1)
    assert everything["titles"] == [
        "planned CSV",
        *(f"{w}, {u} CSV" for u in ("EUR", "USD") for w in ("days", "weeks and months")),
    ]
    assert "planned CSV" in north["titles"]
    assert "planned CSV" not in fund["titles"]
    assert len(everything["days"]) == 14
    usd = [r for r in files()["totals"] if (r["group"], r["unit"], r["target"]) == ("", "USD", "net_flow")][:14]
    assert picked(tab, "fund3")["net"] == [f"{float(r['y_hat']):,.0f}" for r in usd]


def test_a_range_shows_its_days_and_a_band_of_the_sum_only_where_there_is_one(tab: Tab) -> None:
    first = picked(tab, "fund1")["days"]
    week = picked(tab, "fund1", first[0], first[6])
    assert week["days"] == first[:7]
    assert all("in 80 of 100 cases" in text for text in week["sums"])
    assert "no band" not in week["range"][0]
    other = picked(tab, "fund1", first[1], first[4])
    assert other["days"] == first[1:5]
    assert not any("cases" in text for text in other["sums"])
    assert "The sum of these days has no band" in other["range"][0]
    rows = {r["date"]: r for r in files()["forecast"] if r["entity"] == "fund1"}
    total = sum(float(rows[day]["purchase"]) for day in first[1:5])
    assert amounts(other["sums"])[0] == pytest.approx(total, abs=0.5)
    assert other["foot"][5] == "–"


def test_a_range_the_wrong_way_round_or_beyond_the_forecast_is_mended(tab: Tab) -> None:
    first = picked(tab)["days"]
    assert picked(tab, "everything", first[9], first[3])["days"] == [first[3]]
    assert picked(tab, "everything", first[0], "2030-01-01")["days"][-1] > first[-1]
    assert picked(tab, "everything", "", "")["days"] == first


def downloaded(tab: Tab, folder: Path, place: int, name: str | None = None) -> list[dict[str, str]]:
    """The file that the button at this place gives, which has this name."""
    tab.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    tab.run(f"document.querySelectorAll('.downloads button')[{place}].click()")
    end = time.monotonic() + 60
    while not (found := [f for f in folder.glob("*.csv") if f.stat().st_size]):
        assert time.monotonic() < end
        time.sleep(0.05)
    (file,) = found
    assert name in (None, file.name)
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))
    file.unlink()
    return rows


def test_a_table_downloads_with_the_numbers_of_the_files(tab: Tab, tmp_path: Path) -> None:
    picked(tab, "fund2")
    tab.run("document.querySelectorAll('#presets button')[2].click()")
    rows = downloaded(tab, tmp_path, 0, "days-fund2-eur.csv")
    wanted = [r for r in files()["forecast"] if r["entity"] == "fund2"]
    columns = ("date", "weekday", "day_type", "purchase", "redeem", "net_flow")
    assert [[r[c] for c in columns] for r in rows] == [[r[c] for c in columns] for r in wanted]
    assert {(r["show"], r["unit"]) for r in rows} == {("fund2", "EUR")}
    assert len(rows) == 28


def test_sums_download_with_the_numbers_of_the_total(tab: Tab, tmp_path: Path) -> None:
    picked(tab, "north")
    tab.run("document.querySelectorAll('#presets button')[2].click()")
    rows = downloaded(tab, tmp_path, 1)
    wanted = [
        r["y_hat"] for r in files()["totals"] if (r["group"], r["unit"], r["target"]) == ("north", "EUR", "net_flow")
    ]
    assert [r["net_flow"] for r in rows] == wanted
    weeks = downloaded(tab, tmp_path, 2)
    assert {r["period"] for r in weeks} == {"week", "month"}
    of_weeks = sum(float(r["net_flow"]) for r in weeks if r["period"] == "week")
    assert of_weeks == pytest.approx(sum(map(float, wanted)))


def test_balances_and_bands_download_as_cash_csv_has_them(tmp_path: Path) -> None:
    page = total_page()
    results = small_run()
    config = {**results.run.config, "data": {"kind": "table", "unit": "EUR"}}
    data = results.run.data.model_copy(update={"balances": {"": 3e10}, "decimals": 2})
    context = ReportContext.of(changed(results, config=config, data=data))
    cash = list(
        csv.DictReader(io.StringIO(cash_csv(context.cash_by_unit, results.calendar, context.money.amounts).decode()))
    )
    with a_page(page, tmp_path) as found:
        folder = tmp_path / "files"
        folder.mkdir()
        rows = downloaded(found, folder, 1)
    for row, wanted in zip(rows, cash, strict=False):
        assert row["balance"] == wanted["balance"]
        for name in ("net_flow_q10", "inflow_q90", "balance_q10"):
            mine = name.replace("inflow", "purchase")
            assert float(row[mine]) == pytest.approx(float(wanted[name]), rel=1e-4)
        assert float(row["chance_below_zero"]) == pytest.approx(float(wanted["chance_below_zero"]), abs=6e-4)


def test_text_that_a_spreadsheet_would_run_is_marked(tab: Tab, tmp_path: Path) -> None:
    picked(tab)
    (row,) = downloaded(tab, tmp_path, 0)
    assert row["note"] == "'=tax"
    assert row["amount"].startswith("5,000,000,000")


def printed_pages(tab: Tab) -> int:
    pdf = base64.b64decode(tab.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"])
    return len(re.findall(rb"/Type\s*/Page[^s]", pdf))


ON_PAPER = """
  const print = (name) => dispatchEvent(new Event(name));
  print("beforeprint");
  const seen = () => ({ units: texts("#blocks h2"), said: texts(".left-out"), days: rows(0).length });
  const found = { ...seen(), titles: texts("#tables h3") };
  print("afterprint");
  const again = seen();
  return { ...found, after: [again.units.length, again.said.length, again.days] };
"""


@pytest.mark.parametrize("which", ["one", "two units"])
def test_it_prints_on_two_pages(which: str, tmp_path: Path) -> None:
    with a_page(total_page() if which == "one" else company_page(), tmp_path) as found:
        assert printed_pages(found) == 2
        assert found.run(HELP + ON_PAPER)["said"] == []
        width = found.run("return document.querySelector('#blocks svg').viewBox.baseVal.width")
        assert width == pytest.approx(556, abs=2)  # drawn anew for the screen


def test_of_many_units_and_days_two_pages_are_printed_which_say_what_they_lack(tmp_path: Path) -> None:
    units = {f"fund{i}": unit for i, unit in enumerate(("EUR", "USD", "GBP", "CHF"))}
    with a_page(render(ReportContext.of(changed(treasury_run(), units=units))), tmp_path) as found:
        assert printed_pages(found) == 2
        seen = found.run(HELP + ON_PAPER)
        others = "the units GBP, CHF (pick an entity or a group of theirs)"
        assert seen["units"] == ["EUR", "USD"]
        assert seen["said"] == [f"Not on paper, but on the screen and in the CSV files: {others}."]
        assert seen["after"] == [4, 0, 14]
        every = "[...document.querySelectorAll('#presets button')].pop().click();"
        seen = found.run(HELP + every + ON_PAPER)
        assert printed_pages(found) == 2
        assert (seen["days"], seen["after"]) == (22, [4, 0, 28])
        assert [title.split(",")[0] for title in seen["titles"]] == ["days", "days"]
        assert re.search(r"; the days after \d{4}-\d\d-\d\d; weeks and months\.$", seen["said"][0])


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_everything_in_its_width(dark: bool, tmp_path: Path) -> None:
    seen = look_at(company_page(), PHONE, tmp_path, 400, dark)
    found = seen["found"]
    assert (seen["errors"], found["sticking"], found["width"]) == ([], [], 0)
    assert (found["paper"] < 60) == (found["ink"] > 180) == (found["axis"] > 120) == dark


def press(tab: Tab, key: str, code: int) -> None:
    text = {"Enter": "\r", " ": " "}.get(key, "")
    for kind in ("keyDown", "keyUp"):
        tab.call(
            "Input.dispatchKeyEvent",
            type=kind,
            key=key,
            windowsVirtualKeyCode=code,
            text=text if kind == "keyDown" else "",
        )


def test_everything_is_reached_and_worked_by_keys(tmp_path: Path) -> None:
    where = "return document.activeElement.id || document.activeElement.textContent.trim()"
    with a_page(company_page(), tmp_path) as found:
        seen = []
        for _ in range(24):
            press(found, "Tab", 9)
            at = found.run(where)
            if not seen or seen[-1] != at:
                seen.append(at)
            if at == "next 7":
                press(found, "Enter", 13)
            if at == "pick":
                press(found, "ArrowDown", 40)
        assert [at for at in seen if len(at) < 20][:8] == [
            *("Days ahead", "How it was made", "pick", "from", "to", "next 7", "next 14", "all 28"),
        ]
        assert "CSV" in seen
        state = found.run(HELP + STATE)
        assert len(state["days"]) == 7
        assert found.run(HELP + "return document.getElementById('pick').selectedOptions[0].textContent") == "north"
        assert found.run(WITHOUT_NAME) == 0


def test_the_modellers_page_is_a_click_away_and_back(tmp_path: Path) -> None:
    shown = "return ['treasurer', 'modeller'].map((id) => document.getElementById(id).offsetParent !== null);"
    with a_page(company_page(), tmp_path) as found:

        def comes(wanted: object, look: str) -> None:
            """A page changes some time after it was asked to."""
            end = time.monotonic() + 60
            while (seen := found.run(look)) != wanted:
                assert time.monotonic() < end, seen
                time.sleep(0.05)

        assert found.run(shown) == [True, False]
        found.run("document.querySelector('.tabs a[href=\"#modeller\"]').click()")
        comes([False, True], shown)
        comes(True, "return [...Bokeh.index.roots].filter((view) => view.canvas).length > 5")
        found.run("document.querySelector('#modeller nav a[href=\"#errors\"]').click()")
        comes("#errors", "return location.hash")
        assert found.run(shown) == [False, True]
        found.run("history.go(-2)")
        comes([True, False], shown)
        assert errors_of(found) == []


def test_without_scripts_the_answers_and_both_pages_are_there(tmp_path: Path) -> None:
    place = tmp_path / "plain.html"
    place.write_text(company_page(), encoding="utf-8")
    with a_page("<p>nothing", tmp_path) as found:
        found.call("Emulation.setScriptExecutionDisabled", value=True)
        found.events.clear()
        found.open(place, "modeller")
        found.call("Emulation.setScriptExecutionDisabled", value=False)
        assert found.run("return document.querySelectorAll('.answers .card').length") == 8
        assert found.run("return document.getElementById('leaderboard').offsetHeight") > 100


@pytest.mark.parametrize("n", [1, pytest.param(500, marks=pytest.mark.slow)])
def test_one_series_and_a_thousand_open_at_once(n: int, tmp_path: Path) -> None:
    cubes = {
        t: random_cube(t, "a:x1 b:z1", month_cutoffs(3), 28, seed=i, n_series=n) for i, t in enumerate(("in", "out"))
    }
    page = render(ReportContext.of(run_of(cubes, weights={"in": 0.5, "out": 0.5})))
    steps = """
      const painted = performance.getEntriesByName("first-contentful-paint")[0].startTime;
      const pick = document.getElementById("pick"), begun = performance.now();
      if (pick) { pick.value = pick.options.length - 1; pick.dispatchEvent(new Event("change")); }
      return { painted, picked: performance.now() - begun, pictures: document.querySelectorAll("#blocks svg").length };
    """
    before = pace()
    seen = look_at(page, steps, tmp_path)
    slower = max(before, pace())
    assert (seen["errors"], seen["fetched"], seen["found"]["pictures"]) == ([], [], 1)
    assert seen["found"]["painted"] < 3000 * slower
    assert seen["found"]["picked"] < 500 * slower
