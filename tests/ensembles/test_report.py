from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from ensembles.oof import MemberInfo
from ensembles.report import render
from tests.ensembles.runs import small_run

SECTIONS = ("headline", "forecast", "blend", "windows", "coverage", "pairs", "leaderboard", "provenance")


class Page(HTMLParser):
    """Ids, addresses asked for, and text outside scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in ("src", "href", "action", "data"):
                self.addresses.append(str(value))

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] not in (["script"], ["style"]):
            self.text += data


def test_every_section_is_there_and_nothing_is_fetched() -> None:
    html = render(small_run())
    page = Page(html)
    assert set(SECTIONS) <= set(page.ids)
    assert page.addresses == []
    assert "@import" not in html
    assert "url(http" not in html
    assert len(html.encode()) < 5_000_000
    assert "blend, on windows it had not seen" in page.text
    assert "a-x/s00" in page.text


@pytest.mark.parametrize("method", ["median", "simplex"])
def test_the_blend_is_described_whatever_won(method: str) -> None:
    html = render(small_run(candidates=(f"{method}/settings",), tie=0.0))
    assert Page(html).ids.count("blend") == 1


def test_one_window_has_no_scores_to_choose_by_and_no_coverage() -> None:
    data = small_run(n_windows=1)
    assert "no choice yet" in Page(render(data)).text
    assert data.board["coverage"]["redeem"]["80"]["share"] is None


def test_bands_are_drawn_for_single_series_only() -> None:
    assert set(small_run().courses()[0].bands) == {80, 95}
    assert small_run(n_series=2).courses()[0].bands == {}


def test_a_panel_is_summed_over_its_entities() -> None:
    data = small_run(n_series=3)
    courses = data.courses()
    assert [c.target for c in courses] == ["purchase", "redeem"]
    frame = data.oof.to_pandas()
    one = frame[(frame.member == "blend") & (frame.unique_id.str.endswith("/redeem"))]
    np.testing.assert_allclose(courses[1].y, one.groupby("ds").y.sum())
    np.testing.assert_allclose(np.concatenate([v for _, v in courses[1].windows]), one.groupby("ds").y_hat.sum())
    assert "100 million CNY" in render(data)


def test_hostile_names_appear_as_text() -> None:
    hostile = "<script>alert(1)</script>\"'&😀"
    failed = ((MemberInfo("zz", hostile, hostile, hostile), f"reason {hostile}"),)
    html = render(small_run(rename=hostile, failed=failed))
    page = Page(html)
    assert "alert(1)</script>" not in html
    assert html.count("<script") == page.tags.count("script")
    assert f"reason {hostile}" in page.text
    assert re.search(r"Failed members", page.text)
