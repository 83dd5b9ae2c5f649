from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensembles.files.amounts import Amounts
from ensembles.risk.cash.backtest import CashTest
from ensembles.risk.cash.flows import Flows, flows_of_run
from ensembles.risk.cash.of_run import cash_position
from ensembles.risk.cash.position import CashPosition
from ensembles.risk.cash.terms import CashTerms
from forecasting.panel import Series
from tests.ensembles.cubes import calendar_days
from tests.ensembles.runs import small_run

LEVEL = 1e6
NET = ("in", "out")


def flows(n_windows: int, *, together: float = 0.0, seed: int = 0, n_entities: int = 1, noise: float = 0.2) -> Flows:
    """Windows of 28 days around a level, both sides' errors alike in the share `together`; each entity has its two
    series next to each other.
    """
    rng = np.random.default_rng(seed)
    shape = (n_entities, 2, n_windows, 28)
    shared, own = rng.normal(0, noise, (n_entities, 1, n_windows, 28)), rng.normal(0, noise, shape)
    y_hat = np.full(shape, LEVEL).reshape(-1, n_windows, 28)
    y = y_hat * np.exp(np.sqrt(together) * shared + np.sqrt(1 - together) * own).reshape(y_hat.shape)
    cutoffs = np.datetime64("2013-01-01") + 28 * np.arange(n_windows)
    names = [f"fund{i}" if n_entities > 1 else None for i in range(n_entities)]
    series = tuple(Series(target, name) for name in names for target in NET)
    ds = np.datetime64("2014-09-01") + np.arange(28)
    windows = calendar_days(tuple(cutoffs), 28)
    return Flows(series, cutoffs, y_hat, y, ds, np.full((2 * n_entities, 28), LEVEL), windows, 60.0)


def position(given: Flows, seed: int = 1, terms: CashTerms | None = None) -> CashPosition:
    found = cash_position(given, NET, CashTerms() if terms is None else terms, seed)
    assert found is not None
    return found


def found(rows: tuple[CashTest, ...], kind: str, level: int, scope: str = "together") -> CashTest:
    return next(r for r in rows if (r.scope, r.kind, r.level) == (scope, kind, level))


def test_limits_are_exceeded_as_often_as_they_say_when_errors_stay_as_they_were() -> None:
    rows = position(flows(24, seed=3), 1).tests
    daily = found(rows, "day", 95)
    assert daily.honest.share == pytest.approx(0.05, abs=0.025)
    assert daily.honest.low < 0.05 < daily.honest.high
    assert found(rows, "day", 99).honest.share == pytest.approx(0.01, abs=0.012)
    assert found(rows, "lowest", 95).honest.share <= 0.2


def test_sides_are_drawn_together() -> None:
    apart, alike = (position(flows(6, together=share), 1).total for share in (0.0, 1.0))
    assert alike.at_risk[99].max() < 1e-6 * LEVEL
    assert apart.at_risk[99].min() > 0.3 * LEVEL


def test_a_window_is_judged_by_earlier_windows_alone() -> None:
    calm = flows(2)
    y = calm.y.copy()
    y[1, 1] *= 5  # a run on the fund
    rows = position(replace(calm, y=y), 1).tests
    daily = found(rows, "day", 99)
    assert daily.honest.beyond > 20
    assert (daily.honest.held, daily.honest.n) == (28 - daily.honest.beyond, 28)
    assert daily.in_sample.share < 0.5
    assert found(rows, "lowest", 99).honest.beyond == 1


def test_a_few_windows_give_a_wide_interval() -> None:
    result = position(flows(3), 1)
    assert (result.n_windows, result.n_judged, result.indicative) == (3, 2, True)
    window = found(result.tests, "lowest", 95).honest
    assert window.low == 0.0
    assert window.high > 0.6
    assert not position(flows(4), 1).indicative


def test_one_window_says_nothing_of_exceedance() -> None:
    result = position(flows(1), 1)
    assert np.isnan(result.tests[0].honest.share)
    assert np.isfinite(result.total.at_risk[99]).all()


def test_a_window_level_error_moves_whole_months() -> None:
    plain = flows(6)
    shift = np.exp(0.3 * np.array([1, -1, 1, -1, 1, -1]))[:, None]
    y = plain.y.copy()
    y[1] *= shift
    shifted = position(replace(plain, y=y), 1).total
    assert shifted.limits[0].buffers[95][-1] > 3 * position(plain).total.limits[0].buffers[95][-1]


