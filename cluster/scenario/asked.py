"""A scenario as it stands in its file: every key is known, every cell a day, a number or a text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cluster.config import explain
from cluster.keys import check_bounds, home, nearest_keys, read_keys
from forecasting.data.balance import balance_asked, in_powers
from forecasting.data.formats.decode import EXACT
from forecasting.data.spec import day_of
from forecasting.errors import ConfigError

__all__ = ["Added", "Asked", "Chosen", "Exchanged", "Level", "Moved", "read_scenario"]

EXAMPLE = "write what changes, as level: [{series: inflow, percent: -10, from: 2026-07-15}]"


def _percent(value: Any) -> Any:
    text = value.strip().removesuffix("%").strip() if isinstance(value, str) else value
    try:
        number = float("nan") if isinstance(value, bool) else float(text)
    except (TypeError, ValueError):
        number = float("nan")
    if not -100 <= number < float("inf"):
        raise ValueError("is no percentage: write a number from -100 on, as -10 for a tenth less")
    return number


def _amount(value: Any) -> Any:
    found = in_powers(value)
    if isinstance(found, (int, float)) and abs(found) >= EXACT:
        raise ValueError(f"{value} is too large to be held exactly (2^53): use a larger unit")
    return found


def _balance(value: Any) -> Any:
    if isinstance(value, str) and in_powers(value) is value:
        raise ValueError(f"a balance is a number, as in 12000.50, and {value!r} is none")
    return balance_asked(value)


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


Day = Annotated[dt.date, BeforeValidator(day_of)]
Number = Annotated[float, Field(strict=True), BeforeValidator(_amount)]
Text = Annotated[str, BeforeValidator(_text)]
"""Ids of series may look like numbers."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Added(_Part):
    """An amount that is planned besides; `series` "" for the only one."""

    date: Day
    series: Text = ""
    amount: Number
    note: str = ""


class Chosen(_Part):
    """A row of the plan, by its day and series, and by its amount or note where that leaves several."""

    date: Day
    series: Text = ""
    amount: Number | None = None
    note: str | None = None


class Moved(Chosen):
    """A row of the plan that goes to another day."""

    to: Day


class Level(_Part):
    """A series `percent` above or below its forecast from a day on."""

    series: Text = ""
    percent: Annotated[float, BeforeValidator(_percent)]
    first: Day = Field(alias="from")


class Exchanged(_Part):
    """A day whose holiday or event moves to another, which gives its own."""

    first: Day = Field(alias="from")
    to: Day


class Asked(_Part):
    """A whole scenario; `where` is its file, which sentences name."""

    add: tuple[Added, ...] = ()
    move: tuple[Moved, ...] = ()
    drop: tuple[Chosen, ...] = ()
    level: tuple[Level, ...] = ()
    holidays: tuple[Exchanged, ...] = ()
    events: tuple[Exchanged, ...] = ()
    balance: Annotated[float | dict[str, float] | None, BeforeValidator(_balance)] = None
    where: str = Field("", exclude=True)


ROWS: Mapping[str, type[_Part]] = {
    "add": Added,
    "move": Moved,
    "drop": Chosen,
    "level": Level,
    "holidays": Exchanged,
    "events": Exchanged,
}
"""Keys that hold lists, and what an element is."""
Part = TypeVar("Part", bound=BaseModel)


def read_scenario(given: str | Path | Mapping[str, Any]) -> Asked:
    """The scenario in a file, or given as its keys.

    Raises
    ------
    ConfigError
        When the file cannot be read, for an unknown key, and for a cell that is no day, no number or no percentage.
    """
    if isinstance(given, Mapping):
        where, raw = "scenario", dict(given)
    else:
        where, raw = str(given), read_keys(home(str(given)), EXAMPLE)
    check_bounds(raw, where)
    for key, kind in ROWS.items():
        rows = raw.get(key)
        if isinstance(rows, (list, tuple)):
            raw[key] = tuple(_part(kind, row, f"{where}: {key}.{place}") for place, row in enumerate(rows))
        elif key in raw:
            raise ConfigError(f"{where}: {key}: is no list: {EXAMPLE}" if key == "level" else f"{where}: {key}: is no "
                              f"list: write - and {', '.join(_names(kind))}")  # fmt: skip
    return _part(Asked, raw, where).model_copy(update={"where": where})


def _part(kind: type[Part], value: Any, place: str) -> Part:
    names = _names(kind)
    if not isinstance(value, Mapping):
        raise ConfigError(f"{place}: holds no keys: give {', '.join(names)}")
    for key in value:
        if key not in names:
            near = nearest_keys(str(key), names)
            hint = f"did you mean {near[0]}?" if near else f"known keys are {', '.join(names)}"
            raise ConfigError(f"{place}: {key}: unknown key; {hint}")
    try:
        return kind.model_validate(dict(value))
    except ValidationError as error:
        raise ConfigError(f"{place}: {explain(error, kind)}") from None


def _names(kind: type[BaseModel]) -> list[str]:
    """The keys as they are written."""
    fields = kind.model_fields.items()
    return [field.alias or name for name, field in fields if not field.exclude]
