"""Text from data on a page: escaped, and with its control characters shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from ensembles.report.charts.bokeh_page import draw
from ensembles.report.charts.chart import Chart, Line, Marks
from ensembles.report.charts.image_files import chart_files
from ensembles.report.template import FORMS, cell, environment

TEXT = "a\x1b\u202eb\u2066\x9b<i>\u200b"
SHOWN = r"a\x1b\u202eb\u2066\x9b<i>\u200b"


def rendered(template: str) -> str:
    return environment().from_string(template).render(value=TEXT, values={"k": [TEXT]})


def test_values_are_shown_and_escaped() -> None:
    assert rendered("{{ value }}") == SHOWN.replace("<i>", "&lt;i&gt;")
    assert rendered("{{ value | upper }}").startswith(r"A\x1b\u202eB")
    assert rendered("{{ '<b>' | safe }}{{ value[0] ~ '\n' ~ value[1] }}") == "<b>a\n\\x1b"


def test_scripts_get_json_of_what_is_to_be_shown() -> None:
    text = rendered("{{ values | tojson }}")
    assert text.isprintable()
    assert "<i>" not in text
    assert json.loads(text)["k"][0].replace("\x1b", r"\x1b") == SHOWN


def test_charts_show_names_too() -> None:
    days = np.arange("2024-01-01", "2024-01-04", dtype="datetime64[D]")
    line = Line(TEXT, days, np.arange(3.0), "actual")
    chart = Chart("k", TEXT, "day", TEXT, [line], Marks(named=((days[1], "\u202eday"),)))
    script, _ = draw([chart])
    assert "\u202e" not in script
    assert r"\\u202e" not in script.replace(r"\\\\", "\\").replace(r"\\\u200bu202e", ""), "as JSON escapes it"
    svg = chart_files([chart])["k.svg"].decode()
    assert svg.count(r"\u202e") >= 3
    assert "\u202e" not in svg
    assert "\x1b" not in svg


@pytest.mark.parametrize("form", FORMS)
def test_what_rounds_to_nothing_has_no_minus(form: str) -> None:
    assert "-" not in cell(-1e-9, form)
    assert cell(-7.0, form).startswith("-7")


def test_no_signed_number_of_a_sentence_or_a_screen_can_be_minus_zero() -> None:
    root = Path(__file__).parents[3]
    files = [path for folder in ("cluster", "ensembles", "forecasting") for path in (root / folder).rglob("*.py")]
    signed = re.compile(r":\+,?\.\d|\"\+,?\.\d")
    assert len(files) > 100
    assert [path.name for path in files if signed.search(path.read_text(encoding="utf-8"))] == []
