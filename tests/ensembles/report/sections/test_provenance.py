from __future__ import annotations

from dataclasses import replace

from ensembles.report.sections.provenance import SECTION
from tests.ensembles.report.pages import shown, small_context
from tests.ensembles.runs import changed


def test_rows_say_where_the_numbers_come_from() -> None:
    rows = dict(SECTION.facts(small_context()).rows)
    assert rows["data"] == "folder (fingerprint abc), 2013-07-01 to 2014-05-28"
    assert rows["libraries"] == "numpy 2.4"
    assert rows["finished"] == "not finished"
    assert "reproducible" not in rows


def test_the_end_of_a_run_is_told() -> None:
    context = small_context()
    ended = changed(context.results, reproducible=False, seconds={"training": 1234.5}, finished="2014-08-02")
    rows = dict(SECTION.facts(replace(context, results=ended)).rows)
    assert rows["time"] == "training 1,234.5 s"
    assert rows["reproducible"].startswith("no: work was lost")


def test_the_configuration_is_shown() -> None:
    assert '"unit": "fen"' in shown(SECTION, small_context()).text
