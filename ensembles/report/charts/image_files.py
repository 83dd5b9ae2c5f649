"""The same charts as files, PNG and SVG, drawn with Matplotlib: without a browser and without a display."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ensembles.report.charts.chart import (
    COLOURS,
    GREY,
    HEAT,
    Area,
    Bars,
    Chart,
    Heat,
    Line,
    Marks,
    Ranges,
    factor_text,
    label_lines,
)
from forecasting.errors import ConfigError, visible, visible_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["chart_files"]

FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
)
"""Looked through in this order for every sign: most machines have one with Chinese signs."""


def chart_files(charts: Sequence[Chart]) -> Mapping[str, bytes]:
    """Each chart as ``KEY.png`` and ``KEY.svg``.

    Raises
    ------
    ConfigError
        When Matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError("figures need Matplotlib: pip install 'tidecast[figures]'") from None
    files = {}
    with _settings():
        for chart in charts:
            paper = Figure(figsize=(9, 2.6 if chart.height < 250 else 3.6), layout="constrained")
            _draw(paper.add_subplot(), chart)
            for kind in ("png", "svg"):
                sink = io.BytesIO()
                paper.savefig(sink, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
                files[f"{chart.key}.{kind}"] = sink.getvalue()
    return files


@contextmanager
def _settings() -> Iterator[None]:
    import warnings

    import matplotlib
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    style: dict[Any, Any] = {
        "font.family": [name for name in FONTS if name in installed],
        "font.size": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.alpha": 0.25,
        "axes.unicode_minus": False,
        "text.parse_math": False,
        "svg.fonttype": "none",  # text stays text: searchable, and shown in the reader's own fonts
        "svg.hashsalt": "tidecast",
    }
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # A sign in none of the machine's fonts becomes a box in the PNG; the SVG holds it all the same.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def _draw(axes: Axes, chart: Chart) -> None:
    axes.set_title(visible(chart.title), loc="left")
    axes.set_xlabel(visible(chart.x_label))
    for first, last in chart.marks.off:
        half = np.timedelta64(12, "h")
        axes.axvspan(first - half, last + half, color=GREY, alpha=0.13, linewidth=0)  # type: ignore[arg-type]
    if chart.marks.named:
        _draw_names(axes, chart.marks)
    for layer in chart.layers:
        if isinstance(layer, Heat):
            _draw_heat(axes, layer)
            return
        _draw_layer(axes, layer, COLOURS[layer.colour])
    axes.set_ylabel(visible(chart.y_label))
    axes.yaxis.set_major_formatter((lambda power, _: factor_text(power)) if chart.factors else _thousands)
    if chart.x_ticks:
        axes.set_xticks(chart.x_ticks, [f"{tick:g}" for tick in chart.x_ticks])
    if chart.y_range:
        axes.set_ylim(*chart.y_range)
    _draw_legend(axes, chart)


def _draw_names(axes: Axes, marks: Marks) -> None:
    """Names of days above the chart, where no line crosses them."""
    days, texts = zip(*marks.named, strict=True)
    above = axes.secondary_xaxis("top")
    above.set_xticks(days, [visible_lines(label_lines(text)) for text in texts], rotation=90, fontsize=6, color=GREY)
    above.spines["top"].set_visible(False)
    above.tick_params(color=GREY)


def _draw_legend(axes: Axes, chart: Chart) -> None:
    """Below the chart, in the order of the page's legend."""
    from matplotlib.patches import Patch

    handles, names = axes.get_legend_handles_labels()
    if not names:
        return
    by_name = dict(zip(reversed(names), reversed(handles), strict=True))
    keys = [replace(key, name=visible(key.name)) for key in chart.legend if visible(key.name) in by_name]
    signs = [
        Patch(color=key.colour, alpha=0.33, linewidth=0) if key.kind == "inner" else by_name[key.name] for key in keys
    ]
    axes.get_figure().legend(  # type: ignore[union-attr]
        signs, [key.name for key in keys], frameon=False, ncols=6, fontsize=7, loc="outside lower center"
    )


def _draw_layer(axes: Any, layer: Any, colour: str) -> None:
    label = visible(layer.name) or None
    if isinstance(layer, Area):
        axes.fill_between(layer.x, layer.low, layer.high, color=colour, alpha=0.18, linewidth=0, label=label)
    elif isinstance(layer, Line):
        style = "--" if layer.dashed else "-"
        axes.plot(layer.x, layer.y, color=colour, linewidth=layer.width, linestyle=style, label=label)
    elif isinstance(layer, Bars):
        base = 0.0 if layer.base is None else layer.base
        axes.bar(layer.x, layer.y, bottom=base, color=colour, width=layer.width, label=label, zorder=1.5)
    elif isinstance(layer, Ranges):
        axes.vlines(_moved(layer.x, layer.offset), layer.low, layer.high, color=colour, alpha=0.6, label=label)
    else:
        axes.plot(_moved(layer.x, layer.offset), layer.y, "o", color=colour, markersize=4, label=label)


def _moved(x: Any, offset: float) -> Any:
    """Places beside their own; names stand at whole numbers."""
    if not offset:
        return x
    return (np.arange(len(x)) if np.asarray(x).dtype.kind in "UO" else np.asarray(x)) + offset


def _draw_heat(axes: Any, layer: Heat) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    scale = LinearSegmentedColormap.from_list("points", list(HEAT))
    axes.grid(False)
    axes.imshow(layer.values, cmap=scale, vmin=layer.worst, vmax=layer.best, aspect="auto")
    axes.set_yticks(range(len(layer.rows)), [visible(row) for row in layer.rows])
    shown = [1, *range(5, layer.values.shape[1] + 1, 5)]
    axes.set_xticks([day - 1 for day in shown], [str(day) for day in shown])
    for row, column in zip(*np.nonzero(layer.crossed), strict=True):
        axes.text(column, row, "×", ha="center", va="center", color="white", fontsize=7)


def _thousands(value: float, _: float) -> str:
    return f"{value:,.10g}"
