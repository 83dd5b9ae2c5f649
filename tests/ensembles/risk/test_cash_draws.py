from __future__ import annotations

import resource
import time
from dataclasses import replace

import numpy as np
import pytest

from ensembles.risk.cash.draws import Draws, JointDraws, errors_of, joint_draws, quantiles
from ensembles.risk.cash.of_run import cash_position
from ensembles.risk.cash.spans import spans_of
from ensembles.risk.cash.terms import CashTerms
from forecasting.schema import as_dates
from tests.ensembles.risk.test_cash import NET, flows, net_flows

DAYS = as_dates([f"2024-07-{day:02d}" for day in range(1, 29)])


def joint(n_entities: int = 3, n_draws: int = 500, seed: int = 1) -> JointDraws:
    return joint_draws(flows(5, n_entities=n_entities, together=0.5), seed, n_draws)


def test_draws_of_a_sum_are_the_sum_of_draws() -> None:
    draws = joint()
    each = [draws.series(row).values for row in range(6)]
    np.testing.assert_allclose(draws.total(range(6)).values, np.sum(each, axis=0))
    np.testing.assert_allclose(draws.total({0: 1.0, 1: -1.0}).values, each[0] - each[1])
    groups = {"a": [0, 2], "b": [4], "all": range(6)}
    found = dict(draws.totals(groups))
    np.testing.assert_allclose(found["all"].values - found["a"].values - found["b"].values, np.sum(each[1::2], axis=0))


def test_sums_over_time_are_sums_of_draws() -> None:
    net = joint().total({0: 1.0, 1: -1.0})
    weeks = [span.days for span in spans_of(DAYS, "week")]
    np.testing.assert_allclose(net.over(weeks).values.sum(axis=0), net.values.sum(axis=0))
    np.testing.assert_allclose(net.running(5.0).values, 5.0 + net.values.cumsum(axis=0))
    np.testing.assert_array_equal(net.lowest().values, np.minimum.accumulate(net.values, axis=0))


def test_draws_depend_on_the_seed_and_on_no_other_series() -> None:
    many, again, other = joint(3), joint(3), joint(3, seed=2)
    np.testing.assert_array_equal(many.series(1).values, again.series(1).values)
    assert (many.series(1).values != other.series(1).values).any()
    given = flows(5, n_entities=3, together=0.5)
    some = slice(2, 4)
    fewer = replace(given, series=given.series[some], y_hat=given.y_hat[some], y=given.y[some], ahead=given.ahead[some])
    alone = joint_draws(fewer, 1, 500)
    np.testing.assert_allclose(alone.series(0).values, many.series(2).values, rtol=1e-12)


def test_quantiles_rise_and_chances_agree_with_them() -> None:
    net = joint(n_draws=2000).total({0: 1.0, 1: -1.0})
    found = net.quantiles((0.9, 0.1, 0.5, 0.025, 0.975))
    assert list(found) == [0.025, 0.1, 0.5, 0.9, 0.975]
    assert (np.diff(np.stack(list(found.values())), axis=0) >= 0).all()
    assert net.chance_below(float(found[0.1][3]))[3] == pytest.approx(0.1, abs=0.001)
    assert (net.values < net.reached([0.05])[0][:, None]).mean(axis=1).max() <= 0.05
    np.testing.assert_allclose(net.place(found[0.5]), 0.5, atol=0.001)


def test_a_place_counts_equal_draws_by_half() -> None:
    np.testing.assert_array_equal(Draws(np.zeros((1, 10))).place(np.zeros(1)), [0.5])


@pytest.mark.parametrize("make", [flows, net_flows])
def test_the_sum_of_all_days_has_the_error_of_a_window_alone(make) -> None:  # type: ignore[no-untyped-def]
    """Days are scaled to their window, so its sum varies as past windows' sums did, not as sums of loose days."""
    given = replace(make(40, seed=2), half_life=1e5)
    model, draws = errors_of(given), joint_draws(given, 1, 4000)
    whole = draws.series(0).over([slice(0, 28)]).values[0]
    levels = draws.scenarios.shares @ model.levels[:, 0]
    expected = given.ahead[0].sum() * np.exp(levels) if make is flows else given.ahead[0].sum() + 28 * levels
    np.testing.assert_allclose(whole, expected)
    past = given.y[0].sum(axis=1) - given.y_hat[0].sum(axis=1)
    assert whole.std() == pytest.approx(past.std(), rel=0.35)


def test_what_is_known_comes_besides_and_has_no_error() -> None:
    given = flows(5)
    known = np.zeros_like(given.ahead)
    known[1, 3] = 5e6
    plain, planned = joint_draws(given, 1), joint_draws(replace(given, ahead=given.ahead + known, known=known), 1)
    np.testing.assert_allclose(planned.series(1).values, plain.series(1).values + known[1][:, None])
    np.testing.assert_array_equal(planned.series(0).values, plain.series(0).values)


def test_fewer_days_than_a_window_keep_the_errors_of_days() -> None:
    given = flows(20)
    week = JointDraws.of(errors_of(given), given.ahead[:, :7], 1)
    assert np.log(week.series(0).values).std() == pytest.approx(0.2, rel=0.15)


def test_weeks_run_from_monday_to_sunday_and_months_by_the_calendar() -> None:
    ds = np.arange(np.datetime64("2024-06-27"), np.datetime64("2024-07-10"))
    weeks, months = spans_of(ds, "week"), spans_of(ds, "month")
    assert [(str(s.start), str(s.end)) for s in weeks] == [
        ("2024-06-27", "2024-06-30"),
        ("2024-07-01", "2024-07-07"),
        ("2024-07-08", "2024-07-09"),
    ]
    assert [(s.days.start, s.days.stop) for s in months] == [(0, 4), (4, 13)]
    assert spans_of(ds[::7], "week") == ()
    assert spans_of(ds[:0], "month") == ()


def test_quantiles_are_those_of_numpy() -> None:
    values = np.random.default_rng(0).standard_t(2, (5, 1999))
    for n in (1, 2, 1999):
        for shares in (np.array([0.05, 0.5, 0.95, 0.99]), np.array([0.0, 1.0])):
            expected = np.quantile(values[:, :n], shares, axis=1)
            np.testing.assert_array_equal(quantiles(values[:, :n], shares), expected)


@pytest.mark.slow
def test_a_thousand_series_of_56_days_take_seconds_and_little_memory() -> None:
    """1,000 series, 56 days and 4,000 draws would fill 1.8 GB if they were held together."""
    one = flows(4, n_entities=500)
    two = [np.concatenate([values, values], axis=-1) for values in (one.y_hat, one.y, one.ahead)]
    windows = one.windows[:, :1] + np.arange(56) + 28 * np.arange(4)[:, None]
    ds = windows[-1] + 56
    large = replace(one, y_hat=two[0], y=two[1], ahead=two[2], windows=windows, ds=ds, cutoffs=windows[:, 0] - 1)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    found = cash_position(large, NET, CashTerms(), 1)
    assert found is not None
    assert len(found.accounts) == 500
    assert time.process_time() - started < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # KiB