def test_the_same_seed_gives_the_same_and_an_entity_changes_no_other() -> None:
    many = flows(4, n_entities=3)
    fewer = replace(many, series=many.series[:4], y_hat=many.y_hat[:4], y=many.y[:4], ahead=many.ahead[:4])
    first, again, less = position(many), position(many), position(fewer)
    np.testing.assert_array_equal(first.total.at_risk[99], again.total.at_risk[99])
    np.testing.assert_array_equal(first.accounts[0].at_risk[99], less.accounts[0].at_risk[99])
    assert (position(many, 2).total.at_risk[99] != first.total.at_risk[99]).any()


def test_days_without_flow_are_no_error() -> None:
    quiet = flows(3)
    quiet.y[0, 0, :5] = 0
    quiet.y_hat[0, 0, 2] = 0
    assert np.isfinite(position(quiet, 1).total.at_risk[99]).all()


def net_flows(n_windows: int, *, seed: int = 0) -> Flows:
    """Inflows of either sign around a level of nought point two, with errors of size 1 in units of `LEVEL`."""
    plain, rng = flows(n_windows), np.random.default_rng(seed)
    y_hat, y, ahead = plain.y_hat.copy(), plain.y.copy(), plain.ahead.copy()
    y_hat[0], ahead[0] = 0.2 * LEVEL, 0.2 * LEVEL
    y[0] = y_hat[0] + LEVEL * rng.normal(size=y_hat[0].shape)
    y[1] = y_hat[1]  # what goes out is known
    return replace(plain, y_hat=y_hat, y=y, ahead=ahead)


def test_errors_of_amounts_of_either_sign_are_added() -> None:
    total = position(net_flows(12), 1).total
    quantiles = total.flows["net_flow"].quantiles
    for p, z, off in ((0.1, -1.282, 0.3), (0.5, 0.0, 0.25), (0.9, 1.282, 0.3), (0.975, 1.96, 0.5)):
        assert quantiles[p].mean() == pytest.approx((z - 0.8) * LEVEL, abs=off * LEVEL)
    rows = position(net_flows(24), 1).tests
    assert found(rows, "day", 95).honest.share == pytest.approx(0.05, abs=0.03)


def test_a_day_on_which_an_account_is_not_active_has_no_errors() -> None:
    net = net_flows(6)
    y_hat, y, ahead = net.y_hat.copy(), net.y.copy(), net.ahead.copy()
    for values in (y_hat, y):
        values[0, :, 5::7] = 0.0
    ahead[0, 5::7] = 0.0
    total = position(replace(net, y_hat=y_hat, y=y, ahead=ahead), 1).total
    np.testing.assert_allclose(total.at_risk[99][5::7], LEVEL)
    assert (np.delete(total.at_risk[99], np.s_[5::7]) > 2 * LEVEL).all()


@pytest.mark.parametrize("make", [flows, net_flows])
@pytest.mark.parametrize("power", [-9, 9])
def test_the_unit_of_the_flows_scales_the_buffers(make, power: int) -> None:  # type: ignore[no-untyped-def]
    plain, unit = make(4), 10.0**power
    scaled = replace(plain, y_hat=plain.y_hat * unit, y=plain.y * unit, ahead=plain.ahead * unit)
    one, two = (position(each, 1) for each in (plain, scaled))
    np.testing.assert_allclose(two.total.at_risk[99] / unit, one.total.at_risk[99], rtol=1e-9)
    assert [r.honest.beyond for r in two.tests] == [r.honest.beyond for r in one.tests]


@pytest.mark.parametrize("make", [flows, net_flows])
def test_unknown_days_are_not_judged_and_narrow_nothing(make) -> None:  # type: ignore[no-untyped-def]
    whole = make(12, seed=5)
    y = whole.y.copy()
    y[0, :, ::2] = np.nan  # one side of every other day
    y[:, 3, 0] = np.nan
    gaps, plain = position(replace(whole, y=y), 1), position(whole, 1)
    daily = found(gaps.tests, "day", 95)
    assert daily.honest.n == 11 * 14
    assert daily.honest.share == pytest.approx(0.05, abs=0.05)
    assert found(gaps.tests, "sum", 95).honest.n == 11 * 27  # the first day of each window is unknown
    wide, usual = (r.total.at_risk[99].mean() + r.total.flows["net_flow"].quantiles[0.5].mean() for r in (gaps, plain))
    assert wide == pytest.approx(usual, rel=0.2)


