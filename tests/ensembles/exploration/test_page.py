"""The page, the JSON and the notebook's view of what was found."""

import json
from pathlib import Path

import numpy as np
import pytest

from ensembles.exploration.exploration import SCHEMA_VERSION, look_at_data
from ensembles.exploration.fact import subjects
from forecasting.errors import StorageError
from forecasting.panel import Series
from tests.ensembles.exploration.planted import material_of
from tests.ensembles.report.pages import Page

README = Path(__file__).parents[3] / "ensembles" / "exploration" / "README.md"
HOSTILE = "<script>window.hit = 1</script>"


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(1)
    series = tuple(Series("y", name) for name in (HOSTILE, "b", "c"))
    y = 100 * np.exp(0.2 * rng.standard_normal((3, 200)))
    y[0, 120:] *= 3
    return look_at_data(material_of(y, kind="panel", series=series))


def test_the_page_is_one_piece_with_a_sentence_for_each_picture(found):
    page = Page(found.html())
    assert page.addresses == [f"#{subject.id}" for subject, _ in found.found] + ["#quality"]
    assert "default-src 'none'" in page.html
    assert len(page.html) < 5e6
    assert all(sentence in page.text for sentence in found.sentences)
    assert page.tags.count("figure") == sum(fact.chart is not None for _, fact in found.found) <= 10
    assert HOSTILE not in page.html
    assert "What the checks say" in page.text


def test_json_holds_every_fact_and_no_number_that_json_lacks(found):
    told = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert told["schema_version"] == SCHEMA_VERSION
    assert [fact["id"] for fact in told["facts"]] == list(found.facts)
    assert all(set(fact) == {"id", "title", "sentence", "numbers"} for fact in told["facts"])


def test_every_number_stands_in_the_readme():
    text = README.read_text()
    for subject in subjects():
        assert f"### {subject.id}\n" in text


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(found):
    shown = found._repr_html_()
    assert shown.startswith('<iframe srcdoc="')
    assert "<script" not in shown
    assert repr(found) == "\n".join(found.sentences)


def test_the_page_is_written_where_it_is_asked_for(found, tmp_path):
    assert found.to_html(tmp_path / "new" / "page.html").stat().st_size > 1e6
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        found.to_html(tmp_path / "file" / "page.html")
