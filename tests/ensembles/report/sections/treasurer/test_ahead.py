"""The days ahead as the page holds them."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import numpy as np
import pytest

from ensembles.exports.forecast import forecast_files
from ensembles.exports.totals import totals_csv
from ensembles.report.context import ReportContext
from ensembles.report.page import render
from ensembles.report.sections.treasurer.ahead import SECTION
from ensembles.treasury.totals import totals_of
from tests.ensembles.cubes import month_cutoffs, random_cube
from tests.ensembles.report.pages import Page, failed_context, shown, small_context
from tests.ensembles.runs import run_of, treasury_run

pytestmark = pytest.mark.usefixtures("without_charts")

COMPETITION = r"score|point|leaderboard|submission|surrogate|competition|blend|fen\b|in 30 days"


def data_of(context: ReportContext) -> dict[str, Any]:
    """What the script of the page reads."""
    html = render(context)
    found = re.search(r'<script type="application/json" id="ahead-data">(.*?)</script>', html, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_amounts_are_those_of_the_files() -> None:
    results = treasury_run()
    data = data_of(ReportContext.of(results))
    assert results.forecast is not None
    amounts, hierarchy = results.run.amounts, results.run.hierarchy
    files = forecast_files(results.forecast, results.targets, results.calendar, amounts, None, {})
    assert hierarchy is not None
    totals = rows_of(totals_csv(totals_of(results.forecast, hierarchy, results.targets, amounts), amounts))
    views = {(name, data["views"][k]["unit"]): data["views"][k] for name, _, places in data["picks"] for k in places}
    seen = 0
    for name, unit in views:
        for place, target in enumerate(results.targets):
            mine = [r for r in totals if (r["group"] or "everything", r["unit"], r["target"]) == (name, unit, target)]
            wanted = [r["y_hat"] for r in mine]
            if name.startswith("fund"):
                wanted = [r[target] for r in rows_of(files["forecast.csv"]) if r["entity"] == name]
            assert [f"{v:.2f}" for v in views[name, unit]["flows"][place][0]] == wanted
            seen += len(wanted)
    assert seen == 9 * 2 * 28


def test_what_may_be_picked_stands_in_its_order_with_a_view_for_each_unit() -> None:
    facts = SECTION.facts(ReportContext.of(treasury_run()))
    assert [(pick.name, pick.kind, pick.views) for pick in facts.picks] == [
        ("everything", "all", (0, 1)),
        ("north", "group", (2, 3)),
        ("north > harbour", "group", (4,)),
        *((f"fund{i}", "entity", (5 + i,)) for i in range(4)),
    ]
    assert [unit for unit, _ in facts.first] == ["EUR", "USD"]
    assert [view["of"] for view in facts.data["views"]][:5] == [[0, 1, 2], [3], [0, 1], [3], [1]]


def test_ends_of_bands_have_five_digits() -> None:
    context = ReportContext.of(treasury_run())
    assert context.views is not None
    page = data_of(context)
    view, data = context.views[1][0], page["views"][0]
    low = view.flows["purchase"].quantiles[0.1]
    assert data["flows"][0][1][0] == pytest.approx(low, rel=5e-5)
    assert all(
        len(f"{v:g}".replace(".", "").strip("0-")) <= 5 or float(f"{v:.5g}") == v for v in data["flows"][0][1][0]
    )
    assert view.account is not None
    assert data["balance"]["opening"] == 9e9
    assert len(data["flows"][0][2][0]) == len(page["form"]["spans"])


def test_planned_amounts_are_those_of_the_views_entities() -> None:
    context = ReportContext.of(treasury_run())
    page = data_of(context)
    (row,) = page["planned"]
    assert row[1] == "fund0/redeem"
    assert (row[0], row[6]) == (page["days"][3][0], 0)
    facts = SECTION.facts(context)
    planned = [cards[3].value for _, cards in facts.first]
    assert planned == ["1", "nothing"]


def test_words_of_the_competition_are_not_on_the_treasurers_page() -> None:
    for context in (ReportContext.of(treasury_run()), small_context()):
        page = shown(SECTION, context)
        assert not re.search(COMPETITION, page.text, re.IGNORECASE), page.text
        assert not re.search(COMPETITION, json.dumps(SECTION.facts(context).data), re.IGNORECASE)
    html = render(ReportContext.of(treasury_run()))
    before = html[html.index("<header>") : html.index('<main id="modeller">')]
    assert not re.search(COMPETITION, Page(before).text, re.IGNORECASE)


def test_a_run_without_a_forecast_says_where_the_reason_stands() -> None:
    page = shown(SECTION, failed_context())
    assert "There is no forecast" in page.text
    assert "#failures" in page.addresses


def test_of_more_series_the_page_names_how_many_cannot_be_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ensembles.risk.cash.views.MOST_SERIES", 4)
    html = render(ReportContext.of(treasury_run()))
    assert "and 2 smaller entities in forecast.csv" in html


def test_what_the_page_has_no_room_for_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ReportContext.of(treasury_run())
    whole = data_of(context)
    sizes = [len(json.dumps(view, separators=(",", ":"))) for view in whole["views"]]
    monkeypatch.setattr("ensembles.report.sections.treasurer.ahead.ROOM", sum(sizes[:5]) + max(sizes[5:]))
    data, facts = data_of(context), SECTION.facts(context)
    *others, (name, kind, (place,)) = data["picks"]
    assert [pick[0] for pick in others] == ["everything", "north", "north > harbour"]
    largest = max(
        whole["picks"][3:], key=lambda pick: sum(map(sum, (f[0] for f in views_at(whole, pick)[0]["flows"][:2])))
    )
    assert (name, kind) == (largest[0], "entity")
    assert data["views"][place] == views_at(whole, largest)[0]
    assert facts.left == "and 3 smaller entities in forecast.csv"
    monkeypatch.setattr("ensembles.report.sections.treasurer.ahead.ROOM", 0)
    facts = SECTION.facts(context)
    assert [pick.name for pick in facts.picks] == ["everything"]
    assert facts.left == "and 2 smaller groups in totals.csv and 4 smaller entities in forecast.csv"
    assert facts.left in render(context)


def views_at(data: dict[str, Any], pick: list[Any]) -> list[dict[str, Any]]:
    return [data["views"][k] for k in pick[2]]


def test_a_single_day_to_come_is_a_page_too() -> None:
    cubes = {t: random_cube(t, "a:x1 b:z1", month_cutoffs(4), 1, seed=i) for i, t in enumerate(("in", "out"))}
    data = data_of(ReportContext.of(run_of(cubes, weights={"in": 0.5, "out": 0.5})))
    assert len(data["days"]) == 1
    assert data["form"]["spans"] == [["ahead", 0, 0]]
    assert np.isfinite(data["views"][0]["flows"][0][0]).all()
