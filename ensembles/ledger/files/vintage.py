"""A vintage: one forecast as it was issued, as a table of one row per series and period.

Columns are ``unique_id``, ``entity``, ``target``, ``ds``, ``lead`` (periods after the last known one, from 1),
``y_hat`` (the blend), the quantiles of its bands (``q10``), and where they are known ``member:NAME`` (what each member
said) and ``part:NAME`` (parts of the forecast, which add up to it). Amounts are in the unit of the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ensembles.bands.quantiles import ends_of, levels_of, probability_of, quantile_name
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.table import places
from ensembles.ledger.files.facts import VintageFacts, table_bytes
from ensembles.oof import in_unit
from forecasting.errors import DamagedFile
from forecasting.panel import Series
from forecasting.schema import BLEND, DS, UNIQUE_ID, Y_HAT, DateArray, FloatArray, IntArray, as_date, as_dates

__all__ = ["MEMBERS", "PARTS", "Listed", "Vintage"]

MEMBERS, PARTS = "member:", "part:"
_BASE = (UNIQUE_ID, "entity", "target", DS, "lead", Y_HAT)


@dataclass(frozen=True)
class Listed:
    """A series of a forecast, and its target with the unit of its amounts where entities have several."""

    target: str
    series: Series


@dataclass(frozen=True)
class Vintage:
    """One forecast. Rows are sorted by series and day: `place` ``[n]`` is the row's series among `unique_ids`, `ds` its
    day, `lead` how many periods ahead it lies; `y_hat`, each of `quantiles` (by probability), `members` and `parts`
    (both by name) ``[n]``, NaN for nothing. `series` says by unique_id what entity and target each is.
    """

    facts: VintageFacts
    unique_ids: tuple[str, ...]
    place: IntArray
    ds: DateArray
    lead: IntArray
    y_hat: FloatArray
    quantiles: Mapping[float, FloatArray] = field(default_factory=dict)
    members: Mapping[str, FloatArray] = field(default_factory=dict)
    parts: Mapping[str, FloatArray] = field(default_factory=dict)
    series: Mapping[str, Series] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: VintageFacts, forecast: ForecastFile, parts: Mapping[str, FloatArray] | None = None) -> Vintage:
        """A forecast with its facts.

        Parameters
        ----------
        parts
            By name ``[n]``, in the order of the rows of the blend in `forecast`; they add up to the blend.
        """
        blend = forecast.blend
        names, row = places(blend.unique_id)
        unique_ids = tuple(sorted(names))
        rank = {uid: k for k, uid in enumerate(unique_ids)}
        order = np.lexsort((blend.ds, np.array([rank[uid] for uid in names], dtype=np.int64)[row]))
        place = np.array([rank[uid] for uid in blend.unique_id[order]], dtype=np.int64)
        ds = as_dates(blend.ds[order])
        days, day = np.unique(ds, return_inverse=True)  # every series has the periods that follow the data's end
        found = cls(
            facts=facts,
            unique_ids=unique_ids,
            place=place,
            ds=ds,
            lead=np.asarray(facts.axis.steps(as_date(facts.as_of), days), dtype=np.int64)[day],
            y_hat=blend.y_hat[order],
            quantiles={p: values[order] for p, values in sorted(blend.quantiles.items())},
            members=_members(forecast, rank, place, ds),
            parts={name: values[order] for name, values in (parts or {}).items()},
            series=forecast.identities(),
        )
        return replace(found, facts=facts.identified(found.to_arrow()))

    def __len__(self) -> int:
        return len(self.ds)

    @property
    def bands(self) -> dict[int, tuple[FloatArray, FloatArray]]:
        """Ends of the bands by level in percent, widest first, each ``[n]``."""
        ends = {level: ends_of(level) for level in levels_of(list(self.quantiles))}
        return {level: (self.quantiles[low], self.quantiles[high]) for level, (low, high) in ends.items()}

    def target_of(self) -> list[str]:
        """The target of each of `unique_ids`, with the unit of its amounts where entities have several."""
        units, told = self.facts.units, [self.series[uid] for uid in self.unique_ids]
        return [in_unit(one.target, units.get(one.entity or "")) for one in told]

    @property
    def targets(self) -> tuple[str, ...]:
        """What amounts are added up by, as `target_of` says it, in the order of the weights, then of the units."""
        there = set(self.target_of())
        units = dict.fromkeys((*self.facts.units.values(), None))
        names = (in_unit(target, unit) for target in self.facts.weights for unit in units)
        return tuple(name for name in names if name in there)

    @property
    def listed(self) -> dict[str, Listed]:
        """Every series by unique_id, with its target as `target_of` says it."""
        targets = zip(self.unique_ids, self.target_of(), strict=True)
        return {uid: Listed(target, self.series[uid]) for uid, target in targets}

    def to_arrow(self) -> pa.Table:
        """The table as it is stored."""
        rows = pa.array(self.place)
        told = [self.series[uid] for uid in self.unique_ids]
        names = {
            UNIQUE_ID: list(self.unique_ids),
            "entity": [one.entity for one in told],
            "target": [one.target for one in told],
        }
        columns = {name: pa.array(values, pa.string()).take(rows) for name, values in names.items()}
        columns |= {DS: pa.array(self.ds), "lead": pa.array(self.lead, pa.int32()), Y_HAT: _stored(self.y_hat)}
        columns |= {quantile_name(p): _stored(values) for p, values in self.quantiles.items()}
        columns |= {f"{MEMBERS}{name}": _stored(values) for name, values in self.members.items()}
        columns |= {f"{PARTS}{name}": _stored(values) for name, values in self.parts.items()}
        return pa.table(columns)

    def to_bytes(self, parents: Mapping[str, int] | None = None) -> bytes:
        """The file's content, after the heads `parents`, by digest with their generations."""
        return table_bytes(self.to_arrow(), self.facts.after(parents or {}))

    @classmethod
    def listed_in(cls, data: bytes, where: str) -> dict[str, Listed]:
        """`listed` of a file; errors as of `from_bytes`."""
        facts = VintageFacts.read(pa.BufferReader(data), where)
        try:
            told = pq.ParquetFile(pa.BufferReader(data)).read([UNIQUE_ID, "entity", "target"])
            rows = told.group_by(told.column_names, use_threads=False).aggregate([]).to_pylist()
        except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
            raise DamagedFile(where, " ".join(str(error).split())) from None
        series = {row[UNIQUE_ID]: Series(row["target"], row["entity"]) for row in rows}
        return {uid: Listed(in_unit(s.target, facts.units.get(s.entity or "")), s) for uid, s in series.items()}

    @classmethod
    def from_bytes(cls, data: bytes, where: str, only: Sequence[str] | None = None) -> Vintage:
        """Inverse of `to_bytes`; `where` names the file in errors.

        Parameters
        ----------
        only
            Unique ids to read; None: all.

        Raises
        ------
        StorageError
            When a newer version of this program wrote it.
        DamagedFile
            When it is no vintage.
        """
        facts = VintageFacts.read(pa.BufferReader(data), where)
        try:
            return cls._of_table(facts, _rows_of(pq.ParquetFile(pa.BufferReader(data)), only).combine_chunks())
        except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
            raise DamagedFile(where, " ".join(str(error).split())) from None

    @classmethod
    def _of_table(cls, facts: VintageFacts, table: pa.Table) -> Vintage:
        encoded = table[UNIQUE_ID].combine_chunks().dictionary_encode()
        unique_ids, place = tuple(encoded.dictionary.to_pylist()), encoded.indices.to_numpy().astype(np.int64)
        first = np.unique(place, return_index=True)[1]
        told = table.select(["entity", "target"]).take(pa.array(first)).to_pylist()
        numbers = {name: table[name].to_numpy().astype(np.float64) for name in table.column_names if name not in _BASE}
        probabilities = {name: probability_of(name) for name in numbers}
        return cls(
            facts=facts,
            unique_ids=unique_ids,
            place=place,
            ds=as_dates(table[DS].to_numpy()),
            lead=table["lead"].to_numpy().astype(np.int64),
            y_hat=table[Y_HAT].to_numpy().astype(np.float64),
            quantiles={p: numbers[name] for name, p in probabilities.items() if p is not None},
            members={name.removeprefix(MEMBERS): v for name, v in numbers.items() if name.startswith(MEMBERS)},
            parts={name.removeprefix(PARTS): v for name, v in numbers.items() if name.startswith(PARTS)},
            series={uid: Series(row["target"], row["entity"]) for uid, row in zip(unique_ids, told, strict=True)},
        )


