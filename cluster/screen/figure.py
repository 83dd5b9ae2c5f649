"""The picture of one series for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ensembles.bands.quantiles import ends_of, levels_of, probability_of, quantile_name
from forecasting.errors import visible
from forecasting.schema import CUTOFF, DS, Y_HAT, Y

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["figure_of"]


def figure_of(title: str, oof: pd.DataFrame, ahead: pd.DataFrame) -> Any:
    """A Bokeh figure: actual days, the blend from each cutoff in `oof`, and what comes in `ahead`, with its bands."""
    from bokeh.models import HoverTool
    from bokeh.plotting import figure

    plot: Any = figure(title=visible(title), x_axis_type="datetime", height=320, sizing_mode="stretch_width")
    levels = levels_of([p for p in map(probability_of, ahead.columns) if p is not None])
    for level, alpha in zip(levels, np.linspace(0.12, 0.2, len(levels)), strict=True):
        low, high = (ahead[quantile_name(p)] for p in ends_of(level))
        if low.notna().all():
            plot.varea(ahead[DS], low, high, fill_color="#2f7fd1", fill_alpha=alpha, legend_label=f"{level}% band")
    plot.line(oof[DS], oof[Y], line_color="#8a8f98", legend_label="actual", name="actual")
    for _, window in oof.groupby(CUTOFF):
        plot.line(window[DS], window[Y_HAT], line_color="#e08a1e", legend_label="blend, from each cutoff", name="blend")
    plot.line(ahead[DS], ahead[Y_HAT], line_color="#2f7fd1", line_width=2.5, legend_label="forecast", name="forecast")
    plot.add_tools(HoverTool(tooltips=[("", "$name"), ("", "@x{%F}"), ("", "@y{0,0}")], formatters={"@x": "datetime"}))
    plot.legend.orientation = "horizontal"
    plot.add_layout(plot.legend[0], "above")
    return plot
