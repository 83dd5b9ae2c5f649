"""How long the rest of a training takes: from timings of earlier runs, and from the batches that came back.

A pure function of what is known at a moment, which `tests/cluster/execution/test_remaining.py` replays from recordings.

* A batch is expected to take its guess times a factor of its model: as stored by an earlier run, or else as `TYPICAL`
  says. What came back corrects the factors: that of its own model, and in part all others, because a slow or busy
  machine is slow with every model.
* Batches are handed out in order to whoever is free. So the places that are busy now, and since when, follow from the
  moments at which batches came back, and the end follows from handing out the others in the same way.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cluster.plan import Batch

__all__ = ["Finished", "Lane", "PerFit", "Piece", "lane_of", "remaining_seconds"]

PerFit = Mapping[tuple[str, str], float]
"""Seconds of a fit by (model, kind of device), as an earlier run measured them."""
TYPICAL = {
    **dict.fromkeys(("seasonal-naive", "weekday-median", "weekday-mean", "calendar-level", "periodic-factor"), 5.0),
    "arima": 0.1,
    "lightgbm-direct": 0.22,
    "lightgbm-recursive": 0.09,
    "lstm-direct": 0.45,
    "lstm-classic": 0.6,
}
"""Seconds over guess where that is far from 1, as `tests.bench.recording` measured on two cores of 2.6 GHz: guesses
are for the order of work, and long for models that a few settings make slow.
"""
TRUST = 0.1
"""Share of all work that must have come back until a model is judged by itself as much as by all models."""
FRESH = 0.2
"""Share of the time passed after which what came back counts half: other programs come and go."""
OVERRUN = 0.25
"""A batch that takes longer than expected is expected to go on for this share of its age."""
START_SECONDS, START_SHARE = 3.0, 1.3
"""How long a worker takes to start: this at least, or a multiple of the time until the first batch of all began."""


@dataclass(frozen=True)
class Piece:
    """A batch as far as its time matters. `guess`: seconds by the plan; `expected`: by an earlier run, None if unknown.

    `started`: a long-lived worker has to start before it.
    """

    name: str
    model: str
    guess: float
    expected: float | None = None
    started: bool = False


@dataclass(frozen=True)
class Lane:
    """Pieces in the order in which they are handed out, and how many are worked on at a time."""

    pieces: tuple[Piece, ...]
    n_places: int


@dataclass(frozen=True)
class Finished:
    """A piece that came back: when, in seconds since training began, and how long it took."""

    name: str
    at: float
    seconds: float


def lane_of(batches: Iterable[Batch], n_places: int, per_fit: PerFit, *, with_start: bool = False) -> Lane:
    """Batches as pieces; `with_start`: they wait for a long-lived worker to start."""
    return Lane(tuple(_piece(batch, per_fit, with_start) for batch in batches), max(1, n_places))


def _piece(batch: Batch, per_fit: PerFit, with_start: bool) -> Piece:
    model = batch.trials[0].member.model
    seconds = per_fit.get((model, batch.device.partition(":")[0]))
    expected = None if seconds is None else seconds * batch.n_fits
    return Piece(batch.batch_id, model, max(batch.cost, 1e-3), expected, with_start)


def remaining_seconds(lanes: Sequence[Lane], finished: Sequence[Finished], now: float) -> float | None:
    """Seconds until the last piece comes back, `now` seconds after training began.

    None while nothing is known but guesses: no earlier run has timings, and no piece came back.
    """
    pieces = [piece for lane in lanes for piece in lane.pieces]
    if not finished and all(piece.expected is None for piece in pieces):
        return None
    factors = _factors(pieces, finished, now)
    return max((_left_in(lane, factors, finished, now) for lane in lanes), default=0.0)


def _factors(pieces: Sequence[Piece], finished: Iterable[Finished], now: float) -> Mapping[str, float]:
    """Model → what a piece of it takes, over its guess."""
    back = {done.name: (done.seconds, 0.5 ** ((now - done.at) / (FRESH * max(now, 1e-9)))) for done in finished}
    before = _before(pieces)
    expected: dict[str, float] = defaultdict(float)
    measured: dict[str, float] = defaultdict(float)
    for piece in pieces:
        if piece.name in back:
            seconds, weight = back[piece.name]
            expected[piece.model] += weight * piece.guess * before[piece.model]
            measured[piece.model] += weight * seconds
    trust = TRUST * sum(piece.guess * before[piece.model] for piece in pieces)
    pace = (trust + sum(measured.values())) / (trust + sum(expected.values()))
    return {
        model: factor * (trust * pace + measured[model]) / (trust + expected[model]) for model, factor in before.items()
    }


def _before(pieces: Iterable[Piece]) -> dict[str, float]:
    """Model → the factor by what was known before the training."""
    stored: dict[str, list[float]] = defaultdict(list)
    for piece in pieces:
        stored[piece.model] += [] if piece.expected is None else [piece.expected / piece.guess]
    return {model: sum(found) / len(found) if found else TYPICAL.get(model, 1.0) for model, found in stored.items()}


def _left_in(lane: Lane, factors: Mapping[str, float], finished: Sequence[Finished], now: float) -> float:
    """Seconds until the last piece of a lane comes back."""
    names, gone = {piece.name for piece in lane.pieces}, {done.name for done in finished}
    back = [*[0.0] * lane.n_places, *sorted(done.at for done in finished if done.name in names)]
    waiting = [piece for piece in lane.pieces if piece.name not in gone]
    # The nth piece is handed out when the one came back that made a place free for it.
    since = {piece.name: at for piece, at in zip(lane.pieces, back, strict=False)}
    starts = _starts(lane, waiting, finished)
    ends = [
        _rest(_seconds(piece, factors) + (starts.pop() if piece.started and starts else 0.0), now - since[piece.name])
        for piece in waiting
        if piece.name in since
    ]
    heapq.heapify(ends)
    for piece in waiting[len(ends) :]:
        more = starts.pop() if piece.started and starts else 0.0
        heapq.heapreplace(ends, ends[0] + more + _seconds(piece, factors))
    return max(ends, default=0.0)


def _starts(lane: Lane, waiting: Sequence[Piece], finished: Sequence[Finished]) -> list[float]:
    """Seconds that each long-lived worker that has not done anything yet takes to start."""
    n_started = sum(piece.started for piece in lane.pieces) - sum(piece.started for piece in waiting)
    first = min(finished, key=lambda done: done.at, default=None)
    slow = 0.0 if first is None else first.at - first.seconds
    return [max(START_SECONDS, START_SHARE * slow)] * max(0, lane.n_places - n_started)


def _seconds(piece: Piece, factors: Mapping[str, float]) -> float:
    return piece.guess * factors[piece.model]


def _rest(expected: float, age: float) -> float:
    """What is left of a piece that has been worked on for `age` seconds."""
    return max(expected - age, OVERRUN * age)
