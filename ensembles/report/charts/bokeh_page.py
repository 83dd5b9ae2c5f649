"""Charts drawn with Bokeh and inlined into the page: no network, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.embed import components
from bokeh.models import (
    ColumnDataSource,
    DatetimeAxis,
    FixedTicker,
    HoverTool,
    LinearAxis,
    LinearColorMapper,
    NoOverlap,
    NumeralTickFormatter,
    VStrip,
)
from bokeh.plotting import figure
from bokeh.resources import Resources
from bokeh.transform import transform

from ensembles.report.charts.chart import (
    COLOURS,
    GREY,
    HEAT,
    Area,
    Bars,
    Chart,
    Dots,
    Heat,
    Line,
    Marks,
    Ranges,
    factor_text,
    label_lines,
)
from forecasting.errors import visible_lines

__all__ = ["draw", "script_of_library"]

SMALL = 250
"""Charts up to this height have no tools and stand in a column."""
SIDE_BY_SIDE = 46
"""Characters that fit side by side below a chart on a phone; longer names stand upright."""
LEFT = 66
"""Pixels left of every chart, so that the days of charts in a column are aligned."""
UNDER = 44
FACTORS = range(-12, 13)
"""Powers of 2 that an axis of factors names."""
HALF_DAY = np.timedelta64(12 * 3_600_000, "ms")


def script_of_library() -> str:
    """The drawing library itself, to be put into the page once."""
    return str(Resources(mode="inline", components=["bokeh"]).render_js())


def draw(charts: Sequence[Chart]) -> tuple[str, dict[str, str]]:
    """The script that draws, and by chart's key the place holder."""
    if not charts:
        return "", {}
    document = Document()
    with document.models.freeze():  # each figure added would otherwise count all models again
        for chart in charts:
            document.add_root(_figure(chart))
    script, places = components(document.roots)
    return script, {chart.key: place for chart, place in zip(charts, places, strict=True)}


def _figure(chart: Chart) -> Any:
    heat = [layer for layer in chart.layers if isinstance(layer, Heat)]
    ranges: dict[str, Any] = _heat_ranges(heat[0]) if heat else {}
    if chart.y_range:
        ranges["y_range"] = chart.y_range
    names = [_plain(str(name)) for name in chart.layers[0].x] if chart.x_axis == "name" else []  # type: ignore[union-attr]
    if names:
        ranges["x_range"] = names
    plot: Any = figure(
        frame_height=chart.height - UNDER,
        min_border_left=LEFT,
        sizing_mode="stretch_width",
        x_axis_type="datetime" if chart.x_axis == "day" else "auto",
        tools="" if heat else "xpan,box_zoom,reset,save",
        toolbar_location="right" if chart.height > SMALL else None,
        active_drag=None,  # a finger that scrolls the page must not move the chart
        y_axis_label=None if heat else _plain(chart.y_label),
        x_axis_label=_plain(chart.x_label) or None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        min_border_right=12,
        **ranges,
    )
    plot.toolbar.logo = None
    if sum(max(map(len, name.split("\n"))) for name in names) > SIDE_BY_SIDE:
        plot.below[0].major_label_orientation = "vertical"
    if chart.x_ticks:
        plot.below[0].ticker = list(chart.x_ticks)
    _add_marks(plot, chart.marks)
    if heat:
        _add_heat(plot, heat[0])
        plot.grid.visible = False
    else:
        drawn = [_add(plot, layer, chart) for layer in chart.layers if not isinstance(layer, Heat)]
        plot.add_tools(_hover(drawn, chart))
    _style(plot, _numbers(chart))
    if chart.factors:
        texts: dict[float | str, Any] = {power: factor_text(power) for power in FACTORS}
        plot.yaxis.ticker, plot.yaxis.major_label_overrides = FixedTicker(ticks=list(FACTORS)), texts
    return plot


def _heat_ranges(heat: Heat) -> dict[str, Any]:
    return {"y_range": [_plain(row) for row in reversed(heat.rows)], "x_range": (0.5, heat.values.shape[1] + 0.5)}


def _add(plot: Any, layer: Line | Area | Bars | Dots | Ranges, chart: Chart) -> Any:
    """Draw a layer; gives what may be hovered over."""
    colour, x = COLOURS[layer.colour], _stamps(layer.x)
    if isinstance(layer, Area):
        plot.varea(x, layer.low, layer.high, fill_color=colour, fill_alpha=0.16)
        return None
    if isinstance(layer, Ranges):
        at = _moved(x, layer.offset)
        plot.segment(at, layer.low, at, layer.high, line_color=colour, line_width=2, line_alpha=0.6)
        return None
    source = ColumnDataSource({"x": x, "y": layer.y, **_ends(layer)})
    if chart.factors:
        source.data["factor"] = [factor_text(power) for power in layer.y]
    if isinstance(layer, Dots):
        source.data["at"] = _moved(x, layer.offset)
    common = {"source": source, "name": _plain(layer.name or chart.title)}
    if isinstance(layer, Line):
        dash = "dashed" if layer.dashed else "solid"
        return plot.line("x", "y", line_color=colour, line_width=layer.width, line_dash=dash, **common)
    if isinstance(layer, Bars):
        width = layer.width * (86_400_000 if chart.x_axis == "day" else 1)
        ends = {"top": "y"} if layer.base is None else {"top": "top", "bottom": "base"}
        form = {"fill_color": colour, "line_color": None, "fill_alpha": 0.85}
        return plot.vbar("x", width=width, **ends, **form, **common)
    return plot.scatter("at", "y", size=7, fill_color=colour, line_color=None, **common)


