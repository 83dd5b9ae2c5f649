from __future__ import annotations

import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from ensembles.files.history_parquet import HistoryFile
from ensembles.oof import MemberInfo
from ensembles.report.charts.bokeh_page import draw
from ensembles.report.charts.chart import Area, Bars, Chart, Dots, Heat, Line, label_lines
from ensembles.report.charts.image_files import chart_files
from ensembles.report.data import ReportData
from ensembles.report.money import Money
from ensembles.report.page import render, report_charts
from ensembles.report.sections.leaderboard import leaderboard_table
from forecasting.calendar import Calendar
from forecasting.data.quality.finding import Finding
from forecasting.schema import iso
from tests.ensembles.cubes import day_cutoffs, month_cutoffs, random_cube
from tests.ensembles.runs import RUN, WEIGHTS, run_of, small_run

SECTIONS = {
    *("headline", "forecast", "liquidity", "alerts", "leaderboard", "failures", "blend", "pairs", "windows"),
    *("coverage", "errors", "surrogates", "residuals", "learning", "quality", "provenance"),
}


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
    assert set(page.ids) >= SECTIONS
    assert all(address.startswith("#") for address in page.addresses)
    assert "default-src 'none'" in html
    assert "@import" not in html
    assert "url(http" not in html
    assert len(html.encode()) < 5_000_000
    assert "on 4 windows it had not seen (2014-03-01 to 2014-06-28)" in page.text
    assert "Cash for the worst day, " in page.text
    assert "single seeds (4)" in page.text
    assert "was not looked at" in page.text
    assert '"a-x/s00"' in html


def test_a_median_has_no_weights() -> None:
    data = small_run()
    assert data.blend is not None
    targets = {target: facts | {"method": "median"} for target, facts in data.blend["targets"].items()}
    html = render(replace(data, blend={**data.blend, "targets": targets}))
    assert "No fixed weights: each day the median of" in Page(html).text


def test_one_window_has_no_scores_to_choose_by_and_no_coverage() -> None:
    data = small_run(n_windows=1)
    text = Page(render(data)).text
    assert "no choice yet" in text
    assert "on 1 window it had not seen" in text
    assert "Not tested: there is one window only." in text
    assert "no window could test it" in text
    assert data.board["coverage"]["redeem"]["80"]["share"] is None


def test_bands_are_drawn_for_single_series_only() -> None:
    assert set(small_run().courses[0].bands) == {80, 95}
    assert small_run(n_series=2).courses[0].bands == {}


def test_a_panel_is_summed_over_its_entities() -> None:
    data = small_run(n_series=3)
    courses = data.courses
    assert [c.target for c in courses] == ["purchase", "redeem"]
    frame = data.oof.to_arrow().to_pandas()
    one = frame[(frame.member == "blend") & (frame.unique_id.str.endswith("/redeem"))]
    np.testing.assert_allclose(courses[1].y, one.groupby("ds").y.sum())
    np.testing.assert_allclose(np.concatenate([v for _, v in courses[1].windows]), one.groupby("ds").y_hat.sum())


def test_hostile_names_appear_as_text() -> None:
    hostile = "<script>alert(1)</script>\"'&😀"
    failed = ((MemberInfo("zz", hostile, hostile, hostile), f"reason {hostile}"),)
    html = render(small_run(n_series=3, rename=hostile, failed=failed))
    page = Page(html)
    assert "alert(1)</script>" not in html
    assert html.count("<script") == page.tags.count("script")
    assert f"reason {hostile}" in page.text
    assert "million CNY" in page.text
    assert "1 of 7 members failed" in page.text


def test_a_run_without_a_blend_says_so_in_every_section() -> None:
    data = small_run()
    reason = {"status": "failed", "reason": "ran out of memory", "score": None}
    failed = [row | reason for row in data.board["rows"] if row["member_id"]]
    board = {**data.board, "rows": failed, "pairs": [], "coverage": {}, "best_single": None, "settings": []}
    html = render(ReportData(board, None, {**RUN, "status": "failed"}, None, None))
    page = Page(html)
    assert set(page.ids) >= SECTIONS
    assert "This run has no blend" in page.text
    assert "ran out of memory" in page.text
    assert not re.search(r"\bnan\b", page.text)
    assert len(html) < 200_000  # nothing to draw, no library


