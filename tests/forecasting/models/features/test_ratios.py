"""Columns of a panel's models against the same said day by day."""

import numpy as np

from forecasting.models.features.ratios import Ratios
from tests.forecasting.histories import noisy_week

HISTORY = noisy_week(460, 0.2, 3)
RATIOS = Ratios(HISTORY, 14, 30)
LOG_Y = np.log(HISTORY.y)
ORIGIN = np.array([60, 60, 200, 420, 459])
STEP = np.array([1, 20, 7, 9, 30])


def test_usual_departures_read_known_days_of_the_same_weekday():
    got = RATIOS.usual(ORIGIN, STEP)
    level = RATIOS.level(ORIGIN, ORIGIN + STEP)
    for row, (origin, step) in enumerate(zip(ORIGIN, STEP, strict=True)):
        like = [t for t in range(origin, -1, -1) if (origin + step - t) % 7 == 0][:12]
        departures = LOG_Y[like] - level[row]
        slow = [LOG_Y[max(origin + 1 - days, 0) : origin + 1].mean() - level[row] for days in (112, 224)]
        expected = [departures[:8].mean(), np.median(departures[:8]), departures.mean(), *slow]
        np.testing.assert_allclose(got[row], expected, atol=1e-12)


def test_last_year_is_unknown_until_it_was_seen():
    got = RATIOS.last_year(ORIGIN, STEP)
    assert np.isnan(got[:3]).all()
    origin, day = 420, 420 + 9 - 364
    shape = LOG_Y[day - 3 : day + 4].mean() - LOG_Y[origin - 364 - 27 : origin - 364 + 1].mean()
    single = LOG_Y[day] - LOG_Y[day - 27 : day + 1].mean()
    np.testing.assert_allclose(got[3], [shape, single], atol=1e-12)


def test_nothing_after_the_origin_is_read():
    changed = HISTORY.y.copy()
    changed[421:] *= 3.0
    other = Ratios(type(HISTORY)(**{**vars(HISTORY), "y": changed}), 14, 30)
    for name in ("usual", "last_year"):
        before, after = (getattr(ratios, name)(ORIGIN[:4], STEP[:4]) for ratios in (RATIOS, other))
        np.testing.assert_array_equal(before, after)


def test_one_origin_is_described_as_among_all():
    every, far = np.arange(60, 460), np.full(30, 459)
    np.testing.assert_array_equal(RATIOS.recent(every)[-1:].repeat(30, 0), RATIOS.recent(far))
    ahead = np.arange(1, 31)
    assert np.isfinite(RATIOS.recent(far)).all()
    for name in ("usual", "last_year"):
        ask = getattr(RATIOS, name)
        among = ask(np.append(every, far), np.append(np.ones(len(every), dtype=int), ahead))[len(every) :]
        np.testing.assert_array_equal(among, ask(far, ahead))
