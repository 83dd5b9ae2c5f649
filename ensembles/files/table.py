"""What the Parquet files of a run have in common: one array per column inside, Arrow only at the border."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ensembles.bands.quantiles import ends_of, levels_of, probability_of, quantile_name
from forecasting.errors import DamagedFile
from forecasting.panel import Panel, Series
from forecasting.schema import CUTOFF, DS, MEMBER, UNIQUE_ID, BoolArray, DateArray, FloatArray, IntArray, as_dates

if TYPE_CHECKING:
    from ensembles.bands.rules import Bands

__all__ = [
    "Ends",
    "NameArray",
    "Quantiles",
    "StoredTable",
    "band_quantiles",
    "joined",
    "named",
    "panel_series",
    "places",
    "rows_by_name",
]

NameArray = NDArray[np.object_]
"""Names, ``[n]``, equal ones sharing one string."""
Quantiles = Mapping[float, FloatArray]
"""Quantiles of the blend's forecasts by probability, each ``[n]``: see `ensembles.bands.quantiles`."""
Ends = Mapping[int, tuple[FloatArray, FloatArray]]
"""Lower and upper ends of the bands by level in percent, widest first, each ``[n]``."""
_NAMES = (UNIQUE_ID, MEMBER)
_ENTITY, _TARGET = "entity", "target"
_DAYS = (DS, CUTOFF)
_QUANTILES = "quantiles"
_SERIES = "series"
_APART = (_QUANTILES, _SERIES)
"""Fields that are no column."""
_OPTIONAL = ("planned", "adjusted")
"""Columns of numbers that a table may lack; their fields are None then."""


@dataclass(frozen=True)
class StoredTable:
    """A table in long format, called `FILE` in the run directory. Each field is a column of ``[n]`` values.

    Names are text, `ds` and `cutoff` are days, all other columns are numbers. NaN is stored as null. `series` says by
    unique_id which entity and target a row belongs to; it is stored as two columns. A unique_id that it does not hold
    is read as ``entity/target``.
    """

    FILE: ClassVar[str]

    unique_id: NameArray
    ds: DateArray
    series: Mapping[str, Series] = field(default_factory=dict, kw_only=True, repr=False)

    def __len__(self) -> int:
        return len(self.unique_id)

    def where(self, rows: BoolArray | IntArray) -> Self:
        """The rows at these places, or where a mask is true."""
        parts: dict[str, Any] = {name: getattr(self, name)[rows] for name in _filled(self)}
        if _has_bands(type(self)):
            parts[_QUANTILES] = {p: values[rows] for p, values in self._quantiles().items()}
        return type(self)(**parts, series=self.series)

    def identified(self, series: Mapping[str, Series]) -> Self:
        """The same rows, of these series by unique_id."""
        return replace(self, series=series)

    def identity(self, unique_id: str) -> Series:
        """The entity and target of a series."""
        return self.series.get(unique_id) or Series.named(unique_id)

    def identities(self) -> dict[str, Series]:
        """Entity and target of each series by unique_id, in order of first appearance."""
        return {uid: self.identity(uid) for uid in places(self.unique_id)[0]}

    def of_target(self, target: str) -> Self:
        """The rows of one target's series."""
        unique_ids, place = places(self.unique_id)
        mine = np.array([self.identity(uid).target == target for uid in unique_ids], dtype=bool)
        return self.where(mine[place])

    def to_arrow(self) -> pa.Table:
        """The table as it is stored, for code outside that reads Arrow."""
        columns = {name: _stored(name, getattr(self, name)) for name in _filled(self)}
        columns = {UNIQUE_ID: columns.pop(UNIQUE_ID), **self._identity_columns(), **columns}
        quantiles = {quantile_name(p): _stored(_QUANTILES, values) for p, values in sorted(self._quantiles().items())}
        return pa.table(columns | quantiles)

    def to_bytes(self) -> bytes:
        """The file's content."""
        sink = io.BytesIO()
        pq.write_table(self.to_arrow(), sink, compression="zstd")
        return sink.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Self:
        """Inverse of `to_bytes`; `where` names the run directory in errors.

        Raises
        ------
        DamagedFile
            When the content is not such a table.
        """
        try:
            # Not by `pq.read_table`, which reads ahead: after an error its threads go on while the program ends.
            table = pq.ParquetFile(pa.BufferReader(data)).read()
            lacking = [name for name in _OPTIONAL if name not in table.column_names]
            parts: dict[str, Any] = {name: _read(name, table[name]) for name in _columns(cls) if name not in lacking}
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise DamagedFile(f"{where}/{cls.FILE}", " ".join(str(error).split())) from None
        if _has_bands(cls):
            parts[_QUANTILES] = _read_quantiles(table)
        if _TARGET in table.column_names:
            parts[_SERIES] = _read_series(table)
        return cls(**parts)

    def _identity_columns(self) -> dict[str, pa.Array]:
        unique_ids, place = places(self.unique_id)
        found = [self.identity(uid) for uid in unique_ids]
        columns = {_ENTITY: [s.entity for s in found], _TARGET: [s.target for s in found]}
        return {name: pa.array(values, pa.string()).take(pa.array(place)) for name, values in columns.items()}

    def _quantiles(self) -> Quantiles:
        found: Quantiles = getattr(self, _QUANTILES, {})
        return found

    @property
    def bands(self) -> Ends:
        """Ends of the bands by level; empty for a table without bands."""
        found = self._quantiles()
        ends = {level: ends_of(level) for level in levels_of(list(found))}
        return {level: (found[low], found[high]) for level, (low, high) in ends.items()}


