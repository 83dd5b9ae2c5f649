"""The page of an exploration as a reader's browser shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ensembles.exploration.exploration import look_at_data
from forecasting.panel import Series
from tests.browser.chromium import look_at
from tests.ensembles.exploration.planted import material_of

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror='window.hit = 1'>$$x^2$$ 余额宝"
LOOK = """
  const box = (e) => e.getBoundingClientRect();
  const outside = (e) => !e.closest(".scroll, nav") && box(e).right > innerWidth + 1;
  return {
    drawn: [...Bokeh.index.roots].filter((view) => view.canvas).length,
    figures: [...document.querySelectorAll("figure")].map((e) => box(e).height),
    sticking: [...document.querySelectorAll("body *")].filter(outside).map((e) => e.outerHTML.slice(0, 200)),
    hit: window.hit ?? 0, width: document.documentElement.scrollWidth - innerWidth,
  };
"""


def page() -> str:
    rng = np.random.default_rng(2)
    y = 100 * np.exp(0.2 * rng.standard_normal((4, 300)))
    y[0, 200:] *= 3
    y[1, ::9] = 0
    y[2, 50] *= 9
    series = tuple(Series("y", name) for name in (HOSTILE, "b", "c", "d"))
    past = rng.standard_normal((300, 1))
    return look_at_data(material_of(y, country="DE", kind="panel", series=series, past=past)).html()


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (400, False)])
def test_every_picture_is_drawn_and_nothing_sticks_out(width: int, dark: bool, tmp_path: Path) -> None:
    seen = look_at(page(), LOOK, tmp_path, width, dark)
    found = seen["found"]
    assert found["drawn"] == len(found["figures"]) == 10
    assert all(200 < height < 700 for height in found["figures"])
    assert (found["sticking"], found["hit"], found["width"]) == ([], 0, 0)
    assert (seen["errors"], seen["fetched"]) == ([], [])
