from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.risk.liquidity.error_model import quantiles
from ensembles.risk.liquidity.exceedance import Exceedance
from ensembles.risk.liquidity.flows import Flows, flows_of_run
from ensembles.risk.liquidity.net_outflow import liquidity_at_risk
from tests.ensembles.cubes import calendar_days
from tests.ensembles.runs import small_run

LEVEL = 1e6


def flows(n_windows: int, *, together: float = 0.0, seed: int = 0, n_entities: int = 1, noise: float = 0.2) -> Flows:
    """Windows of 28 days around a level, both sides' errors alike in the share `together`."""
    rng = np.random.default_rng(seed)
    shape = (2, n_entities, n_windows, 28)
    shared, own = rng.normal(0, noise, shape[1:]), rng.normal(0, noise, shape)
    y_hat = np.full(shape, LEVEL)
    y = y_hat * np.exp(np.sqrt(together) * shared + np.sqrt(1 - together) * own)
    cutoffs = np.datetime64("2013-01-01") + 28 * np.arange(n_windows)
    names = tuple(f"fund{i}" for i in range(n_entities)) if n_entities > 1 else ("",)
    ds = np.datetime64("2014-09-01") + np.arange(28)
    return Flows(
        names, cutoffs, y_hat, y, ds, np.full((2, n_entities, 28), LEVEL), calendar_days(tuple(cutoffs), 28), 60.0
    )


def found(rows: tuple[Exceedance, ...], kind: str, level: int, scope: str = "together") -> Exceedance:
    return next(r for r in rows if (r.scope, r.kind, r.level) == (scope, kind, level))


def test_limits_are_exceeded_as_often_as_they_say_when_errors_stay_as_they_were() -> None:
    rows = liquidity_at_risk(flows(24, seed=3), 1).exceedances
    daily = found(rows, "day", 95)
    assert daily.honest.share == pytest.approx(0.05, abs=0.025)
    assert daily.honest.low < 0.05 < daily.honest.high
    assert found(rows, "day", 99).honest.share == pytest.approx(0.01, abs=0.012)
    assert found(rows, "window", 95).honest.share <= 0.2


def test_sides_are_drawn_together() -> None:
    apart, alike = (liquidity_at_risk(flows(6, together=share), 1).total for share in (0.0, 1.0))
    assert alike.daily[99].max() < 1e-6 * LEVEL
    assert apart.daily[99].min() > 0.3 * LEVEL


def test_a_window_is_judged_by_earlier_windows_alone() -> None:
    calm = flows(2)
    y = calm.y.copy()
    y[1, :, 1] *= 5  # a run on the fund
    rows = liquidity_at_risk(replace(calm, y=y), 1).exceedances
    daily = found(rows, "day", 99)
    assert daily.honest.beyond > 20
    assert (daily.honest.held, daily.honest.n) == (28 - daily.honest.beyond, 28)
    assert daily.in_sample.share < 0.5
    assert found(rows, "window", 99).honest.beyond == 1


def test_a_few_windows_give_a_wide_interval() -> None:
    result = liquidity_at_risk(flows(3), 1)
    assert (result.n_windows, result.n_judged, result.indicative) == (3, 2, True)
    window = found(result.exceedances, "window", 95).honest
    assert window.low == 0.0
    assert window.high > 0.6
    assert not liquidity_at_risk(flows(4), 1).indicative


def test_one_window_says_nothing_of_exceedance() -> None:
    result = liquidity_at_risk(flows(1), 1)
    assert np.isnan(result.exceedances[0].honest.share)
    assert np.isfinite(result.total.daily[99]).all()


def test_a_window_level_error_moves_whole_months() -> None:
    plain = flows(6)
    shift = np.exp(0.3 * np.array([1, -1, 1, -1, 1, -1]))[:, None]
    y = plain.y.copy()
    y[1] *= shift
    shifted = liquidity_at_risk(replace(plain, y=y), 1).total
    assert shifted.peak[95] > 3 * liquidity_at_risk(plain, 1).total.peak[95]


def test_the_same_seed_gives_the_same_and_an_entity_changes_no_other() -> None:
    many = flows(4, n_entities=3)
    fewer = replace(many, entities=many.entities[:2], y_hat=many.y_hat[:, :2], y=many.y[:, :2], ahead=many.ahead[:, :2])
    first, again, less = liquidity_at_risk(many, 1), liquidity_at_risk(many, 1), liquidity_at_risk(fewer, 1)
    np.testing.assert_array_equal(first.total.daily[99], again.total.daily[99])
    np.testing.assert_allclose(first.entities[0].daily[99], less.entities[0].daily[99])
    assert (liquidity_at_risk(many, 2).total.daily[99] != first.total.daily[99]).any()