def test_optional_parts_are_shown_when_given() -> None:
    data = small_run()
    days = np.arange("2013-07-01", "2014-06-01", dtype="datetime64[D]")
    names = np.repeat(["purchase", "redeem"], len(days))
    history = HistoryFile(names, np.tile(days, 2), np.full(len(names), 9e9))
    finding = Finding("日期缺失 <i>", "error", 12345, "收益表.csv:3", "", "add it")
    curves = {"lstm/input_size=7": [{"train": [0.9, 0.5], "valid": [0.8, 0.6]}, {"train": [0.7], "valid": []}]}
    calendar = Calendar("CN", ((iso(data.courses[0].next_ds[3]), "双十一促销"),))
    more = replace(data, history=history, quality=[vars(finding)], learning=curves, calendar=calendar)
    page = Page(render(more))
    for text in ("日期缺失 <i>", "12,345", "lstm/input_size=7 (2 fits)", "双十一促销"):
        assert text in page.text
    first = more.courses[0]
    assert first.ds[0] == first.windows[0][0][0]
    assert first.ds[-1] == days[-1]


def test_seeds_are_folded_and_many_rows_become_data() -> None:
    data = small_run()
    table = leaderboard_table(data)
    folded = next(cells for _, cells in table.rows if cells[:2] == ["x", "a"])
    seeds = [row["score"] for row in data.board["rows"] if row["setting"] == "x"]
    assert folded[2:4] == [2, pytest.approx(np.mean(seeds))]
    assert folded[4] == pytest.approx(np.std(seeds, ddof=1))
    assert len(table.seeds) == 4
    one = next(row for row in data.board["rows"] if row["setting"] == "y")
    many = [{**one, "setting": f"s{i}", "member": f"m{i}"} for i in range(600)]
    table = leaderboard_table(replace(data, board={**data.board, "rows": many}))
    assert (len(table.rows), len(table.more)) == (250, 350)


def test_two_thousand_members_build_in_time_and_stay_small() -> None:
    layout = " ".join(f"{family}:{setting}125" for family in "abcd" for setting in "wxyz")
    cubes = {t: random_cube(t, layout, month_cutoffs(4), 31, seed=i) for i, t in enumerate(WEIGHTS)}
    data = run_of(cubes, candidates=("mean",))
    assert sum(bool(row["member_id"]) for row in data.board["rows"]) == 2000
    started = time.process_time()
    html = render(data)
    assert time.process_time() - started < 10
    assert len(html.encode()) < 5_000_000


def test_amounts_have_separators_and_units() -> None:
    money = Money.of([2.5e8], "fen")
    assert money.text(2.5e8) == "2.50 million CNY"
    assert money.text(2.5e12) == "25.00 billion CNY"
    assert money.text(1.25e5) == "1.25 thousand CNY"
    assert money.cny(123_456_789.0) == "1,234,567.89"
    assert money.whole(123_456_789.0) == "123,456,789"
    assert Money.of([float("nan")], "CNY").text(12.0) == "12.00 CNY"


def test_a_picture_of_what_comes_reaches_back_over_every_window() -> None:
    data = small_run(n_windows=1)
    first = data.courses[0]
    days = np.arange("2013-07-01", "2014-04-02", dtype="datetime64[D]")
    names = np.repeat(["purchase", "redeem"], len(days))
    history = HistoryFile(names, np.tile(days, 2), np.ones(len(names)))
    shown = replace(data, history=history).courses[0]
    assert (shown.ds[0], shown.ds[-1]) == (min(first.next_ds[0] - 120, first.windows[0][0][0]), first.next_ds[0] - 1)


def test_windows_of_a_single_day_are_dots() -> None:
    data = small_run()
    first = data.courses[0]
    day = slice(0, 1)
    one = replace(
        first,
        windows=tuple((ds[day], y_hat[day]) for ds, y_hat in first.windows),
        next_ds=first.next_ds[day],
        next_y_hat=first.next_y_hat[day],
        bands={level: (low[day], high[day]) for level, (low, high) in first.bands.items()},
    )
    changed = replace(data)
    vars(changed)["courses"] = (one, one)
    drawn = report_charts(changed)[0]
    kinds = {key.name: key.kind for key in drawn.legend}
    assert (kinds["blend, from each cutoff"], kinds["forecast"]) == ("dot", "dot")
    bands = [layer for layer in drawn.layers if isinstance(layer, Area)]
    assert [len(band.x) for band in bands] == [2, 2]