def panel_series(panel: Panel) -> dict[str, Series]:
    """Entity and target of a panel's series by unique_id."""
    return dict(zip(panel.unique_ids, panel.series, strict=True))


T = TypeVar("T", bound=StoredTable)


def joined(parts: Sequence[T]) -> T:
    """The rows of several tables of one kind, which have the same bands and series."""
    first = type(parts[0])
    columns: dict[str, Any] = {name: np.concatenate([getattr(p, name) for p in parts]) for name in _filled(parts[0])}
    if _has_bands(first):
        found: list[Quantiles] = [getattr(part, _QUANTILES) for part in parts]
        columns[_QUANTILES] = {p: np.concatenate([quantiles[p] for quantiles in found]) for p in found[0]}
    return first(**columns, series=parts[0].series)


def _columns(table: type[StoredTable]) -> list[str]:
    return [column.name for column in fields(table) if column.name not in _APART]


def _filled(table: StoredTable) -> list[str]:
    """The columns that a table has."""
    return [name for name in _columns(type(table)) if getattr(table, name) is not None]


def _has_bands(table: type[StoredTable]) -> bool:
    return any(column.name == _QUANTILES for column in fields(table))


def _stored(name: str, values: Any) -> pa.Array:
    if name in _NAMES:
        return pa.array(values, pa.string())
    if name in _DAYS:
        return pa.array(as_dates(values))
    return pa.array(values, pa.float64(), from_pandas=True)


def _read(name: str, column: pa.ChunkedArray) -> Any:
    if name in _NAMES:
        labels, place = _encoded(column.combine_chunks())
        return named(labels, place)
    if name in _DAYS:
        return as_dates(column.to_numpy())
    return column.to_numpy().astype(np.float64)


def _read_series(table: pa.Table) -> dict[str, Series]:
    """Of each series' first row."""
    unique_ids, place = _encoded(table[UNIQUE_ID].combine_chunks())
    _, first = np.unique(place, return_index=True)
    rows = table.select([_ENTITY, _TARGET]).take(pa.array(first)).to_pylist()
    return {uid: Series(row[_TARGET], row[_ENTITY]) for uid, row in zip(unique_ids, rows, strict=True)}


def _read_quantiles(table: pa.Table) -> Quantiles:
    found = {probability_of(column): column for column in table.column_names}
    return {p: _read(_QUANTILES, table[column]) for p, column in found.items() if p is not None}


def named(names: Sequence[str], place: IntArray) -> NameArray:
    """The name at each place."""
    labels: NameArray = np.empty(len(names), dtype=np.object_)
    labels[:] = list(names)
    return labels[place]


def places(names: NameArray) -> tuple[list[str], IntArray]:
    """Distinct names in order of first appearance, and the place of each row's name among them."""
    return _encoded(pa.array(names, pa.string()))


def rows_by_name(names: NameArray) -> dict[str, IntArray]:
    """The rows of each name, in their order; names in order of first appearance."""
    labels, place = places(names)
    ends = np.cumsum(np.bincount(place, minlength=len(labels)))[:-1]
    return dict(zip(labels, np.split(np.argsort(place, kind="stable"), ends), strict=True)) if labels else {}


def _encoded(names: pa.Array) -> tuple[list[str], IntArray]:
    encoded = names.dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy()


def band_quantiles(bands: Bands, of_blend: BoolArray, place: tuple[IntArray, ...]) -> Quantiles:
    """Quantiles of the blend's bands at the places of its rows, NaN on other rows."""
    return {p: np.where(of_blend, values[place], np.nan) for p, values in bands.quantiles.items()}
