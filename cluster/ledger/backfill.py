"""A ledger as if the program had run on days past: one run per day, each on the data up to that day alone.

Every run has a directory of its own, so that a backfill that was interrupted goes on where it stopped: forecasts that
are in the ledger are skipped, and a run that was begun is continued. What was revised in the data since then cannot be
undone: they are as they are now, cut at each day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cluster.ledger.issue import issued_by, plan_print
from cluster.ledger.place import Ledger
from cluster.request import RunRequest
from cluster.stages.input import identity, load_data, open_input
from ensembles.ledger.files.facts import VintageFacts
from forecasting.errors import ConfigError
from forecasting.schema import as_date, iso
from forecasting.seeding import content_hash

if TYPE_CHECKING:
    from cluster.terminal.screen import Screen

__all__ = ["MONTH", "Backfill", "Step", "backfill", "days_of"]

MONTH = "month"
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Backfill:
    """What is asked for: a run's request, the first day of data, ``month`` or a number of days between forecasts, the
    ledger, and the last day of data (None: the data's end).
    """

    request: RunRequest
    first: str
    every: str
    place: str
    last: str | None = None


@dataclass(frozen=True)
class Step:
    """One forecast of a backfill: its last day of data, and whether it is new in the ledger."""

    as_of: str
    is_new: bool
    position: int
    of: int


def days_of(first: str, every: str, last: np.datetime64) -> list[np.datetime64]:
    """Days as of which forecasts are made: ends of months from `first` on, or `first` and every N days after it.

    Raises
    ------
    ConfigError
        When `first` is no day, `every` neither ``month`` nor a number of days, or nothing lies up to `last`.
    """
    start = _day("--from", first)
    if every == MONTH:
        months = np.arange(start.astype("datetime64[M]"), last.astype("datetime64[M]") + 1)
        found = [day for day in (months + 1).astype("datetime64[D]") - _DAY if start <= day <= last]
    elif every.isdecimal() and int(every) > 0:
        step = min(int(every), max(int((last - start).astype(np.int64)), 0) + 1)
        found = list(np.arange(start, last + _DAY, np.timedelta64(step, "D")))
    else:
        raise ConfigError(f"--every {every}: write month, or a number of days, such as 7")
    if not found:
        end = iso(last)
        what = f"the data end before it, on {end}"
        if start <= last:
            what = f"the data end on {end}, and no month ends between these two days"
        raise ConfigError(f"--from {first}: {what}: choose an earlier day")
    return found


def backfill(asked: Backfill, err: Screen, done: Callable[[Step], None]) -> None:
    """Make every forecast that is not in the ledger yet; `done` is told of each.

    Raises
    ------
    UserError, TooManyFailures
        As `run_pipeline` does for each run; the ledger holds what was made before.
    """
    from cluster.pipeline import run_pipeline

    request = asked.request
    if request.as_of is not None:
        raise ConfigError("--as-of: a backfill has many such days: give --from and --every")
    with request.data_path() as path:
        days = days_of(asked.first, asked.every, _last_day(asked, path))
        ledger, known = Ledger(asked.place), None
        for position, day in enumerate(days, 1):
            one = _on(asked, day)
            known = ledger.facts() if known is None else known
            made = _made(one, path, known.values())
            if not made:
                run_pipeline(one, err)
                known = None
            done(Step(iso(day), not made, position, len(days)))


def _day(option: str, text: str) -> np.datetime64:
    try:
        return as_date(text)
    except ValueError:
        raise ConfigError(f"{option} {text}: this is no day: write it as YYYY-MM-DD") from None


def _last_day(asked: Backfill, path: str) -> np.datetime64:
    """The last day on which there may be a forecast. Raises ConfigError when it, or the windows, do not allow any."""
    config = asked.request.read_config()
    if config.windows.unit == MONTH and asked.every != MONTH:
        what = "the configuration forecasts whole calendar months"
        raise ConfigError(where=f"--every {asked.every}", what=what, remedy="write month, or set windows.unit to day")
    last = None if asked.last is None else _day("--to", asked.last)
    panel = open_input(config, path, None if last is None else iso(last), checked=False).loaded.panel
    if last is None:
        return panel.end
    if panel.axis.after(panel.end, 1)[0] <= last:
        what = f"the data end on {iso(panel.end)}"
        raise ConfigError(where=f"--to {asked.last}", what=what, remedy="choose that day or an earlier one")
    return last


def _on(asked: Backfill, day: np.datetime64) -> RunRequest:
    """The request of the run on one day."""
    request = asked.request
    directory = f"{request.directory}-backfill" if request.run_dir is None else request.directory
    return replace(request, run_dir=f"{directory}/{iso(day)}", as_of=iso(day)).into(asked.place)


def _made(request: RunRequest, path: str, known: Iterable[VintageFacts]) -> bool:
    """Whether a ledger holds the forecast of a run: of these data, plan and events by this configuration."""
    config = request.read_config()
    configuration = content_hash(issued_by(config.model_dump(mode="json")))
    same = [facts for facts in known if facts.configuration == configuration and facts.origin == "run"]
    if not same:
        return False
    panel = load_data(config, path, request.as_of).panel
    made_of = identity(panel), iso(panel.end), plan_print(panel.planned), tuple(panel.calendar.events)
    return any((facts.data, facts.as_of, facts.plan, tuple(facts.events)) == made_of for facts in same)