def _rows_of(file: pq.ParquetFile, only: Sequence[str] | None) -> pa.Table:
    """The rows of some series, from the groups that hold them; None: all."""
    if only is None:
        return file.read()
    ends = [file.metadata.row_group(k).column(0).statistics for k in range(file.num_row_groups)]
    groups = [k for k, end in enumerate(ends) if any(end.min <= uid <= end.max for uid in only)]
    found = file.read_row_groups(groups)
    return found.filter(pc.is_in(found[UNIQUE_ID], pa.array(list(only), pa.string())))


def _members(forecast: ForecastFile, rank: Mapping[str, int], place: IntArray, ds: DateArray) -> dict[str, FloatArray]:
    """What each member said at the rows of the blend, NaN where it said nothing."""
    rest = forecast.where(forecast.member != BLEND)
    if not len(rest):
        return {}
    uids, series = places(rest.unique_id)
    ranks = np.array([rank.get(uid, -1) for uid in uids])[series]
    start, width = ds.min(), int((ds.max() - ds.min()).astype(np.int64)) + 1

    def key(row: IntArray, day: DateArray) -> IntArray:
        return np.asarray(row * width + (day - start).astype(np.int64))

    at = np.full(width * len(rank), -1)
    at[key(place, ds)] = np.arange(len(ds))
    names, member = places(rest.member)
    cell = at[key(ranks, as_dates(rest.ds))]
    found = np.full((len(names), len(ds)), np.nan)
    found[member, cell] = rest.y_hat
    return {name: found[k] for k, name in sorted(enumerate(names), key=lambda pair: pair[1])}


def _stored(values: FloatArray) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)
