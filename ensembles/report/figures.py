"""The report's pictures, drawn with Bokeh and inlined: no network, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.embed import components
from bokeh.models import HoverTool, NumeralTickFormatter
from bokeh.models.annotations import BoxAnnotation
from bokeh.plotting import figure
from bokeh.resources import Resources

from ensembles.report.data import Course
from forecasting.calendar import Calendar
from forecasting.schema import DateArray, FloatArray

__all__ = ["draw", "script_of_library"]

ACTUAL, HONEST, AHEAD, FRAME = "#8a8f98", "#e08a1e", "#2f7fd1", "#8a8f98"
"""Colours that stand out on white and on black."""
DAY = np.timedelta64(1, "D")


def script_of_library() -> str:
    """The drawing library itself, to be put into the page once."""
    return str(Resources(mode="inline", components=["bokeh"]).render_js())


def draw(courses: Sequence[Course], calendar: Calendar, scale: float, unit: str) -> tuple[str, list[str]]:
    """The script that draws, and one place holder per course.

    Parameters
    ----------
    scale, unit
        Amounts are divided by `scale` and labelled with `unit`.
    """
    script, places = components([_forecast_figure(course, calendar, scale, unit) for course in courses])
    return script, list(places)


def _forecast_figure(course: Course, calendar: Calendar, scale: float, unit: str) -> Any:
    plot = figure(
        height=320,
        sizing_mode="stretch_width",
        x_axis_type="datetime",
        tools="xpan,xwheel_zoom,box_zoom,reset,save",
        toolbar_location="above",
        y_axis_label=f"{course.target} ({unit})",
        background_fill_alpha=0,
        border_fill_alpha=0,
        output_backend="canvas",
    )
    plot.toolbar.logo = None
    _mark_days_off(plot, np.concatenate([course.ds, course.next_ds]), calendar)
    for low, high in course.bands.values():
        stamps = course.next_ds.astype("datetime64[ms]")
        plot.varea(stamps, low / scale, high / scale, fill_color=AHEAD, fill_alpha=0.16)
    _line(plot, course.ds, course.y / scale, "actual", color=ACTUAL, width=1.5)
    for ds, y_hat in course.windows:
        _line(plot, ds, y_hat / scale, "blend, from each cutoff", color=HONEST, width=1.5)
    _line(plot, course.next_ds, course.next_y_hat / scale, "forecast", color=AHEAD, width=2.5)
    plot.add_tools(
        HoverTool(
            tooltips=[("", "$name"), ("day", "@x{%a %F}"), (unit, "@y{0,0.00}")],
            formatters={"@x": "datetime"},
        )
    )
    _style(plot)
    return plot


def _line(plot: Any, ds: DateArray, values: FloatArray, name: str, *, color: str, width: float) -> None:
    stamps = ds.astype("datetime64[ms]")
    plot.line(stamps, values, name=name, legend_label=name, line_color=color, line_width=width)


def _mark_days_off(plot: Any, ds: DateArray, calendar: Calendar) -> None:
    """Shade weekends and holidays."""
    days = np.arange(ds.min(), ds.max() + DAY)
    off = ~calendar.days(days).workday
    edges = np.flatnonzero(np.diff(np.concatenate([[False], off, [False]]).astype(int)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        left, right = ((days[0] + int(i)).astype("datetime64[ms]").item() for i in (start, stop))
        half_day = (DAY / 2).astype("timedelta64[ms]").item()
        plot.add_layout(
            BoxAnnotation(
                left=left - half_day, right=right - half_day, fill_color=FRAME, fill_alpha=0.12, line_color=None
            )
        )


def _style(plot: Any) -> None:
    plot.outline_line_color = None
    plot.grid.grid_line_alpha = 0.15
    plot.yaxis.formatter = NumeralTickFormatter(format="0,0[.]0")
    for axis in plot.axis:
        axis.axis_line_color = axis.major_tick_line_color = FRAME
        axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = FRAME
    plot.legend.background_fill_alpha = 0
    plot.legend.border_line_alpha = 0
    plot.legend.label_text_color = FRAME
    plot.legend.orientation = "horizontal"
    plot.legend.click_policy = "hide"
    plot.add_layout(plot.legend[0], "above")
