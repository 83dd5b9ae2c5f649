"""Charts drawn with Bokeh and inlined into the page: no network, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.embed import components
from bokeh.models import BoxAnnotation, ColumnDataSource, HoverTool, Label, LinearColorMapper, NumeralTickFormatter
from bokeh.plotting import figure
from bokeh.resources import Resources
from bokeh.transform import transform

from ensembles.report.chart import COLOURS, HEAT, Area, Bars, Chart, Dots, Heat, Line, Marks

__all__ = ["draw", "script_of_library"]

FRAME = "#8a8f98"
HALF_DAY = np.timedelta64(12, "h")


def script_of_library() -> str:
    """The drawing library itself, to be put into the page once."""
    return str(Resources(mode="inline", components=["bokeh"]).render_js())


def draw(charts: Sequence[Chart]) -> tuple[str, dict[str, str]]:
    """The script that draws, and by chart's key the place holder."""
    if not charts:
        return "", {}
    script, places = components([_figure(chart) for chart in charts])
    return script, {chart.key: place for chart, place in zip(charts, places, strict=True)}


def _figure(chart: Chart) -> Any:
    heat = [layer for layer in chart.layers if isinstance(layer, Heat)]
    ranges: dict[str, Any] = {"y_range": [_plain(r) for r in reversed(heat[0].rows)]} if heat else {}
    if chart.x_axis == "name":
        ranges["x_range"] = [_plain(str(name)) for name in chart.layers[0].x]  # type: ignore[union-attr]
    plot = figure(
        height=chart.height,
        sizing_mode="stretch_width",
        x_axis_type="datetime" if chart.x_axis == "day" else "auto",
        tools="" if heat else "xpan,box_zoom,reset,save",
        toolbar_location=None if heat else "above",
        y_axis_label=None if heat else chart.y_label,
        x_axis_label=chart.x_label or None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        min_border_right=12,
        **ranges,
    )
    plot.toolbar.logo = None
    _add_marks(plot, chart.marks)
    for layer in chart.layers:
        _add(plot, layer, chart)
    _style(plot)
    return plot


def _add(plot: Any, layer: Line | Area | Bars | Dots | Heat, chart: Chart) -> None:
    if isinstance(layer, Heat):
        _add_heat(plot, layer)
        return
    colour, x = COLOURS[layer.colour], _stamps(layer.x)
    legend = {"legend_label": _plain(layer.name)} if layer.name else {}
    if isinstance(layer, Area):
        plot.varea(x, layer.low, layer.high, fill_color=colour, fill_alpha=0.16, **legend)
        return
    if isinstance(layer, Line):
        dash = "dashed" if layer.dashed else "solid"
        made = plot.line(x, layer.y, line_color=colour, line_width=layer.width, line_dash=dash, **legend)
    elif isinstance(layer, Bars):
        width = layer.width * (86_400_000 if chart.x_axis == "day" else 1)
        made = plot.vbar(x, top=layer.y, width=width, fill_color=colour, line_color=None, fill_alpha=0.85, **legend)
    else:
        made = plot.scatter(x, layer.y, size=7, fill_color=colour, line_color=None, **legend)
    _add_hover(plot, made, layer, chart)


def _add_hover(plot: Any, made: Any, layer: Line | Bars | Dots, chart: Chart) -> None:
    value = "top" if isinstance(layer, Bars) else "y"
    when = "@x{%a %F}" if chart.x_axis == "day" else "@x"
    rows = [("", _plain(layer.name or chart.title).replace("@", "@\u200b")), ("", when), ("", f"@{value}{{0,0.[00]}}")]
    formats = {"@x": "datetime"} if chart.x_axis == "day" else {}
    plot.add_tools(HoverTool(renderers=[made], tooltips=rows, formatters=formats, visible=False))


def _add_heat(plot: Any, layer: Heat) -> None:
    row, column = np.nonzero(~np.isnan(layer.values))
    names = [_plain(layer.rows[i]) for i in row]
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
    for first, last in marks.off:
        left, right = ((day.astype("datetime64[ms]") + half).item() for day, half in ((first, -HALF_DAY), (last, HALF_DAY)))
        plot.add_layout(BoxAnnotation(left=left, right=right, fill_color=FRAME, fill_alpha=0.13, line_color=None))
    for day, text in marks.named:
        plot.add_layout(
            Label(
                x=day.astype("datetime64[ms]").item(),
                y=4,
                y_units="screen",
                text=_plain(text),
                angle=np.pi / 2,
                text_font_size="10px",
                text_color=FRAME,
                text_baseline="middle",
            )
        )


def _stamps(x: Any) -> Any:
    array = np.asarray(x)
    if np.issubdtype(array.dtype, np.datetime64):
        return array.astype("datetime64[ms]")
    return [_plain(str(name)) for name in x] if array.dtype.kind in "UO" else array


def _plain(text: str) -> str:
    """Text that the library does not take for a formula: that would ask the network for a typesetter."""
    return text.replace("$", "$\u200b").replace("\\", "\\\u200b")


def _style(plot: Any) -> None:
    plot.outline_line_color = None
    plot.grid.grid_line_alpha = 0.15
    if hasattr(plot.yaxis[0], "formatter") and not hasattr(plot.y_range, "factors"):
        plot.yaxis.formatter = NumeralTickFormatter(format="0,0.[00]")
    for axis in plot.axis:
        axis.axis_line_color = axis.major_tick_line_color = FRAME
        axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = FRAME
        axis.axis_label_text_font_style = "normal"
    if not plot.legend:
        return
    plot.legend.background_fill_alpha = 0
    plot.legend.border_line_alpha = 0
    plot.legend.label_text_color = FRAME
    plot.legend.label_text_font_size = "11px"
    plot.legend.orientation = "horizontal"
    plot.legend.ncols = 3
    plot.legend.click_policy = "hide"
    plot.legend.padding = 0
    plot.add_layout(plot.legend[0], "above")
