"""Made-up series whose misses have known causes, and vintages of forecasts for them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np

from ensembles.explanation.calendar_parts import CALENDAR_PARTS, calendar_parts
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.ledger.files.actuals import Actuals, ReportedActuals
from ensembles.ledger.files.facts import VintageFacts
from ensembles.ledger.files.vintage import Vintage
from ensembles.ledger.review import Review, review
from forecasting import calendar as calendars
from forecasting.calendar import Calendar
from forecasting.panel import History, Series
from forecasting.schema import BLEND, BoolArray, DateArray, FloatArray, IntArray, iso

DAY = np.timedelta64(1, "D")
START = np.datetime64("2022-01-03")
CAUSES = {"shift": "level", "holiday": "calendar", "payment": "planned"}
"""What is done to the actual values, and the part it belongs to."""


def facts(as_of: str, start: str, end: str, **more: Any) -> VintageFacts:
    """Facts of a forecast of a daily table in EUR."""
    known = {
        "origin": "run",
        "trained_until": as_of,
        "unit": "EUR",
        "freq": "D",
        "weights": {"flow": 1.0},
        "score": "linear",
        "data": "d",
        "configuration": "c",
        "config": {"data": {"kind": "table", "unit": "EUR", "targets": {"flow": 1.0}}, "calendar": None},
    }
    return VintageFacts(as_of=as_of, start=start, end=end, **(known | more))


def forecast_file(
    ds: DateArray, blend: dict[str, FloatArray], members: dict[str, dict[str, FloatArray]] | None = None, width=0.0
) -> ForecastFile:
    """A forecast of single-target series by unique_id, with bands of `width` on either side (80%: q10, q90)."""
    rows: list[tuple[str, np.datetime64, str, float]] = []
    for uid, values in blend.items():
        for name, said in {**(members or {}).get(uid, {}), BLEND: values}.items():
            rows += [(uid, day, name, float(v)) for day, v in zip(ds, said, strict=True)]
    uids, days, names, y_hat = (list(column) for column in zip(*rows, strict=True))
    of_blend, y = np.array([name == BLEND for name in names]), np.array(y_hat)
    quantiles = {0.1: 1 - width, 0.5: 1.0, 0.9: 1 + width} if width else {}
    series = {uid: Series("flow", None if uid == "flow" else uid, uid) for uid in blend}
    return ForecastFile(
        np.array(uids, dtype=object),
        np.array(days, dtype="datetime64[D]"),
        np.array(names, dtype=object),
        y,
        {p: np.where(of_blend, y * factor, np.nan) for p, factor in quantiles.items()},
        series=series,
    )


def vintage(as_of: str, values: dict[str, FloatArray], parts=None, members=None, width=0.0, **more: Any) -> Vintage:
    """A vintage of the days after `as_of`."""
    n = len(next(iter(values.values())))
    ds = np.datetime64(as_of) + DAY * np.arange(1, n + 1)
    told = facts(as_of, iso(ds[0]), iso(ds[-1]), **more)
    return Vintage.of(told, forecast_file(ds, values, members, width), parts)


def actuals(values: dict[str, FloatArray], start: str, name: str = "new.csv") -> Actuals:
    """The actual values from `start` on."""
    return Actuals.of([reported(values, start, name)])


def reported(values: dict[str, FloatArray], start: str, name: str = "new.csv") -> ReportedActuals:
    uids = [uid for uid, y in values.items() for _ in y]
    ds = np.concatenate([np.datetime64(start) + DAY * np.arange(len(y)) for y in values.values()])
    return ReportedActuals.of(uids, ds, np.concatenate(list(values.values())), "EUR", name)


def reviewed(vintages: Sequence[Vintage], known: Actuals, day: str | None = None) -> Review:
    """A review of vintages, those on the same data in the order in which they were added."""
    latest = sorted(vintages, key=lambda one: one.facts.as_of)[-1]
    series = {uid: listed for one in (latest, *vintages) for uid, listed in one.listed.items()}
    return review("here", vintages, latest.facts, series, known, day)


# -- misses of known cause


def _days_off(years: range, moved: IntArray) -> set[np.datetime64]:
    """Nine holidays a year of two days; of the last year they stand `moved` days later."""
    found = set()
    for year in years:
        for k in range(9):
            day = np.datetime64(f"{year}-01-12") + DAY * (40 * k + (moved[k] if year == years[-1] else 0))
            found |= {day, day + DAY}
    return found


@contextmanager
def holidays(moved: IntArray) -> Iterator[None]:
    """A country T1 whose holidays are announced, and T2 where those of 2024 were moved in the end."""
    off = {"T1": _days_off(range(2021, 2026), moved * 0), "T2": set()}
    off["T2"] = {d for d in off["T1"] if d.astype(object).year != 2024} | _days_off(range(2024, 2025), moved)

    def days(country: str | None, ds: DateArray, weekday: IntArray) -> tuple[tuple[str, ...], BoolArray]:
        holiday = np.array([d in off.get(country or "", set()) for d in ds], dtype=bool)
        return tuple("holiday" if h else "" for h in holiday), (weekday < 5) & ~holiday

    def patched(calendar: Calendar, ds: DateArray, weekday: IntArray) -> tuple[tuple[str, ...], BoolArray]:
        return days(calendar.country, ds, weekday)

    caches = ("_years", "_weekly_rest")
    with patch.object(calendars, "_country_days", patched):
        for name in caches:
            getattr(calendars, name).cache_clear()
        from forecasting.models.features import calendar_effects, occasions, shared_calendar

        for module in (calendar_effects, occasions, shared_calendar):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()
        yield


@dataclass(frozen=True)
class Case:
    """A vintage with its parts, the actual values, the facts of the latest calendar and the days that were changed."""

    vintage: Vintage
    actuals: Actuals
    latest: VintageFacts
    changed: DateArray


def case(cause: str, seed: int) -> Case:
    """A series of two years and a month with something done to its last month; call within `holidays`."""
    rng = np.random.default_rng(seed)
    n, horizon = 760, 30
    ds = START + DAY * np.arange(n + horizon)
    kinds = {country: Calendar(country).days(ds) for country in ("T1", "T2")}
    weekday = np.array([0.1, 0.05, 0.0, 0.0, -0.05, -0.4, -0.5])[kinds["T1"].weekday]
    level = 12.0 + np.cumsum(rng.normal(0, 0.004, n + horizon))
    noise = rng.normal(0, 0.08, n + horizon)
    off = np.array([h != "" for h in kinds["T2" if cause == "holiday" else "T1"].holiday])
    month = 0.1 * np.cos(2 * np.pi * kinds["T1"].day / 30.0)
    y = np.exp(level + np.where(off, -0.6, weekday) + month + noise)
    first = n + int(rng.integers(2, 8))
    changed = ds[n:]
    if cause == "shift":
        y[first:] *= 1.0 + rng.choice([-1, 1]) * rng.uniform(0.2, 0.5)
        changed = ds[first:]
    elif cause == "payment":
        at = first + int(rng.integers(0, 20))
        y[at] += rng.uniform(0.6, 2.0) * np.exp(level[at])
        changed = ds[at : at + 1]
    elif cause == "holiday":
        one, two = (np.array([h != "" for h in kinds[c].holiday]) for c in ("T1", "T2"))
        changed = ds[n:][(one != two)[n:]]
    history = History(Series("flow"), ds[:n], y[:n], np.empty((n, 0)), (), Calendar("T1"))
    said = calendar_parts([history], ds[n:])[0]
    learned = rng.normal(0, 0.02, horizon) * said[:, 0]
    parts = {name: said[:, k] for k, name in enumerate(CALENDAR_PARTS)} | {"learned": learned}
    as_of = iso(ds[n - 1])
    config = facts(as_of, as_of, as_of).config
    made = vintage(as_of, {"flow": said.sum(axis=1) + learned}, parts, config={**config, "calendar": "T1"})
    latest = made.facts.model_copy(update={"config": {**config, "calendar": "T2" if cause == "holiday" else "T1"}})
    return Case(made, actuals({"flow": y}, iso(ds[0])), latest, changed)
