from __future__ import annotations

from pathlib import Path

import ensembles.report.sections
from ensembles.report.charts.chart import Chart
from ensembles.report.section import Section, sections
from tests.ensembles.report.pages import small_context

FOLDER = Path(next(iter(ensembles.report.sections.__path__)))


def test_every_module_of_its_rooms_gives_a_section_with_its_template_beside_it() -> None:
    modules = {file.stem: file for file in FOLDER.rglob("*.py") if file.stem != "__init__"}
    assert {section.id for section in sections()} == set(modules)
    assert all((modules[section.id].parent / section.template).exists() for section in sections())


def test_sections_stand_in_the_order_of_their_places() -> None:
    places = [section.place for section in sections()]
    assert places == sorted(places)
    assert len(set(places)) == len(places)


def test_charts_of_all_sections_have_names_of_their_own() -> None:
    context = small_context()
    charts = [chart for section in sections() for chart in section.charts(section.facts(context))]
    assert all(isinstance(chart, Chart) for chart in charts)
    assert len({chart.key for chart in charts}) == len(charts) > 5


def test_a_section_without_charts_draws_none() -> None:
    plain = Section("plain", "Plain", 1, "plain.j2", lambda _: None)
    assert tuple(plain.charts(None)) == ()
