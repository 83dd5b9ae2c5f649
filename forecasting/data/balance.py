"""Balances that a cash position begins with, and the limits it is held against: `data.balance` and `data.limits`.

A balance is a number, numbers by entity, or a column of the table, whose value in the last row counts. Where entities
have units (`data.units`), a number may also stand for a unit: for all entities of it together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from forecasting.data.formats.columns import first_few, listed
from forecasting.data.formats.decode import EXACT
from forecasting.errors import DataError
from forecasting.schema import IntArray, iso

if TYPE_CHECKING:
    from forecasting.data.formats.table import SmallTable
    from forecasting.data.formats.writing.numerals import Numbers
    from forecasting.data.loaded import Loaded
    from forecasting.panel import Panel
    from forecasting.schema import DateArray

__all__ = [
    "ALL",
    "Balance",
    "Limits",
    "balance_asked",
    "balance_column",
    "behind",
    "carried",
    "closing",
    "goes_out",
    "in_powers",
    "left_aside",
    "openings",
]

ALL = ""
"""Stands for all entities together, and for the only one of a table."""
SHOWN = 5
KEY = "data.balance"
_OUT = (
    "out outflow outflows outgoing payment payments paid redeem redeemed redemption redemptions withdrawal withdrawals "
    "expense expenses disbursement disbursements debit debits ausgang ausgaben auszahlung auszahlungen abfluss "
    "sortie sorties décaissement décaissements"
)
"""Words that say of a column that its amounts go out."""
_OUT_CHINESE = ("赎回", "流出", "支出", "付款")
_POWER = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-zß-ÿ])(?=[A-Z])")
Balance = float | str | dict[str, float]


def balance_asked(value: Any) -> Any:
    """`data.balance` as it may be written. Raises ValueError for anything else."""
    if isinstance(value, Mapping):
        if not value:
            raise ValueError("name at least one entity, as in {main: 12000}")
        return {str(name): _number(amount, f"the balance of {name}") for name, amount in value.items()}
    if isinstance(value, str) and not _POWER.fullmatch(value):
        if not value.strip():
            raise ValueError("is empty: give a number, or the name of a column that holds the balance")
        return value
    return None if value is None else _number(value, "a balance")


def _number(value: Any, what: str) -> float:
    found = in_powers(value)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found):
        raise ValueError(f"{what} is a number, as in 12000.50, and {value!r} is none")
    if abs(found) >= EXACT:
        raise ValueError(f"{what} is {value}, too large to be held exactly (2^53): use a larger unit")
    return float(found)


def in_powers(value: Any) -> Any:
    """A number such as 2e6, which YAML gives as a text; other values as they are."""
    return float(value) if isinstance(value, str) and _POWER.fullmatch(value) else value


class Limits(BaseModel):
    """Balances that are not to be fallen below."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    minimum: float | dict[str, float] | None = Field(
        None,
        description="Balance that is to stay, for all entities together; or {entity: amount} for single ones, and "
        "{unit: amount} for all of a unit together.",
    )
    overdraft: float | dict[str, float] | None = Field(
        None,
        description="How far below zero the bank lets the balance go, without a minus: 50000; or {entity: amount}, "
        "{unit: amount}.",
    )

    @field_validator("minimum", "overdraft", mode="before")
    @classmethod
    def _numbers(cls, value: Any) -> Any:
        if isinstance(value, str) and in_powers(value) is value:
            raise ValueError(f"a limit is a number, as in 12000.50, and {value!r} is none")
        return balance_asked(value)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        minima, overdrafts = _by_entity(self.minimum), _by_entity(self.overdraft)
        for entity, overdraft in overdrafts.items():
            of = f" of {entity}" if entity else ""
            if overdraft < 0:
                raise ValueError(
                    f"the overdraft{of} is {overdraft:g}: say how far below zero the balance may go without a minus, "
                    f"as in {-overdraft:g}"
                )
            if minima.get(entity, 0.0) < -overdraft:
                raise ValueError(
                    f"the limits{of} are the wrong way round: the minimum of {minima[entity]:g} lies below "
                    f"{-overdraft:g}, which is as far as the overdraft goes; raise the minimum or the overdraft"
                )
        return self

    @property
    def entities(self) -> tuple[str, ...]:
        """Entities and units that have limits of their own."""
        return tuple(e for e in {**_by_entity(self.minimum), **_by_entity(self.overdraft)} if e != ALL)


def _by_entity(given: float | Mapping[str, float] | None) -> Mapping[str, float]:
    return {} if given is None else given if isinstance(given, Mapping) else {ALL: given}


def balance_column(balance: Balance | None, available: Collection[str], where: str) -> str | None:
    """The column of table `where` that holds the balance; None where the balance is no column.

    Raises
    ------
    DataError
        When there is no such column.
    """
    if not isinstance(balance, str):
        return None
    if balance not in available:
        what = f"there is no column {balance!r}, which {KEY} names; the columns are {listed(list(available))}"
        raise DataError(where=where, what=what)
    return balance


