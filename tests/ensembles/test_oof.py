from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.oof import MemberInfo, average, average_families, average_seeds, known_before, member_shares
from forecasting.schema import as_dates
from tests.ensembles.cubes import day_cutoffs, members_of, month_cutoffs, one_day, random_cube


def test_members_stand_in_the_order_of_their_ids_whatever_order_they_came_in() -> None:
    cube = random_cube("in", "a:x3 b:y2", month_cutoffs(2), 5, seed=1)
    order = [3, 0, 4, 2, 1]
    shuffled = replace(cube, members=tuple(cube.members[i] for i in order), y_hat=cube.y_hat[..., order])
    assert shuffled.members == cube.members
    np.testing.assert_array_equal(shuffled.y_hat, cube.y_hat)


def test_averages_go_over_seeds_then_settings() -> None:
    members = members_of("a:x3 a:y1 b:z1")
    y_hat = np.array([[[[1.0, 2.0, 6.0, 5.0, 7.0]]]])
    cube = one_day(members, y_hat)
    settings, families = average_seeds(cube), average_families(cube)
    assert [(m.family, m.setting) for m in settings.members] == [("a", "x"), ("a", "y"), ("b", "z")]
    np.testing.assert_allclose(settings.y_hat.ravel(), [3.0, 5.0, 7.0])
    assert [m.family for m in families.members] == ["a", "b"]
    np.testing.assert_allclose(families.y_hat.ravel(), [4.0, 7.0])
    np.testing.assert_allclose(average_families(settings).y_hat, families.y_hat)


def test_unit_order_agrees_between_cube_and_average_for_awkward_names() -> None:
    names = [("a", "z"), ("a-b", "a"), ("a", "b"), ("A", "é"), ("a.b", "0")]
    members = tuple(MemberInfo(f"id{i}", f"{f}{s}", f, s) for i, (f, s) in enumerate(names))
    y_hat = np.arange(5.0).reshape(1, 1, 1, 5)
    cube = one_day(members, y_hat)
    plain, units = average(cube.y_hat, cube.members, "settings")
    assert units == average_seeds(cube).members
    np.testing.assert_array_equal(plain, average_seeds(cube).y_hat)


def test_shares_reproduce_the_averages() -> None:
    cube = random_cube("in", "a:x3 a:y2 b:z1 c:w4", month_cutoffs(2), 5, seed=2)
    for level, averaged in (("settings", average_seeds(cube)), ("families", average_families(cube))):
        shares = member_shares(cube.members, level)  # type: ignore[arg-type]
        np.testing.assert_allclose(cube.y_hat @ shares, averaged.y_hat)
        np.testing.assert_allclose(shares.sum(axis=0), 1.0)


def test_months_are_known_at_the_next_cutoff_and_overlapping_windows_are_not() -> None:
    monthly = known_before(month_cutoffs(4), as_dates(month_cutoffs(4)) + np.array([31, 30, 31, 30]))
    assert [list(p) for p in monthly] == [[], [0], [0, 1], [0, 1, 2]]
    daily = known_before(day_cutoffs(5, step=3), as_dates(day_cutoffs(5, step=3)) + 7)
    assert [list(p) for p in daily] == [[], [], [], [0], [0, 1]]


def test_a_window_of_work_days_is_known_on_its_last_date() -> None:
    cutoffs = tuple(np.datetime64(day) for day in ("2024-03-28", "2024-04-04", "2024-04-09"))  # Easter between
    days = (
        ("2024-04-02", "2024-04-03", "2024-04-04", "2024-04-05"),
        ("2024-04-05", "2024-04-08", "2024-04-09", "NaT"),
        ("2024-04-10", "2024-04-11", "2024-04-12", "NaT"),
    )
    cube = replace(random_cube("in", "a:x1", cutoffs, 4, seed=4), ds=as_dates(days))
    assert list(cube.horizons) == [4, 3, 3]
    np.testing.assert_array_equal(cube.ends, as_dates(("2024-04-05", "2024-04-09", "2024-04-12")))
    assert [list(past) for past in known_before(cube.cutoffs, cube.ends)] == [[], [], [0, 1]]


def test_horizons_leave_out_the_padding() -> None:
    cube = random_cube("in", "a:x1 b:y1", month_cutoffs(2), 31, seed=3, n_series=2)
    y_hat, y = cube.y_hat.copy(), cube.y.copy()
    y_hat[:, 1, 30:], y[:, 1, 30:] = np.nan, np.nan
    y[0, 0, 30] = np.nan  # an unknown actual value shortens nothing
    ds = cube.ds.copy()
    ds[1, 30] = np.datetime64("NaT")
    assert list(replace(cube, y_hat=y_hat, y=y, ds=ds).horizons) == [31, 30]


def test_a_gap_in_a_member_and_a_repeated_member_are_refused() -> None:
    cube = random_cube("in", "a:x1 b:y1", month_cutoffs(2), 3, seed=3)
    y_hat = cube.y_hat.copy()
    y_hat[0, 1, 2, 0] = np.nan
    with pytest.raises(ValueError, match="lacks a forecast"):
        replace(cube, y_hat=y_hat)
    with pytest.raises(ValueError, match="twice"):
        replace(cube, members=(cube.members[0],) * 2)
    with pytest.raises(ValueError, match="do not fit"):
        replace(cube, y=cube.y[:, :1])
    with pytest.raises(ValueError, match=r"ds .* does not fit"):
        replace(cube, ds=cube.ds[:, :2])
    with pytest.raises(ValueError, match="no actual value"):
        replace(cube, y=np.where(np.arange(2)[None, :, None] == 1, np.nan, cube.y))
