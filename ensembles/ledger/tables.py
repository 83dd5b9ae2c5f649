"""A review in tables of text, for the screen and the page alike."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ensembles.judging.judge import Measured
from ensembles.ledger.scoring.misses import KINDS, NOT_RECORDED, Sums
from ensembles.report.money import Money

if TYPE_CHECKING:
    from ensembles.ledger.review import Review, Split
    from ensembles.ledger.scoring.accuracy import Accuracy, Line
    from ensembles.ledger.scoring.alarms import Alarm

__all__ = ["Table", "tables_of"]

FEW = 12
"""Rows of a long table on a screen."""
NONE = "–"
NUMBER = re.compile(rf"([-+]?[\d,.]*\d%?( \(.*\))?|{NONE})?")
"""A cell with a number, and its share or interval in brackets; or with none."""
HEADS = {"planned": "planned, event, odd"}


@dataclass(frozen=True)
class Table:
    """A table: what it shows, the heads of its columns, and its rows; `few` of them on a screen, from the end where the
    newest stand there; `note` below it.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    few: int = FEW
    newest: bool = False
    note: str = ""

    @property
    def shown(self) -> tuple[tuple[str, ...], ...]:
        """The rows for a screen."""
        return self.rows[-self.few :] if self.newest else self.rows[: self.few]

    def is_number(self, column: int) -> bool:
        """Whether a column holds numbers alone; days and names are none."""
        return all(NUMBER.fullmatch(row[column]) for row in self.rows)


def tables_of(review: Review) -> list[Table]:
    """Every table with a row."""
    money = Money.of((), review.amounts)
    found = [*_changes(review, money), *_alarms(review)]
    said: set[str] = set()
    for accuracy in review.accuracy:
        found += _accuracy(accuracy, review.noun, "" if accuracy.sentence in said else accuracy.sentence)
        said.add(accuracy.sentence)
    for split in review.splits:
        found += _misses(split, money, review.amounts.in_unit)
    return [table for table in found if table.rows]


def _accuracy(of: Accuracy, noun: str, note: str) -> Iterable[Table]:
    levels = tuple(dict.fromkeys(level for line in of.by_lead for level in line.coverage))
    heads = ("", noun, "bias", "WAPE", "points", *(f"in {level}% band" for level in levels))

    def rows(lines: Sequence[Line], names: dict[str, str] | None = None) -> tuple[tuple[str, ...], ...]:
        return tuple(((names or {}).get(line.name, line.name), *_cells(line, levels)) for line in lines)

    names = {"all": f"all {noun}", "week": "totals of a week", "month": "totals of a month"}
    names |= {line.name: f"{line.name.removeprefix('lead ')} ahead" for line in of.by_lead if "lead" in line.name}
    yield Table(f"{of.target}: accuracy by lead time", heads, rows(of.by_lead, names), note=note)
    yield Table(f"{of.target}: by forecast", ("data up to", *heads[1:]), rows(of.by_vintage), newest=True)
    if len(of.by_series) > 1:
        worst = sorted(of.by_series, key=lambda line: (-_or_zero(line.wape.value), line.name))
        yield Table(f"{of.target}: by series, the worst first", ("series", *heads[1:]), rows(worst))
    best = sorted(of.members.items(), key=lambda item: (item[1].get("all", math.inf), item[0]))
    leads = tuple(dict.fromkeys(at for _, wape in best for at in wape))
    members = tuple((name, *(_percent(wape.get(at, math.nan)) for at in leads)) for name, wape in best)
    ahead = tuple(names.get(at, f"{at.removeprefix('lead ')} ahead") for at in leads)
    yield Table(f"{of.target}: WAPE of the members", ("member", *ahead), members)


def _cells(line: Line, levels: Sequence[int]) -> tuple[str, ...]:
    shares = (line.coverage.get(level, Measured(math.nan, math.nan, math.nan)) for level in levels)
    points = f"{line.points.value:z.2f}" if not math.isnan(line.points.value) else NONE
    if not math.isnan(line.points.low):
        points += f" ({line.points.low:z.2f} to {line.points.high:z.2f})"
    return (f"{line.n:,}", _signed(line.bias), _range(line.wape), points, *map(_range, shares))