def closing(
    table: SmallTable, column: str, ds: DateArray, keys: Iterable[str] | None = None
) -> tuple[dict[str, float], dict[str, np.datetime64]]:
    """The balance of each entity in its last row, `ALL` for a table without entities; and the day of that row.

    Parameters
    ----------
    ds
        Day of each row.
    keys
        Entity of each row; None: there are none.

    Raises
    ------
    DataError
        When nothing, or no number, stands there, or two of an entity's rows of that day differ.
    """
    names, entity = np.unique(np.array([ALL] * len(ds) if keys is None else list(keys)), return_inverse=True)
    last = np.full(len(names), np.datetime64("0001-01-01"), dtype=ds.dtype)
    np.maximum.at(last, entity, ds)
    rows = np.flatnonzero(ds == last[entity])
    order = rows[np.argsort(entity[rows], kind="stable")]
    parts = np.split(order, np.flatnonzero(np.diff(entity[order])) + 1)
    numbers = table.numbers(column)
    rows_of = {str(name): part for name, part in zip(names, parts, strict=True)}
    found = {name: _agreed(table, column, numbers, iso(ds[part[0]]), part) for name, part in rows_of.items()}
    return found, {name: ds[part[0]] for name, part in rows_of.items()}


def _agreed(table: SmallTable, column: str, numbers: Numbers, day: str, rows: IntArray) -> float:
    """The balance in an entity's rows of its last day; empty ones do not count beside a filled one."""
    filled = rows[~numbers.missing[rows]]
    if not len(filled):
        what = f"{column} on {day}, the last day, is empty, and {KEY} takes the balance from it"
        remedy = f"fill it in, or give {KEY} as a number"
        raise DataError(where=table.place(int(rows[0]), column), what=what, remedy=remedy)
    bad = filled[numbers.bad[filled]]
    if len(bad):
        what = f"{column} on {day}, the last day, is {table.raw(column, int(bad[0]))}, not a number"
        raise DataError(where=table.place(int(bad[0]), column), what=what, remedy="correct it")
    values = numbers.values[filled]
    if abs(values[0]) >= EXACT:
        what = f"{column} on {day}, the last day, is too large to be held exactly (2^53)"
        raise DataError(where=table.place(int(filled[0]), column), what=what, remedy="use a larger unit")
    if (values != values[0]).any():
        row = int(filled[np.argmax(values != values[0])])
        given = f"{table.raw(column, row)}, and {table.raw(column, int(filled[0]))}"
        what = f"{column} on {day} is {given} in another row of the same entity"
        raise DataError(where=table.place(row, column), what=what, remedy="keep one of them")
    return float(values[0])


def openings(balance: Balance | None, limits: Limits, loaded: Loaded) -> dict[str, float]:
    """Balances at the end of the data by entity, by unit where one is given for all entities of it, and `ALL` of all
    together; empty where none is asked for. A name that is an entity's is no unit's.

    Parameters
    ----------
    loaded
        The data, with what the balance's column says, see `closing`.

    Raises
    ------
    DataError
        For a balance or a limit of what is neither an entity nor a unit of the data, a missing one, two of the same
        amounts, or one for entities of two units.
    """
    entities = list(dict.fromkeys(series.entity or ALL for series in loaded.panel.series))
    units = {} if loaded.hierarchy is None else dict(loaded.hierarchy.units)
    names = list(dict.fromkeys([*entities, *(unit for unit in units.values() if unit is not None)]))
    _known("data.limits", limits.entities, entities, names)
    _one_unit(balance, limits, units)
    if isinstance(balance, float):
        return {ALL: balance}
    if isinstance(balance, str):
        return {entity: loaded.balances[entity] for entity in entities if entity in loaded.balances}
    if balance is not None:
        _known(KEY, balance, entities, names)
        of_unit = {e: unit for e, unit in units.items() if unit in balance and unit not in entities}
        missing = [entity for entity in entities if entity not in balance and entity not in of_unit]
        if missing:
            what = f"there is no balance of {first_few(missing, SHOWN)}"
            unit = units.get(missing[0])
            whole = "one number for all together" if unit is None or len(set(units.values())) < 2 else f"one of {unit}"
            raise DataError(where=KEY, what=what, remedy=f"add it, or give {whole}")
        twice = next((entity for entity in entities if entity in balance and entity in of_unit), None)
        if twice is not None:
            what = f"{twice} has a balance, which is a part of that of {of_unit[twice]}, its unit"
            raise DataError(where=KEY, what=what, remedy="keep those of entities, or that of the unit")
    return {} if balance is None else dict(balance)