def test_windows_of_a_single_day_stand_in_one_row() -> None:
    cutoffs = day_cutoffs(6, 1)
    data = run_of({t: random_cube(t, "a:x1 b:y1", cutoffs, 1, seed=i) for i, t in enumerate(WEIGHTS)})
    charts = {chart.key: chart for chart in report_charts(data)}
    heat = charts["heat-1"].layers[0]
    assert isinstance(heat, Heat)
    assert heat.values.shape == (1, 6)
    assert "error-steps" not in charts
    assert "By kind of day" in Page(render(data)).text


def test_signs_of_a_legend_differ_as_the_layers_do() -> None:
    one = np.arange(3.0)
    wide, narrow = Area("95%", one, one, one, "ahead"), Area("80%", one, one, one, "ahead")
    drawn = [wide, narrow, Line("a", one, one, "ahead"), Dots("b", one, one, "bad"), Bars("c", one, one, "good")]
    legend = Chart("x", "x", "number", "", drawn).legend
    assert [key.kind for key in legend] == ["area", "inner", "line", "dot", "bars"]


def test_no_name_is_taken_for_a_formula() -> None:
    data = small_run()
    days = [iso(data.courses[0].next_ds[i]) for i in (2, 9)]
    calendar = Calendar("CN", ((days[0], "$$x^2$$"), (days[1], "\\(y^2\\)")))
    script, _ = draw(report_charts(replace(data, calendar=calendar)))
    assert "x^2" in script
    assert "y^2" in script
    assert "$$" not in script
    assert "\\(" not in script.replace("\\\\", "\\")


def test_labels_over_a_picture_are_short() -> None:
    assert label_lines("Dragon Boat Festival") == "Dragon Boat\nFestival"
    assert label_lines("中秋节") == "中秋节"
    assert label_lines("Day off (substituted from 01/26/2025)") == "Day off\n(substituted…"


def test_cash_that_fell_short_too_often_is_told_on_the_first_screen() -> None:
    data = small_run()
    assert data.liquidity is not None
    tests = data.liquidity.exceedances
    bad = replace(tests[0].honest, beyond=9, n=84)
    good = replace(tests[0].honest, beyond=1, n=84)
    for share, told in ((bad, True), (good, False)):
        changed = replace(data)
        found = replace(data.liquidity, exceedances=tuple(replace(test, honest=share) for test in tests))
        vars(changed)["liquidity"] = found
        text = Page(render(changed)).text
        assert f"it fell short on {share.beyond} of 84" in text
        assert ("more than twice as often as meant." in text.split("Forecast")[0]) == told
        assert ("Hold more than these amounts" in text) == told


def test_a_score_without_points_per_day_is_not_called_so() -> None:
    data = small_run()
    text = Page(render(replace(data, board={**data.board, "surrogate": "wape"}))).text.split("Forecast")[0]
    assert "points a day" not in text
    assert "WAPE" in text
    assert "in 30 days" not in text


def test_entities_of_a_panel_are_listed_by_the_cash_they_need() -> None:
    text = Page(render(small_run(n_series=3))).text
    place = text.index("Entities by risk")
    assert all(f"fund{i}" in text[place:] for i in range(3))


def test_figures_are_written_as_png_and_svg() -> None:
    pytest.importorskip("matplotlib")
    data = small_run()
    event = (iso(data.courses[0].next_ds[3]), "双十一 $x$ <b>")
    charts = report_charts(replace(data, calendar=Calendar("CN", (event,))))
    assert {"forecast-1", "forecast-net", "heat-1", "outflow-daily"} <= {chart.key for chart in charts}
    shown = [chart for chart in charts if chart.key in ("forecast-1", "heat-1", "residuals-1")]
    files = chart_files(shown)
    assert set(files) == {f"{chart.key}.{kind}" for chart in shown for kind in ("png", "svg")}
    assert files["forecast-1.png"].startswith(b"\x89PNG")
    assert "双十一 $x$ &lt;b&gt;" in files["forecast-1.svg"].decode()
    assert chart_files(shown[:1])["forecast-1.svg"] == files["forecast-1.svg"]
