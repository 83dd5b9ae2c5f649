"""How a frame writes ids, column names and dates, so that frames that come out are written alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from forecasting.data.formats.columns import find_column
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.schema import CUTOFF, DS, UNIQUE_ID, Y

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["ENTITY", "TARGET", "Spelling", "configured", "spelled"]

ENTITY, TARGET = "entity", "target"


@dataclass(frozen=True)
class Spelling:
    """How a frame writes what we call by our names.

    `columns` by our name; `ids` of series or entities by their text; `targets` the columns of targets by our name;
    `dates` the dtype of dates where that is no plain date.
    """

    columns: Mapping[str, Any] = field(default_factory=dict)
    ids: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, Any] = field(default_factory=dict)
    dates: Any = None

    def restore(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A frame of ours in this spelling."""
        frame = frame.copy()
        for column, known in self._known(frame):
            if any(value != text or not isinstance(value, str) for text, value in known.items()):
                frame[column] = [known.get(text, text) for text in frame[column]]
        for column in {DS, CUTOFF} & set(frame.columns) if self.dates is not None else ():
            tz, freq = getattr(self.dates, "tz", None), getattr(self.dates, "freq", None)
            frame[column] = frame[column].dt.tz_localize(tz) if tz is not None else frame[column].dt.to_period(freq)
        return frame.rename(columns=dict(self.columns))

    def _known(self, frame: pd.DataFrame) -> Iterable[tuple[str, Mapping[str, Any]]]:
        """The columns with texts of ours, and what the frame has for each text."""
        if ENTITY in frame.columns:
            return ((ENTITY, self.ids), (TARGET, self.targets))
        return ((UNIQUE_ID, {**self.ids, **self.targets}),)


def spelled(columns: Mapping[str, Any], stored: pa.Table, spec: DataSpec, names: Mapping[str, Any]) -> Spelling:
    """The spelling of a frame.

    Parameters
    ----------
    columns
        The frame's columns by their names as text.
    stored
        The table that was made of them.
    spec
        What the columns are for.
    names
        What the frame calls columns whose names are no text.

    Raises
    ------
    DataError
        When the dates are longer periods than weeks, a column is missing, or two ids read the same.
    """

    def column(name: str) -> str:
        return find_column(name, spec.columns, stored.column_names, "the frame")

    named = _named(spec, column, names)
    key = column(UNIQUE_ID) if spec.is_long else spec.entity
    ids = _ids(columns[key], stored[key]) if key is not None and key in stored.column_names else {}
    return replace(named, ids=ids, dates=_odd(columns[column(DS)]))


def configured(spec: DataSpec) -> Spelling:
    """The spelling of a frame as far as a configuration says it: the names of its columns, as text."""
    return _named(spec, lambda name: spec.columns.get(name, name), {})


def _named(spec: DataSpec, column: Callable[[str], str], names: Mapping[str, Any]) -> Spelling:
    """The spelling of columns; `column` gives the name of one of ours in the file, `names` that in the frame."""
    key = column(UNIQUE_ID) if spec.is_long else spec.entity
    ours = {DS: column(DS), **({UNIQUE_ID: key, Y: column(Y)} if spec.is_long else {ENTITY: key})}
    targets = {} if spec.is_long else {target: names.get(column(target), column(target)) for target in spec.targets}
    theirs = {name: names.get(text or "", text) for name, text in ours.items() if text not in (None, name)}
    return Spelling(theirs, {}, targets)


def _odd(column: Any) -> Any:
    """The dtype of dates that have a zone or are periods; None for plain dates."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(column, pd.Series):
        dtype: Any = column.dtype
        if getattr(dtype, "freq", None) is not None and not _are_days(dtype.freq):
            raise DataError(f"{column.name} of the frame holds periods of {dtype.freq.rule_code}: give days or weeks")
        if isinstance(dtype, pd.ArrowDtype):
            return _of_arrow(dtype.pyarrow_dtype)
        return dtype if getattr(dtype, "tz", None) is not None or getattr(dtype, "freq", None) is not None else None
    kind = column.type if isinstance(column, pa.Array | pa.ChunkedArray) else pa.chunked_array(column).type
    return _of_arrow(kind)


def _of_arrow(kind: Any) -> Any:
    """The dtype of pandas for times of a zone."""
    import pandas as pd

    zone = getattr(kind, "tz", None)
    return None if zone is None else pd.DatetimeTZDtype("ns", zone)


def _are_days(freq: Any) -> bool:
    return freq.rule_code.split("-")[0] in ("D", "B", "W")


def _ids(column: Any, stored: pa.ChunkedArray) -> dict[str, Any]:
    """Each id by its text in the file, without the spaces around it.

    Raises
    ------
    DataError
        When two ids that differ have the same text.
    """
    import pyarrow as pa

    texts = stored.cast(pa.string()).to_pylist()
    values = column.to_pylist() if hasattr(column, "to_pylist") else list(column)
    found: dict[str, Any] = {}
    for text, value in zip(texts, values, strict=True):
        if text is None:
            continue
        other = found.setdefault(text.strip(), value)
        if type(other) is not type(value) or (other != value and str(other).strip() != str(value).strip()):
            raise DataError(f"the ids {other!r} and {value!r} of the frame read the same: give each series its own")
    return found