def test_flows_are_read_from_the_stored_tables() -> None:
    data = small_run(n_series=2)
    read = flows_of_run(data.oof, data.forecast, Amounts.of("yuebao", "fen"))
    assert read is not None
    pairs = read.pairs(("purchase", "redeem"))
    assert list(pairs) == ["fund0", "fund1"]
    assert [read.series[row].target for row in pairs["fund1"]] == ["purchase", "redeem"]
    frame = data.oof.to_arrow().to_pandas()
    rows = frame[(frame.member == "blend") & (frame.unique_id == "fund1/redeem")].sort_values("ds")
    np.testing.assert_allclose(read.y[pairs["fund1"][1]].ravel(), rows.y)
    np.testing.assert_array_equal(read.ahead, np.rint(read.ahead))
    assert read.pairs(("purchase", "other")) == {}
    assert cash_position(read, ("purchase", "other"), CashTerms(), 1) is None


def test_points_are_exact_sums_at_every_level() -> None:
    many = flows(4, n_entities=5)
    cents = np.random.default_rng(1).integers(0, 10**9, many.ahead.shape) / 100
    result = position(replace(many, ahead=cents))
    for side in ("inflow", "outflow", "net_flow"):
        leaves = sum(np.rint(100 * account.flows[side].point).astype(int) for account in result.accounts)
        np.testing.assert_array_equal(np.rint(100 * result.total.flows[side].point), leaves)
        for totals in result.total.totals.values():
            sums = [leaves[span.days].sum() for span in totals.spans]
            np.testing.assert_array_equal(np.rint(100 * totals.flows[side].point), sums)
    np.testing.assert_allclose(result.total.balance.point, result.total.flows["net_flow"].point.cumsum())


def test_a_balance_moves_the_bands_and_changes_no_width() -> None:
    plain, opened = position(flows(4)).total, position(flows(4), terms=CashTerms({"": 7 * LEVEL})).total
    assert (plain.opening, opened.opening) == (None, 7 * LEVEL)
    for p, values in plain.balance.quantiles.items():
        np.testing.assert_allclose(opened.balance.quantiles[p], values + 7 * LEVEL)


def test_chances_fall_with_the_balance_and_a_buffer_keeps_what_it_promises() -> None:
    terms = CashTerms.of({"": 2 * LEVEL}, {"minimum": LEVEL, "overdraft": LEVEL}, (80, 95))
    account = position(flows(4), terms=terms).total
    minimum, overdraft = account.limits
    assert account.strictest is minimum
    assert [risk.limit.amount for risk in account.limits] == [LEVEL, -LEVEL]
    for risk in account.limits:
        assert (np.diff(risk.so_far) >= 0).all()
        assert (risk.so_far >= risk.chance).all()
        assert (risk.buffers[99] >= risk.buffers[95]).all()
    assert (minimum.so_far >= overdraft.so_far).all()
    first = minimum.first_tight
    assert first is not None
    assert minimum.so_far[first] > 0.05 >= minimum.so_far[first - 1]
    assert (minimum.buffers[95] > 0).argmax() == first
    for level, chance in ((95, 0.05), (99, 0.01)):
        richer = replace(terms, openings={"": 2 * LEVEL + float(minimum.buffers[level][-1])})
        kept = position(flows(4), terms=richer).total.limits[0]
        assert kept.so_far[-1] <= chance
        poorer = replace(terms, openings={"": 2 * LEVEL + 0.95 * float(minimum.buffers[level][-1])})
        assert position(flows(4), terms=poorer).total.limits[0].so_far[-1] > chance


def test_balances_of_all_accounts_make_that_of_all_together() -> None:
    openings = {f"fund{i}": float(i) * LEVEL for i in range(3)}
    result = position(flows(4, n_entities=3), terms=CashTerms(openings))
    assert result.total.opening == 3 * LEVEL
    assert [account.opening for account in result.accounts] == [0.0, LEVEL, 2 * LEVEL]
    some = position(flows(4, n_entities=3), terms=CashTerms({"fund1": 5.0}))
    assert some.total.opening is None


def test_bands_of_sums_hold_what_they_say_in_the_backtest() -> None:
    rows = position(flows(24, seed=4)).tests
    for kind in ("band of a day", "band of the balance", "band of a week", "band of a month"):
        assert found(rows, kind, 80).honest.share == pytest.approx(0.2, abs=0.1)
        assert found(rows, kind, 95).honest.share == pytest.approx(0.05, abs=0.06)