def _ends(layer: Line | Bars | Dots) -> dict[str, Any]:
    """Columns of bars that do not begin at zero."""
    base = layer.base if isinstance(layer, Bars) else None
    return {} if base is None else {"base": base, "top": base + layer.y}


def _hover(renderers: Sequence[Any], chart: Chart) -> HoverTool:
    day = chart.x_axis == "day"
    return HoverTool(
        renderers=[r for r in renderers if r is not None],
        tooltips=[
            ("", "$name"),
            (_plain(chart.x_label or "day"), "@x{%a %F}" if day else "@x"),
            (_plain(chart.y_label), "@factor" if chart.factors else f"@y{{{_numbers(chart)}}}"),
        ],
        formatters={"@x": "datetime"} if day else {},
        visible=False,
    )


def _add_heat(plot: Any, layer: Heat) -> None:
    row, column = np.nonzero(~np.isnan(layer.values))
    names = [_plain(layer.rows[int(i)]) for i in row]
    source = ColumnDataSource({"x": column + 1, "y": names, "value": layer.values[row, column]})
    mapper = LinearColorMapper(palette=list(HEAT), low=layer.worst, high=layer.best)
    cells = plot.rect(
        "x", "y", width=0.94, height=0.9, source=source, fill_color=transform("value", mapper), line_color=None
    )
    crossed = layer.crossed[row, column]
    plot.text(
        column[crossed] + 1,
        [name for name, cross in zip(names, crossed, strict=True) if cross],
        text=["×"] * int(crossed.sum()),
        text_align="center",
        text_baseline="middle",
        text_font_size="11px",
        text_color="#ffffff",
    )
    plot.add_tools(
        HoverTool(
            renderers=[cells],
            tooltips=[("window", "@y"), ("day", "@x"), ("points", "@value{0.00}")],
            visible=False,
        )
    )


def _add_marks(plot: Any, marks: Marks) -> None:
    """One glyph for all days off; names on an axis of their own above the chart, where no line crosses them."""
    if marks.off:
        first, last = np.array(marks.off, dtype="datetime64[D]").T
        ends = ColumnDataSource({"x0": _stamps(first) - HALF_DAY, "x1": _stamps(last) + HALF_DAY})
        plot.add_glyph(ends, VStrip(x0="x0", x1="x1", fill_color=GREY, fill_alpha=0.13, line_color=None))
    if marks.named:
        names: dict[float | str, Any] = {
            int(_stamps(day).astype(np.int64)): _plain(label_lines(text)) for day, text in marks.named
        }
        axis = LinearAxis(
            ticker=FixedTicker(ticks=list(names)),  # type: ignore[arg-type]
            major_label_overrides=names,
            major_label_orientation="vertical",
            major_label_policy=NoOverlap(min_distance=1),
            major_label_text_font_size="10px",
        )
        plot.add_layout(axis, "above")


def _stamps(x: Any) -> Any:
    array = np.asarray(x)
    if np.issubdtype(array.dtype, np.datetime64):
        return array.astype("datetime64[ms]")
    return [_plain(str(name)) for name in x] if array.dtype.kind in "UO" else array


def _moved(x: Any, offset: float) -> Any:
    """Places beside their own."""
    if not offset:
        return x
    return [(name, offset) for name in x] if isinstance(x, list) else x + offset


def _plain(text: str) -> str:
    """Text with its control characters shown, which the library does not take for a formula: it would want a
    typesetter that is not there.
    """
    return visible_lines(text).replace("$", "$\u200b").replace("\\", "\\\u200b")


def _numbers(chart: Chart) -> str:
    """How numbers are written: with four decimals where all are below 1, as losses are, so that no two ticks read
    alike.
    """
    ends = [
        layer.high if isinstance(layer, Area | Ranges) else layer.y
        for layer in chart.layers
        if not isinstance(layer, Heat)
    ]
    known = [np.abs(end[np.isfinite(end)]) for end in map(np.asarray, ends)]
    small = any(len(values) for values in known) and all(values.max(initial=0.0) < 1.0 for values in known)
    return "0.0[000]" if small else "0,0.[00]"


def _style(plot: Any, numbers: str) -> None:
    plot.outline_line_color = None
    plot.grid.grid_line_color = GREY
    plot.grid.grid_line_alpha = 0.18
    if hasattr(plot.yaxis[0], "formatter") and not hasattr(plot.y_range, "factors"):
        plot.yaxis.formatter = NumeralTickFormatter(format=numbers)
    for axis in plot.axis:
        axis.axis_line_color = axis.major_tick_line_color = GREY
        axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = GREY
        axis.axis_label_text_font_style = "normal"
    if isinstance(plot.xaxis[0], DatetimeAxis):
        plot.xaxis[0].major_label_policy = NoOverlap(min_distance=4)
    for axis in plot.above:
        axis.axis_line_color = None
