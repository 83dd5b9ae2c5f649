from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ensembles.judging.intervals import Parts
from forecasting.schema import DateArray
from tests.ensembles.cubes import calendar_days, day_cutoffs, month_cutoffs


def dates(n: int, horizon: int, step: int) -> DateArray:
    return calendar_days(day_cutoffs(n, step), horizon)


@pytest.mark.parametrize(
    ("ds", "n", "windows"),
    [
        (calendar_days(month_cutoffs(4), 28), 4, True),
        (dates(12, 7, 7), 12, True),
        (dates(8, 1, 7), 8, True),  # weeks, or one day a week
        (dates(60, 1, 1), 8, False),  # days are joined to a week at least
        (dates(365, 1, 1), 20, False),  # and to more where there are many
        (dates(60, 30, 30), 20, False),
        (dates(8, 28, 7), 2, False),  # 77 days hold two windows that do not overlap
        (dates(1, 30, 30), 1, True),
        (dates(2, 28, 7), 1, False),
        (dates(10, 1, 1), 1, False),
    ],
)
def test_parts_are_windows_or_stretches_of_the_calendar(ds: DateArray, n: int, windows: bool) -> None:
    parts = Parts.of(ds)
    assert (parts.n, parts.windows, parts.too_short) == (n, windows, n < 2)
    assert set(parts.place.ravel()) == set(range(max(n, 1)))
    assert "no intervals" in parts.sentence if n < 2 else f"over {n} " in parts.sentence


def test_a_day_in_several_windows_stands_in_one_stretch() -> None:
    ds = dates(12, 14, 5)
    place = Parts.of(ds).place
    for day in np.unique(ds):
        assert len(set(place[ds == day])) == 1


def test_over_windows_it_is_the_usual_t_interval_a_little_wider() -> None:
    rng = np.random.default_rng(1)
    ds = calendar_days(month_cutoffs(5), 28)
    ds[1, 26:] = np.datetime64("NaT")
    points = np.where(np.isnat(ds), np.nan, rng.normal(5, 1, ds.shape))
    scores = np.nanmean(points, axis=1)
    within = (points - scores[:, None]) / (~np.isnat(ds)).sum(axis=1, keepdims=True)
    between = (scores - scores.mean())[:, None] / (~np.isnat(ds)).sum(axis=1, keepdims=True)
    low, high = Parts.of(ds).interval(float(scores.mean()), np.nan_to_num(within + between) / 5)
    usual = stats.t.interval(0.9, 4, scores.mean(), stats.sem(scores))
    assert (high - low) / (usual[1] - usual[0]) == pytest.approx(1.2)
    assert (low + high) / 2 == pytest.approx(scores.mean())


def test_without_two_parts_there_is_no_interval() -> None:
    assert np.isnan(Parts.of(dates(1, 30, 30)).interval(1.0, np.zeros((1, 30)))).all()
    assert Parts.of(np.zeros((0, 1), dtype="datetime64[D]")).too_short
