"""The page as a whole."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import ensembles
from ensembles.oof import MemberInfo
from ensembles.report.charts.bokeh_page import draw
from ensembles.report.context import ReportContext
from ensembles.report.page import render, report_charts
from forecasting.schema import iso
from tests.ensembles.cubes import month_cutoffs, random_cube
from tests.ensembles.report.pages import Page, failed_context, small_context, small_page
from tests.ensembles.runs import WEIGHTS, changed, run_of, small_run

ROOT = Path(__file__).parents[3]
SECTIONS = {
    *("headline", "forecast", "cash", "alerts", "leaderboard", "failures", "blend", "pairs", "windows"),
    *("coverage", "errors", "surrogates", "residuals", "learning", "quality", "provenance"),
}
ENTRIES = ["Forecast", "Cash", "Alerts", "Leaderboard", "Blend", "Windows", "Errors", "Learning"]
ENTRIES += ["Data", "Provenance"]

PLANTED = """
from dataclasses import dataclass

from ensembles.report.section import Section


@dataclass(frozen=True)
class Facts:
    n_members: int


def facts(context):
    return Facts(sum(bool(row.member_id) for row in context.results.board.rows))


SECTION = Section("planted", "Planted", 15, "planted.j2", facts)
"""
TEMPLATE = '<section id="planted"><p>{{ facts.n_members }} of {{ shared.targets | join(" and ") }}</p></section>'
RENDER = """
from ensembles.report.context import ReportContext
from ensembles.report.page import render
from tests.ensembles.runs import small_run

print(render(ReportContext.of(small_run())))
"""


def test_every_section_is_there_and_nothing_is_fetched() -> None:
    html = small_page()
    page = Page(html)
    assert set(page.ids) >= SECTIONS
    assert all(address.startswith("#") for address in page.addresses)
    assert "default-src 'none'" in html
    assert "@import" not in html
    assert "url(http" not in html
    assert len(html.encode()) < 5_000_000
    assert '"a-x/s00"' in html


def test_navigation_follows_the_first_screen_and_names_what_is_on_the_page() -> None:
    html = small_page()
    navigation = html[html.index("<nav>") : html.index("</nav>")]
    assert re.findall(r'<a href="#\w+">(\w+)</a>', navigation) == ENTRIES
    anchors = re.findall(r'href="#(\w+)"', navigation)
    places = [html.index(f'<section id="{anchor}"') for anchor in ("headline", *anchors)]
    assert places == sorted(places)
    assert places[0] < html.index("<nav>") < places[1]


def test_a_panel_has_a_section_more() -> None:
    html = render(small_context(n_series=3))
    assert set(Page(html).ids) >= {*SECTIONS, "series"}
    assert '<a href="#errors">Errors</a><a href="#series">Series</a>' in html
    assert "#series" not in small_page()


def test_a_new_section_is_one_module_and_one_template(tmp_path: Path) -> None:
    shutil.copytree(Path(ensembles.__file__).parent, tmp_path / "ensembles")
    sections = tmp_path / "ensembles/report/sections"
    (sections / "planted.py").write_text(PLANTED)
    (sections / "planted.j2").write_text(TEMPLATE)
    path = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", RENDER], cwd=tmp_path, env=os.environ | path, capture_output=True, text=True, check=True
    )
    html = done.stdout
    assert '<a href="#forecast">Forecast</a><a href="#planted">Planted</a><a href="#cash">' in html
    assert "<p>6 of purchase and redeem</p>" in html
    assert html.index('<section id="forecast"') < html.index('<section id="planted"') < html.index('id="cash"')


def test_hostile_names_appear_as_text() -> None:
    hostile = "<script>alert(1)</script>\"'&😀"
    failed = ((MemberInfo("zz", hostile, hostile, hostile), f"reason {hostile}"),)
    html = render(ReportContext.of(small_run(n_series=3, rename=hostile, failed=failed)))
    page = Page(html)
    assert "alert(1)</script>" not in html
    assert html.count("<script") == page.tags.count("script")
    assert f"reason {hostile}" in page.text
    assert "million CNY" in page.text


def test_a_run_without_a_blend_says_so_in_every_section() -> None:
    html = render(failed_context())
    page = Page(html)
    assert set(page.ids) >= SECTIONS
    assert not re.search(r"\bnan\b", page.text)
    assert len(html) < 200_000  # nothing to draw, no library


def test_two_thousand_members_build_in_time_and_stay_small() -> None:
    layout = " ".join(f"{family}:{setting}125" for family in "abcd" for setting in "wxyz")
    cubes = {t: random_cube(t, layout, month_cutoffs(4), 31, seed=i) for i, t in enumerate(WEIGHTS)}
    results = run_of(cubes, candidates=("mean",))
    assert sum(bool(row.member_id) for row in results.board.rows) == 2000
    started = time.process_time()
    html = render(ReportContext.of(results))
    assert time.process_time() - started < 10
    assert len(html.encode()) < 5_000_000


def test_a_score_without_points_per_day_is_not_called_so() -> None:
    text = Page(render(ReportContext.of(changed(small_run(), surrogate="wape")))).text.split("Forecast")[0]
    assert "points a day" not in text
    assert "WAPE" in text
    assert "in 30 days" not in text


def test_no_name_is_taken_for_a_formula() -> None:
    context = small_context()
    days = [iso(context.histories[0].next_ds[i]) for i in (2, 9)]
    results = changed(context.results, events=((days[0], "$$x^2$$"), (days[1], "\\(y^2\\)")))
    script, _ = draw(report_charts(replace(context, results=results)))
    assert "x^2" in script
    assert "y^2" in script
    assert "$$" not in script
    assert "\\(" not in script.replace("\\\\", "\\")


@pytest.mark.slow
@pytest.mark.parametrize("targets", [{"purchase": 0.45, "redeem": 0.55}, {"sales": 1.0}])
def test_a_thousand_series_stay_below_five_megabytes(targets: dict[str, float]) -> None:
    n = 1000 // len(targets)
    cubes = {t: random_cube(t, "a:x1 b:z1", month_cutoffs(3), 31, seed=i, n_series=n) for i, t in enumerate(targets)}
    results = run_of(cubes, weights=targets)
    names = [f"fund{i}" for i in range(n)]
    facts = results.run.data.model_copy(update={"balances": dict.fromkeys(names, 1e9) if len(targets) == 2 else {}})
    groups = {name: (f"group {i % 10}",) for i, name in enumerate(names)}
    facts_of_run = changed(results, data=facts, groups=groups)
    html = render(ReportContext.of(facts_of_run))
    assert len(re.findall(r'<option value="\d+"', html)) == 1 + 10 + n
    assert len(html.encode()) < 5_000_000
    assert "smaller entities" not in html


@pytest.mark.slow
def test_a_thousand_series_for_three_months_stay_below_five_megabytes() -> None:
    targets = {"purchase": 0.45, "redeem": 0.55}
    cubes = {t: random_cube(t, "a:x1 b:z1", month_cutoffs(3), 90, seed=i, n_series=500) for i, t in enumerate(targets)}
    html = render(ReportContext.of(run_of(cubes, weights=targets)))
    assert len(html.encode()) < 5_000_000
    assert re.search(r"and \d+ smaller entities in forecast.csv", html)