def test_days_without_flow_are_no_error() -> None:
    quiet = flows(3)
    quiet.y[0, 0, 0, :5] = 0
    quiet.y_hat[0, 0, 0, 2] = 0
    assert np.isfinite(liquidity_at_risk(quiet, 1).total.daily[99]).all()


def net_flows(n_windows: int, seed: int = 0) -> Flows:
    """Inflows of either sign around a level of nought point two, with errors of size 1 in units of `LEVEL`."""
    plain, rng = flows(n_windows), np.random.default_rng(seed)
    y_hat, y, ahead = plain.y_hat.copy(), plain.y.copy(), plain.ahead.copy()
    y_hat[0], ahead[0] = 0.2 * LEVEL, 0.2 * LEVEL
    y[0] = y_hat[0] + LEVEL * rng.normal(size=y_hat[0].shape)
    y[1] = y_hat[1]  # what goes out is known
    return replace(plain, y_hat=y_hat, y=y, ahead=ahead)


def test_errors_of_amounts_of_either_sign_are_added() -> None:
    total = liquidity_at_risk(net_flows(12), 1).total
    expected = 0.8 * LEVEL + np.array([-1.645, 0.0, 1.645, 2.326]) * LEVEL
    for value, level, off in zip(expected, (5, 50, 95, 99), (0.3, 0.25, 0.3, 0.7), strict=True):
        assert total.daily[level].mean() == pytest.approx(value, abs=off * LEVEL)
    rows = liquidity_at_risk(net_flows(24), 1).exceedances
    assert found(rows, "day", 95).honest.share == pytest.approx(0.05, abs=0.03)


def test_a_day_on_which_an_account_is_not_active_has_no_errors() -> None:
    net = net_flows(6)
    y_hat, y, ahead = net.y_hat.copy(), net.y.copy(), net.ahead.copy()
    for values in (y_hat, y):
        values[0, ..., 5::7] = 0.0
    ahead[0, ..., 5::7] = 0.0
    total = liquidity_at_risk(replace(net, y_hat=y_hat, y=y, ahead=ahead), 1).total
    np.testing.assert_allclose(total.daily[99][5::7], LEVEL)
    assert (np.delete(total.daily[99], np.s_[5::7]) > 2 * LEVEL).all()


@pytest.mark.parametrize("make", [flows, net_flows])
@pytest.mark.parametrize("power", [-9, 9])
def test_the_unit_of_the_flows_scales_the_buffers(make, power: int) -> None:  # type: ignore[no-untyped-def]
    plain, unit = make(4), 10.0**power
    scaled = replace(plain, y_hat=plain.y_hat * unit, y=plain.y * unit, ahead=plain.ahead * unit)
    one, two = (liquidity_at_risk(each, 1) for each in (plain, scaled))
    np.testing.assert_allclose(two.total.daily[99] / unit, one.total.daily[99], rtol=1e-9)
    assert [r.honest.beyond for r in two.exceedances] == [r.honest.beyond for r in one.exceedances]


@pytest.mark.parametrize("make", [flows, net_flows])
def test_unknown_days_are_not_judged_and_narrow_nothing(make) -> None:  # type: ignore[no-untyped-def]
    whole = make(12, seed=5)
    y = whole.y.copy()
    y[0, :, :, ::2] = np.nan  # one side of every other day
    y[:, :, 3, 0] = np.nan
    gaps, plain = liquidity_at_risk(replace(whole, y=y), 1), liquidity_at_risk(whole, 1)
    daily = found(gaps.exceedances, "day", 95)
    assert daily.honest.n == 11 * 14
    assert daily.honest.share == pytest.approx(0.05, abs=0.05)
    assert found(gaps.exceedances, "sum", 95).honest.n == 11 * 27  # the first day of each window is unknown
    wide, usual = (r.total.daily[99].mean() - r.total.daily[50].mean() for r in (gaps, plain))
    assert wide == pytest.approx(usual, rel=0.2)


def test_flows_are_read_from_the_stored_tables() -> None:
    data = small_run(n_series=2)
    read = flows_of_run(data.oof, data.forecast, ("purchase", "redeem"))
    assert read is not None
    assert read.entities == ("fund0", "fund1")
    frame = data.oof.to_arrow().to_pandas()
    rows = frame[(frame.member == "blend") & (frame.unique_id == "fund1/redeem")].sort_values("ds")
    np.testing.assert_allclose(read.y[1, 1].ravel(), rows.y)
    assert flows_of_run(data.oof, data.forecast, ("purchase", "other")) is None


def test_quantiles_are_those_of_numpy() -> None:
    values = np.random.default_rng(0).standard_t(2, (1999, 5))
    for n in (1, 2, 1999):
        for shares in (np.array([0.05, 0.5, 0.95, 0.99]), np.array([0.0, 1.0])):
            expected = np.quantile(values[:n], shares, axis=0)
            np.testing.assert_array_equal(quantiles(values[:n], shares), expected)
