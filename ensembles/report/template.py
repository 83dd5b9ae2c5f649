"""The template engine, which escapes everything that is put into a page, and how numbers are written."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecasting.errors import visible, visible_lines

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["cell", "count", "environment", "filled"]

NONE = "–"
FORMS = {"points": "{:z.2f}", "tenth": "{:z,.1f}", "whole": "{:z,.0f}", "percent": "{:z.1%}", "signed": "{:+z.2f}"}


def cell(value: object, form: str) -> str:
    """A cell's text; `form` is one of `FORMS`, or text."""
    if value is None or value != value:  # NaN differs from itself
        return NONE
    return str(value) if form == "text" else FORMS[form].format(value)


def count(number: int, noun: str) -> str:
    """As ``1 window``, ``4 windows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _shown(value: Any) -> Any:
    """Text from data with its control characters shown: marks of the direction of writing would deceive a reader."""
    if not isinstance(value, str) or hasattr(value, "__html__"):  # finished parts of the page
        return value
    return visible_lines(value)


def _json(value: Any, **options: Any) -> str:
    """JSON for a script of the page, which shows its texts."""
    return visible(json.dumps(value, ensure_ascii=False, **options), lambda char: json.dumps(visible(char))[1:-1])


@cache
def environment() -> Environment:
    """Templates of the page, and those of its sections, which stand beside their modules."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    here = Path(__file__).parent
    made = Environment(
        loader=FileSystemLoader([here / "templates", here / "sections", here / "sections/treasurer"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.policies["json.dumps_function"] = _json
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    for form in FORMS:
        made.filters[form] = lambda value, form=form: cell(value, form)
    made.filters["cell"] = cell
    made.filters["count"] = count  # takes the place of another name of `length`
    return made


def filled(template: str, **values: Any) -> Markup:
    """A template's text, safe to be put into a page: what it was given is escaped."""
    from markupsafe import Markup

    return Markup(environment().get_template(template).render(**values))