def _percent(value: float) -> str:
    return NONE if math.isnan(value) else f"{value:z.1%}"


def _range(value: Measured) -> str:
    text = _percent(value.value)
    return text if math.isnan(value.low) else f"{text} ({100 * value.low:z.1f} to {100 * value.high:z.1f})"


def _signed(value: Measured) -> str:
    if math.isnan(value.value):
        return NONE
    text = f"{value.value:+z.1%}"
    return text if math.isnan(value.low) else f"{text} ({100 * value.low:+z.1f} to {100 * value.high:+z.1f})"


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _misses(split: Split, money: Money, unit: str) -> Iterable[Table]:
    parts = tuple(HEADS.get(kind, kind) for kind in KINDS)
    rows = [("all", *_sums(split.total, money))] if split.total is not None and split.total.n else []
    rows += [(name, *_sums(sums, money)) for name, sums in split.by_vintage.items()]
    rows += [(name, "", NOT_RECORDED, *("" for _ in KINDS)) for name in split.without]
    note = (
        "parts add up to actual less forecast; in brackets: the share of the part in all parts, without their signs; "
        "odd: amounts far from the level and the calendar"
    )
    if split.of_series > split.n_series:
        note += f"; of {split.n_series} of {split.of_series} series: the largest with at least 8 weeks of actual values"
    title = f"{split.target}: where misses come from{unit}"
    yield Table(title, ("data up to", "days", "actual less forecast", *parts), tuple(rows), note=note)
    worst = tuple(
        (
            str(one.ds[0]),
            one.unique_id[0],
            one.as_of,
            str(one.lead[0]),
            money.plain(float(one.y[0])),
            money.plain(float(one.miss[0])),
            *(money.plain(float(value)) for value in one.parts[:, 0]),
        )
        for one in split.worst
    )
    heads = ("day", "series", "data up to", "ahead", "actual", "actual less forecast", *parts)
    yield Table(f"{split.target}: the largest misses{unit}", heads, worst, few=8)


def _sums(sums: Sums, money: Money) -> tuple[str, ...]:
    whole = float(sums.sizes.sum())
    shares = [size / whole if whole else 0.0 for size in sums.sizes]
    parts = (f"{money.plain(float(p))} ({share:.0%})" for p, share in zip(sums.parts, shares, strict=True))
    return (f"{sums.n:,}", money.plain(sums.miss), *parts)


def _changes(review: Review, money: Money) -> Iterable[Table]:
    rows = tuple(
        (
            change.target,
            change.as_of,
            str(change.lead),
            money.plain(change.y_hat),
            NONE if math.isnan(change.low) else f"{money.plain(change.low)} to {money.plain(change.high)}",
            money.plain(change.changed),
            money.plain(change.y),
        )
        for change in review.changes
    )
    heads = ("target", "data up to", "ahead", "forecast", "band", "more than before", "actual")
    yield Table(f"forecasts of {review.day}{review.amounts.in_unit}", heads, rows, few=60, newest=True)


def _alarms(review: Review) -> Iterable[Table]:
    """Those that last first, then the latest."""
    ordered = sorted(review.alarms, key=lambda alarm: (alarm.ended is None, alarm.found), reverse=True)
    rows = tuple((alarm.unique_id, _what(alarm), alarm.since, alarm.found, alarm.ended or "now") for alarm in ordered)
    yield Table("alarms", ("series", "what", "since", "found on", "until"), rows)


def _what(alarm: Alarm) -> str:
    if alarm.kind == "level":
        return f"actual values {abs(alarm.size):.0%} {alarm.side} the forecasts"
    fault = "narrow" if alarm.side == "below" else "wide"
    return f"{alarm.size:.0%} of days in the {alarm.usual:.0%} band: it is too {fault}"