def _one_unit(balance: Balance | None, limits: Limits, units: Mapping[str, str | None]) -> None:
    """Refuse one amount for entities of several units."""
    alone = isinstance(balance, float) or any(isinstance(given, float) for given in (limits.minimum, limits.overdraft))
    different = list(dict.fromkeys(units.values()))
    if alone and len(different) > 1:
        names = " and ".join(unit or "no unit" for unit in different[:2])
        what = f"one amount is given for all entities, but their units are {names}, which cannot be added"
        unit = next(unit for unit in different if unit is not None)
        remedy = f"give an amount by entity, as in {{{next(iter(units))}: 12000}}, or by unit, as in {{{unit}: 12000}}"
        raise DataError(where=KEY if isinstance(balance, float) else "data.limits", what=what, remedy=remedy)


def behind(loaded: Loaded) -> tuple[str, ...]:
    """A sentence where a column's balances are of an earlier day than the last, and flows since then are not known."""
    panel = loaded.panel
    entities = np.array([series.entity or ALL for series in panel.series])
    late = [
        entity
        for entity, day in loaded.balance_days.items()
        if np.isnan(panel.y[np.ix_(entities == entity, panel.ds > day)]).any()
    ]
    if not late:
        return ()
    named = first_few([f"{entity} ({iso(loaded.balance_days[entity])})" for entity in late], SHOWN)
    return (
        f"{KEY}: the last balance of {named} is older than {iso(panel.end)}, the last day; flows since then are not "
        "known and count as nothing",
    )


def left_aside(
    balances: Mapping[str, float], limits: Limits, targets: Sequence[str], loaded: Loaded
) -> tuple[str, ...]:
    """Sentences on what a balance that is given cannot say; none where none is.

    Parameters
    ----------
    balances
        See `openings`.
    targets
        Names of what is forecast, what comes in first.
    """
    if not balances:
        return ()
    if len(targets) != 2:
        return (f"{KEY} is left aside: a cash position takes two targets, what comes in and what goes out",)
    came, left = targets
    there = {target: {s.entity or ALL for s in loaded.panel.series if s.target == target} for target in targets}
    alone = {came: there[came] - there[left], left: there[left] - there[came]}
    found = [
        f"the cash position is without {first_few(sorted(names), SHOWN)}: of both targets there is {target} alone"
        for target, names in alone.items()
        if names
    ]
    if alone_in_limits := [name for name in limits.entities if not _is_held_against(name, balances, loaded)]:
        named = first_few(alone_in_limits, SHOWN)
        found.append(f"data.limits of {named} are left aside: {KEY} gives no balance of each alone")
    if goes_out(came) and not goes_out(left):
        found.append(f"{came} is taken for what comes in, and {left} for what goes out: name what comes in first")
    return tuple(found)


def _is_held_against(name: str, balances: Mapping[str, float], loaded: Loaded) -> bool:
    """Whether the balance of an entity or a unit, which has a limit, is known: given, that of its unit's only entity,
    or the sum of those of the unit's entities.
    """
    units = {} if loaded.hierarchy is None else loaded.hierarchy.units
    entities = {series.entity or ALL for series in loaded.panel.series}
    if name not in entities:
        members = [entity for entity in entities if units.get(entity) == name]
        return name in balances or ALL in balances or all(entity in balances for entity in members)
    unit = units.get(name)
    alone = [entity for entity in entities if units.get(entity) == unit] == [name]
    return name in balances or (alone and (unit in balances or ALL in balances))


def goes_out(name: str) -> bool:
    """Whether a column's name says that its amounts go out."""
    words = {word.casefold() for part in _CAMEL.split(name) for word in _WORD.findall(part)}
    return bool(words & set(_OUT.split())) or any(part in name for part in _OUT_CHINESE)


def _known(where: str, names: Iterable[str], entities: list[str], known: list[str]) -> None:
    """`known` are entities and units."""
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the entities are {first_few(entities, SHOWN)}"
            raise DataError(where=where, what=f"{name!r} is no entity that is forecast; {hint}")


def carried(
    balances: Mapping[str, float],
    panel: Panel,
    net: tuple[str, str],
    since: np.datetime64,
    units: Mapping[str, str | None],
) -> tuple[dict[str, float], int]:
    """Balances of a day `since` by entity, unit or `ALL`, moved on to the end of newer data by what came in (`net[0]`)
    and went out (`net[1]`); and the number of unknown amounts, which count as nothing. `units` by entity.
    """
    later = panel.ds > since
    moved, unknown = dict(balances), 0
    for row, series in enumerate(panel.series):
        places = (series.entity or ALL, units.get(series.entity or ALL), ALL)
        place = next((name for name in places if name in moved), None)
        if series.target in net and place is not None:
            flow = panel.y[row, later]
            unknown += int(np.isnan(flow).sum())
            moved[place] += float(np.nansum(flow)) * (1.0 if series.target == net[0] else -1.0)
    return moved, unknown
