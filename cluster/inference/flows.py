"""Which columns of numbers hold amounts that flow, and why others do not: balances, counters, rates, totals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations

import numpy as np

from forecasting.data.balance import goes_out
from forecasting.schema import BoolArray, FloatArray, IntArray

__all__ = ["in_before_out", "names_a_key", "no_flows"]


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER = _set(
    "balance balances saldo kontostand solde bestand cumulative cumulated kumuliert 余额 结余 累计 "
    "id ids nr no lfd index idx 编号 序号 year jahr année annee 年份 "
    "rate rates zins zinssatz yield price prices preis kurs prix share shares nav ratio percent pct prozent quote fx "
    "利率 汇率 价格 份额 净值"
)
"""Words that say of a column that it holds no flow: a balance, a number of a row, a rate or a price."""
_NEVER_ALONE = _set(
    "num number nummer code key account konto kontonummer iban bic blz zip plz row zeile line seq sequence counter "
    "month monat mois week woche semaine kw weekday wochentag dow doy quarter quartal day tag jour hour of "
    "holiday feiertag weekend wochenende is 月 周 日 季度"
)
"""Words that say so when a name has no others: ``day of month``, but not ``sales per day``."""
_KEYS = _set(
    "id ids nr no num number nummer code key account konto kontonummer store shop item fund branch filiale customer "
    "kunde product produkt sku series entity unique 编号 代码"
)
"""Words of a column's name that say its whole numbers may tell series apart."""
_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-zß-ÿ])(?=[A-Z])")
_FEWEST_STEPS = 10
"""Periods from which on a column that adds up another is no chance."""
_MOST_PAIRED = 8
"""Columns of which differences of two are looked at."""
_NOISE = 1e-6
"""Of the largest amount: differences that rounding makes."""


def no_flows(amounts: Mapping[str, FloatArray], order: IntArray, codes: IntArray | None) -> dict[str, str]:
    """Columns of numbers, ``[n_rows]`` each, that are no targets unless they are asked for, each with the reason.

    Parameters
    ----------
    order
        The rows by date.
    codes
        Each row's series, ``[n_rows]``; None: there is one.
    """
    series = np.zeros(len(order), dtype=np.int64) if codes is None else codes[order]
    rows = np.argsort(series, kind="stable")
    series, by_series = series[rows], {column: values[order][rows] for column, values in amounts.items()}
    found = {c: reason for c, values in by_series.items() if (reason := _no_flow(c, values, series))}
    others = {column: values for column, values in by_series.items() if column not in found}
    inside = np.diff(series) == 0
    return found | {c: f"it adds up {of}" for c in others if (of := _adds_up(c, others, inside))}


def in_before_out(columns: Sequence[str]) -> list[str]:
    """Columns of amounts, of which two are named as a run does: what comes in, then what goes out."""
    match columns:
        case [one, other] if goes_out(one) and not goes_out(other):
            return [other, one]
    return list(columns)


def names_a_key(column: str) -> bool:
    """Whether a column's name says that its whole numbers may tell series apart."""
    return bool(_words(column) & _KEYS)


def _words(column: str) -> frozenset[str]:
    """The words of a column's name: ``accountNo`` has account and no."""
    found = [word.casefold() for part in _CAMEL.split(column) for word in _WORD.findall(part)]
    return frozenset(found) or frozenset({column.casefold()})


def _no_flow(column: str, values: FloatArray, series: IntArray) -> str:
    """Why a column is no target by its name or its own numbers; empty where it may be one."""
    named = _words(column)
    if (telling := sorted(named & _NEVER)) or named <= _NEVER_ALONE:
        return f"its name says {' '.join(telling or [column])}"
    there = ~np.isnan(values)
    known = values[there]
    if not len(known):
        return ""
    if (known == known[0]).all():
        return "all the same"
    if np.isin(known, (0.0, 1.0)).all():
        return "0 and 1 alone"
    return "it counts" if _counts(known, series[there]) or _numbers_rows(known) else ""


def _counts(values: FloatArray, series: IntArray) -> bool:
    """Whether the values of each series only rise, or only fall; rows of a series stand together."""
    inside = np.diff(series) == 0
    signs, of = np.sign(np.diff(values))[inside], series[1:][inside]
    _, starts, group = np.unique(of, return_index=True, return_inverse=True)
    return bool(((signs != 0) & (signs == signs[starts][group])).all())


def _numbers_rows(values: FloatArray) -> bool:
    """Whether values are the numbers of rows, in any order."""
    whole = bool((values == np.rint(values)).all())
    return whole and len(np.unique(values)) == len(values) == int(values.max() - values.min()) + 1


def _adds_up(column: str, columns: Mapping[str, FloatArray], inside: BoolArray) -> str:
    """The column, or the difference of two, of which `column` is the running total, empty where there is none.

    `inside` ``[n_rows - 1]`` marks the rows that follow one of the same series.
    """
    steps = np.diff(columns[column])[inside]
    if len(steps) < _FEWEST_STEPS:
        return ""
    for name, values in _sums_of(column, columns):
        noise = _NOISE * float(np.nanmax(np.abs(values), initial=0.0))
        if noise and any(np.allclose(steps, part[inside], rtol=0.0, atol=noise) for part in (values[1:], values[:-1])):
            return name
    return ""


def _sums_of(column: str, columns: Mapping[str, FloatArray]) -> Iterator[tuple[str, FloatArray]]:
    others = {name: values for name, values in columns.items() if name != column}
    yield from others.items()
    if len(others) <= _MOST_PAIRED:
        for one, other in permutations(others, 2):
            yield f"{one} less {other}", others[one] - others[other]
