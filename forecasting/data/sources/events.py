"""Days known in advance that the user names: promotions, purchase limits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from forecasting.data.formats.columns import find_column, first_few, present
from forecasting.data.formats.decode import first
from forecasting.data.formats.files import TableFile
from forecasting.data.formats.reading import OpenTable
from forecasting.data.formats.table import SmallTable
from forecasting.data.formats.whole import read_table
from forecasting.errors import DataError
from forecasting.schema import DateArray, IntArray, iso

__all__ = ["Events", "about_events", "read_events"]

Events = tuple[tuple[str, str], ...]
"""(ISO date, name) of events."""
_HOLIDAY, _AROUND = "holiday", ("lower_window", "upper_window")
"""Columns of a table of Prophet's holidays."""
_MOST_AROUND = 366
SHOWN = 5
"""Events named in a sentence."""


def read_events(files: tuple[TableFile, ...], columns: Mapping[str, str]) -> tuple[Events, tuple[str, ...]]:
    """Every event, by date, and what was guessed of how they are written; `columns` are those of the configuration.

    A table of Prophet's holidays is understood: `holiday` is the name, and `lower_window` and `upper_window` add the
    days around one.

    Raises
    ------
    DataError
        For a cell that is not a day, an empty name, a day with two names, or names that differ in capitals alone.
    """
    with OpenTable(files) as opened:
        available = opened.columns
        mapped = present(columns, available)
        date = find_column("ds", mapped, available, opened.name)
        if not {"name", mapped.get("name", "name")} & set(available) and _HOLIDAY in available:
            mapped["name"] = _HOLIDAY
        name = find_column("name", mapped, available, opened.name)
        spans = [c for c in _AROUND if c in available and name == _HOLIDAY]
        table = read_table(opened, [name], spans, date)
    names = table.columns[name].cast(pa.string()).to_pylist()
    seen: dict[str, str] = {}
    for record, (day, text, around) in enumerate(zip(table.days(date), names, _around(table), strict=True)):
        if not (text or "").strip():
            what = f"the event on {iso(day)} has no name"
            raise DataError(where=table.place(record, name), what=what, remedy="name it")
        for event in map(iso, day + around):
            if seen.setdefault(event, text.strip()) != text.strip():
                what = f"{event} has two events, {seen[event]} and {text.strip()}"
                raise DataError(where=table.place(record), what=what, remedy="give each day one name")
    alike: dict[str, str] = {}
    for text in dict.fromkeys(seen.values()):
        if (other := alike.setdefault(text.casefold(), text)) != text:
            record = next(k for k, cell in enumerate(names) if (cell or "").strip() == text)
            what = f"an event is called {text}, and others {other}: they would count as two kinds"
            raise DataError(where=table.place(record, name), what=what, remedy="write both alike, or rename one")
    return tuple(sorted(seen.items())), table.notes


def about_events(events: Events, ds: DateArray) -> tuple[str, ...]:
    """Sentences on events of which data with the periods `ds` ``[n]`` cannot tell the effect."""
    first, last = iso(ds[0]), iso(ds[-1])
    seen = {name for day, name in events if first <= day <= last}
    new = list(dict.fromkeys(name for day, name in events if day > last and name not in seen))
    if new:
        return (f"{first_few(new, SHOWN)}: no such event lies in the data, so nothing is known of its effect",)
    return () if seen or not events else (f"all events of data.events lie before {first}, when the data begin",)


def _around(table: SmallTable) -> list[IntArray]:
    """Days from each event's own to the days that belong to it, such as -1, 0 and 1.

    Raises
    ------
    DataError
        When they are not so many days before and after.
    """
    ends = np.zeros((2, table.n_rows))
    for k, column in enumerate(_AROUND):
        if column in table.columns:
            ends[k] = np.nan_to_num(table.covariate(column))
    wrong = first((ends[0] > 0) | (ends[1] < 0) | (np.abs(ends) > _MOST_AROUND).any(axis=0))
    if wrong is not None:
        what = f"{_AROUND[0]} and {_AROUND[1]} are {ends[0, wrong]:g} and {ends[1, wrong]:g}"
        raise DataError(where=table.place(wrong), what=what, remedy="write days before as 0 or -1, and after as 0 or 1")
    return [np.arange(int(low), int(high) + 1) for low, high in ends.T]
