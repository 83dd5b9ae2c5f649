"""The time left, replayed from recorded trainings (`tests.bench.recording`) and worked out by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cluster.execution import remaining
from cluster.execution.remaining import Finished, Lane, Piece, remaining_seconds

RECORDINGS = sorted(Path(__file__).with_name("recordings").glob("*.json"))
FACTOR, SHARE, AFTER = 1.5, 0.9, 0.2
"""How far off the time left may be, for which share of the time, after which share of the work."""


def read(file):
    stored = json.loads(file.read_text())
    lanes = [Lane(tuple(Piece(**piece) for piece in lane["pieces"]), lane["n_places"]) for lane in stored["lanes"]]
    return lanes, [Finished(**done) for done in stored["finished"]]


def share_right(lanes, finished):
    """Share of the time, after the first fifth of the seconds of work, at which the time left is near the truth."""
    done = np.cumsum([each.seconds for each in finished])
    begin = finished[int(np.searchsorted(done, AFTER * done[-1]))].at
    end = finished[-1].at
    moments = np.linspace(begin, end, 400, endpoint=False)
    left = [remaining_seconds(lanes, [each for each in finished if each.at <= now], now) for now in moments]
    ratios = [0.0 if found is None else found / (end - now) for found, now in zip(left, moments, strict=True)]
    return np.mean([1 / FACTOR <= ratio <= FACTOR for ratio in ratios])


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: file.stem)
def test_the_time_left_is_near_the_truth(file):
    assert share_right(*read(file)) >= SHARE


def test_there_are_recordings_of_a_demo_a_competition_and_a_panel():
    assert [file.stem for file in RECORDINGS] == ["demo", "nn5", "yuebao"]


def test_the_measure_fails_where_no_model_is_told_from_another():
    """A time left by counted batches alone is wrong where families differ: the replay must tell."""
    lanes, finished = read(RECORDINGS[0])
    alike = [replace(lane, pieces=tuple(replace(p, guess=1.0, model="m") for p in lane.pieces)) for lane in lanes]
    assert share_right(alike, finished) < SHARE


@pytest.fixture
def sure(monkeypatch):
    """One batch is enough to judge a model by."""
    monkeypatch.setattr(remaining, "TRUST", 0.0)


def pieces(*models, expected=None, guess=2.0):
    return tuple(Piece(f"p{n}", model, guess, expected) for n, model in enumerate(models))


def test_guesses_alone_are_no_estimate():
    assert remaining_seconds([Lane(pieces("a", "a"), 1)], [], 0.0) is None


def test_timings_of_an_earlier_run_count_from_the_start():
    assert remaining_seconds([Lane(pieces("a", "a", expected=5.0), 1)], [], 1.0) == 9.0


def test_what_came_back_counts_more_than_an_earlier_run(sure):
    lane = Lane(pieces("a", "a", "a", expected=5.0), 1)
    assert remaining_seconds([lane], [Finished("p0", 3.0, 3.0)], 4.0) == 5.0


def test_a_model_that_was_never_measured_is_nearly_as_slow_as_the_others():
    lane = Lane(pieces("a", "b"), 1)
    assert remaining_seconds([lane], [Finished("p0", 6.0, 6.0)], 6.0) == pytest.approx(5.3, abs=0.1)


def test_one_batch_is_not_yet_the_truth_about_its_model():
    lane = Lane(pieces("a", "a", expected=5.0), 1)
    assert 3.0 < remaining_seconds([lane], [Finished("p0", 3.0, 3.0)], 3.0) < 4.0


def test_other_programs_come_and_go(sure):
    """What came back lately counts more than what came back long ago."""
    lane = Lane(pieces("a", "a", "a"), 1)
    now_fast = remaining_seconds([lane], [Finished("p0", 9.0, 9.0), Finished("p1", 10.0, 1.0)], 10.0)
    now_slow = remaining_seconds([lane], [Finished("p0", 1.0, 1.0), Finished("p1", 10.0, 9.0)], 10.0)
    assert now_fast < 5.0 < now_slow


def test_batches_go_to_whoever_is_free():
    lane = Lane(pieces("a", "a", "a", "a", expected=4.0), 2)
    assert remaining_seconds([lane], [Finished("p0", 4.0, 4.0)], 5.0) == 5.25


def test_lanes_run_beside_each_other():
    short, long = Lane(pieces("a", expected=3.0), 1), Lane((Piece("q", "b", 1.0, 9.0),), 1)
    assert remaining_seconds([short, long], [], 0.0) == 9.0


def test_a_batch_that_takes_longer_than_expected_goes_on():
    assert remaining_seconds([Lane(pieces("a", expected=4.0), 1)], [], 8.0) == 2.0


def test_workers_have_to_start():
    waits = Lane((Piece("p0", "a", 1.0, 1.0, started=True),), 1)
    assert remaining_seconds([waits], [], 0.0) == 4.0


def test_nothing_is_left_at_the_end():
    assert remaining_seconds([Lane(pieces("a"), 1)], [Finished("p0", 1.0, 1.0)], 1.0) == 0.0
