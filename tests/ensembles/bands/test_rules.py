from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from ensembles.bands.fit import fit_bands, fit_rules, prequential_bands
from ensembles.bands.rules import BandRule, Bands, BandSpec, coverage
from forecasting.schema import DateArray, FloatArray
from tests.ensembles.cubes import calendar_days, day_cutoffs

SPEC = BandSpec()
LEVELS = SPEC.levels


def dates(y: FloatArray, step: int | None = None) -> DateArray:
    """Of windows that follow each other, or begin `step` days apart."""
    return calendar_days(day_cutoffs(y.shape[1], step or y.shape[2]), y.shape[2])


def fitted(y_hat: FloatArray, y: FloatArray, step: int | None = None, spec: BandSpec = SPEC) -> BandRule:
    return fit_bands(y_hat, y, dates(y, step), spec)


def before_of(n: int) -> list[np.ndarray]:
    return [np.arange(k) for k in range(n)]


def errors_of(
    rng: np.random.Generator, shape: tuple[int, ...], size: FloatArray | float = 0.1
) -> tuple[FloatArray, FloatArray]:
    y_hat = rng.uniform(500, 1500, shape)
    return y_hat, y_hat * np.exp(size * rng.normal(size=shape))


def seeded(shape: tuple[int, ...], seed: int) -> tuple[FloatArray, FloatArray]:
    return errors_of(np.random.default_rng(seed), shape)


def share_inside(make: Callable[[int], tuple[FloatArray, FloatArray]], n: int = 60) -> dict[int, float]:
    """Of days of the last window, with the rule of those before."""
    inside: dict[int, list[float]] = {level: [] for level in LEVELS}
    for seed in range(n):
        y_hat, y = make(seed)
        bands = fitted(y_hat[:, :-1], y[:, :-1]).apply(y_hat[:, -1])
        for level in LEVELS:
            held = (y[:, -1] >= bands.low[level]) & (y[:, -1] <= bands.high[level])
            inside[level].append(float(held.mean()))
    return {level: float(np.mean(shares)) for level, shares in inside.items()}


def test_single_days_have_about_the_conformal_quantile() -> None:
    ratios = np.exp(np.linspace(0.01, 0.20, 20))[None, :, None]
    spec = BandSpec(half_life=1e9)
    rule = fitted(np.full((1, 20, 1), 100.0), 100.0 * ratios[:, np.random.default_rng(1).permutation(20)], spec=spec)
    sizes = np.log(ratios).ravel() / rule.own[0]
    # The 17th of 20: (20 + 1) * 0.8, rounded up. Each is measured by the others, so not exactly.
    assert rule.quantiles[80] == pytest.approx(sizes[16], rel=0.05)
    assert rule.quantiles[95] == pytest.approx(sizes[19], rel=0.05)


def test_few_days_of_many_series_that_differ_hold_their_level() -> None:
    sizes = np.tile([0.05, 0.1, 0.2, 0.4, 0.8], 8)[:, None, None]
    held = share_inside(lambda seed: errors_of(np.random.default_rng(seed), (40, 6, 1), sizes), 80)
    for level in LEVELS:
        assert held[level] == pytest.approx(level / 100, abs=0.03)


def test_bands_hold_their_levels_on_single_days_and_on_months_without_window_effects() -> None:
    for shape in ((2, 101, 1), (1, 5, 30)):
        held = share_inside(partial(seeded, shape), 150)
        for level in LEVELS:
            assert held[level] == pytest.approx(level / 100, abs=0.045)


def test_a_window_effect_widens_bands_and_the_more_so_the_fewer_windows() -> None:
    def of(n_windows: int, seed: int) -> tuple[FloatArray, FloatArray]:
        rng = np.random.default_rng(seed)
        y_hat, y = errors_of(rng, (1, n_windows, 30))
        return y_hat, y * np.exp(0.1 * rng.normal(size=(1, n_windows, 1)))

    few, many = (share_inside(partial(of, n), 100) for n in (3, 13))
    assert few[80] >= 0.75
    assert many[80] == pytest.approx(0.8, abs=0.06)
    assert few[95] >= 0.9


def test_one_window_and_a_level_beyond_the_days_there_are_have_no_band() -> None:
    rng = np.random.default_rng(3)
    one = fitted(*errors_of(rng, (1, 1, 30)))
    assert np.isnan(list(one.quantiles.values())).all()
    assert np.isfinite(one.own).all()
    days = fitted(*errors_of(rng, (1, 10, 1)))
    assert np.isfinite(days.quantiles[80])
    assert np.isnan(days.quantiles[95])  # ten days cannot show one in twenty
    bands = days.apply(np.array([[10.0]]))
    assert np.isnan([bands.low[95], bands.high[95]]).all()
    assert bands.median == 10.0
    assert np.isfinite(fitted(*errors_of(rng, (3, 10, 1))).quantiles[95])  # thirty can


def test_bands_widen_with_the_step_where_errors_do_and_never_narrow() -> None:
    rng = np.random.default_rng(3)
    rising, falling = 0.02 + 0.2 * np.arange(30) / 29, 0.22 - 0.2 * np.arange(30) / 29
    steep = fitted(*errors_of(rng, (1, 12, 30), rising))
    assert steep.scale(30)[0, -1] > 2.0 * steep.scale(30)[0, 0]
    assert (np.diff(steep.scale(33)[0]) > 0).all()  # and goes on beyond the days seen
    assert fitted(*errors_of(rng, (1, 12, 30), falling)).slope == 0.0


def test_a_series_has_its_own_size_as_evidence_comes_in() -> None:
    size = np.array([0.05, 0.1, 0.2, 0.4, 0.8])[:, None, None]
    few, many = (fitted(*errors_of(np.random.default_rng(4), (5, n, 1), size)).own for n in (5, 200))
    wanted = size.ravel() * np.sqrt(2 / np.pi)
    np.testing.assert_allclose(many, wanted, rtol=0.2)
    assert np.ptp(np.log(few)) < np.ptp(np.log(wanted)) + 1.0
    alike = fitted(*errors_of(np.random.default_rng(5), (5, 3, 1))).own
    assert np.ptp(np.log(alike)) < 0.5  # three days tell little, and are held toward the others


@pytest.mark.parametrize(("freq", "half_life"), [("D", 60), ("B", 58.8), ("W", 182)])
def test_memory_is_counted_in_periods(freq: str, half_life: float) -> None:
    spec = BandSpec.of((95, 80), freq)
    assert spec.levels == (80, 95)
    assert spec.half_life == pytest.approx(half_life)


def test_recent_days_weigh_more_and_an_old_window_is_not_forgotten_at_once() -> None:
    size = np.repeat([0.4, 0.1], 100)[None, :, None]
    y_hat, y = errors_of(np.random.default_rng(5), (1, 200, 1), size)
    calmed, stormy = fitted(y_hat, y), fitted(y_hat[:, ::-1], y[:, ::-1])
    assert calmed.quantiles[80] * calmed.own[0] < 0.7 * stormy.quantiles[80] * stormy.own[0]
    whole = fitted(y_hat[:, :100], y[:, :100]).own[0]
    assert calmed.own[0] > 0.3 * whole


def test_bands_of_a_window_come_from_two_windows_before_it() -> None:
    rng = np.random.default_rng(6)
    y_hat, y = errors_of(rng, (2, 4, 10))
    y[0, 1, 3], y[1, 2] = 0.0, np.nan
    (bands,) = prequential_bands({"a": y_hat}, {"a": y}, dates(y), before_of(4), SPEC).values()
    np.testing.assert_array_equal(bands.median, y_hat)
    for level in LEVELS:
        assert np.isnan(bands.low[level][:, :2]).all()
        assert (bands.low[level][:, 2:] < y_hat[:, 2:]).all()
        assert (bands.high[level][:, 2:] > y_hat[:, 2:]).all()
    assert list(bands.quantiles) == [0.025, 0.1, 0.5, 0.9, 0.975]
    ends = np.stack([values[:, 2:] for values in bands.quantiles.values()])
    assert (np.diff(ends, axis=0) > 0).all()
    later = y.copy()
    later[:, 2:] *= 5.0
    (changed,) = prequential_bands({"a": y_hat}, {"a": later}, dates(y), before_of(4), SPEC).values()
    np.testing.assert_array_equal(changed.high[80][:, :3], bands.high[80][:, :3])


def test_targets_are_pooled() -> None:
    rng = np.random.default_rng(7)
    (one_hat, one), (two_hat, two) = (errors_of(rng, (n, 6, 1)) for n in (1, 3))
    ds = dates(one)
    rules = fit_rules({"a": one_hat, "b": two_hat}, {"a": one, "b": two}, ds, SPEC)
    both = fit_bands(np.concatenate([one_hat, two_hat]), np.concatenate([one, two]), ds, SPEC)
    np.testing.assert_array_equal(rules["b"].own, both.own[1:])
    assert rules["a"].quantiles == both.quantiles
    assert np.isfinite(both.quantiles[95])
    assert np.isnan(fit_bands(one_hat, one, ds, SPEC).quantiles[95])


def test_levels_are_a_setting() -> None:
    rule = fitted(*errors_of(np.random.default_rng(8), (2, 6, 30)), spec=BandSpec((60, 90, 99)))
    bands = rule.apply(np.full((2, 3), 10.0))
    assert list(bands.quantiles) == [0.005, 0.05, 0.2, 0.5, 0.8, 0.95, 0.995]
    assert rule.quantiles[60] < rule.quantiles[90] < rule.quantiles[99]


def test_without_errors_to_go_by_there_are_no_bands_and_perfect_forecasts_have_narrow_ones() -> None:
    y_hat = np.full((1, 4, 5), 10.0)
    nothing = fitted(y_hat, np.full_like(y_hat, np.nan)).apply(y_hat[:, 0])
    assert np.isnan(nothing.low[80]).all()
    exact = fitted(y_hat, y_hat).apply(y_hat[:, 0])
    np.testing.assert_array_equal(exact.high[80], y_hat[:, 0])


def test_overlapping_windows_are_fewer_than_they_look() -> None:
    rng = np.random.default_rng(9)
    y_hat, y = errors_of(rng, (1, 8, 28))
    y = y * np.exp(0.1 * rng.normal(size=(1, 8, 1)))
    apart, overlapping = (fitted(y_hat, y, step).quantiles[95] for step in (28, 7))
    assert overlapping > apart


def test_coverage_counts_days_inside() -> None:
    y = np.full((1, 3, 10), 10.0)
    low, high = np.full_like(y, 9.0), np.full_like(y, 11.0)
    low[0, 0] = np.nan  # no bands yet
    low[0, 1, :5] = 10.5  # five misses
    y[0, 2, 8:] = np.nan  # a shorter window
    ds = dates(y)
    ds[2, 8:] = np.datetime64("NaT")
    found = coverage(Bands(y, {80: low, 95: low}, {80: high, 95: high}), y, ds)[80]
    assert (found.n_days, found.n_windows) == (18, 2)
    assert found.share == pytest.approx(13 / 18)
    assert found.low < found.share < found.high <= 1.0
    none = coverage(Bands(y, {95: y * np.nan}, {95: y}), y, ds)[95]
    assert np.isnan(none.share)
    one = coverage(Bands(y, {80: low[:, :2]}, {80: high[:, :2]}), y[:, :2], ds[:2])[80]
    assert np.isnan([one.low, one.high]).all()


def signed_errors(
    rng: np.random.Generator, shape: tuple[int, ...], size: float = 100.0, noise: float = 0.3
) -> tuple[FloatArray, FloatArray]:
    """Amounts of either sign whose errors are alike on the scale of inverse hyperbolic sines."""
    y_hat = rng.normal(0, 3 * size, shape)
    return y_hat, size * np.sinh(np.arcsinh(y_hat / size) + noise * rng.normal(size=shape))


def test_bands_of_negative_amounts_hold_their_level_on_both_sides_of_zero() -> None:
    held = share_inside(lambda seed: signed_errors(np.random.default_rng(seed), (2, 4, 30)))
    for level in LEVELS:
        assert held[level] == pytest.approx(level / 100, abs=0.04)


def test_each_series_has_its_own_kind_of_scale() -> None:
    rng = np.random.default_rng(9)
    (pos_hat, pos), (net_hat, net) = errors_of(rng, (1, 4, 30)), signed_errors(rng, (1, 4, 30))
    both = fitted(np.concatenate([pos_hat, net_hat]), np.concatenate([pos, net]))
    assert both.amounts is not None
    assert both.amounts[0] == 0
    assert both.amounts[1] == pytest.approx(np.median(np.abs(net)))
    bands = both.apply(np.array([[1000.0, 10.0], [1000.0, -10.0]]))
    low, high = bands.low[80], bands.high[80]
    np.testing.assert_allclose(low[0] * high[0], [1e6, 1e2])  # symmetrical in ratios
    assert high[1, 1] > 0 > low[1, 1]  # near zero, an amount may have either sign
    assert fitted(pos_hat, pos).amounts is None
    assert both.series(slice(0, 1)).amounts is None


def test_a_forecast_of_no_flow_has_no_width_and_a_negative_one_has_no_ratios() -> None:
    rng = np.random.default_rng(10)
    rule = fitted(*signed_errors(rng, (1, 3, 20)))
    assert rule.apply(np.zeros((1, 1))).high[95] == rule.apply(np.zeros((1, 1))).low[95] == 0.0
    of_logs = fitted(*errors_of(rng, (1, 3, 20))).apply(np.array([[-5.0, 0.0, 5.0]]))
    np.testing.assert_array_equal(np.isnan(of_logs.low[80]), [[True, False, False]])


def test_days_on_which_nothing_is_forecast_do_not_narrow_the_others() -> None:
    y_hat, y = signed_errors(np.random.default_rng(11), (1, 3, 20))
    quiet_hat, quiet = (np.concatenate([v, np.zeros((1, 3, 10))], axis=2) for v in (y_hat, y))
    assert fitted(quiet_hat, quiet).own == pytest.approx(fitted(y_hat, y, 30).own)


@pytest.mark.parametrize("make", [errors_of, signed_errors])
@pytest.mark.parametrize("power", [-9, 9])
def test_the_unit_of_a_table_scales_its_bands(make, power: int) -> None:  # type: ignore[no-untyped-def]
    y_hat, y = make(np.random.default_rng(12), (2, 3, 20))
    y[0, 1, :4] = 0.0
    unit = 10.0**power
    plain, scaled = (fitted(u * y_hat, u * y).apply(u * y_hat[:, 0]) for u in (1.0, unit))
    for level in LEVELS:
        np.testing.assert_allclose(scaled.low[level] / unit, plain.low[level], rtol=1e-9)
        np.testing.assert_allclose(scaled.high[level] / unit, plain.high[level], rtol=1e-9)


def test_unknown_days_are_in_no_error_and_in_no_coverage() -> None:
    y_hat, y = errors_of(np.random.default_rng(13), (2, 4, 10))
    y[1, 2], y[0, 1, :5] = np.nan, np.nan  # a series unknown in a whole window, and half of another
    (bands,) = prequential_bands({"a": y_hat}, {"a": y}, dates(y), before_of(4), SPEC).values()
    assert all(np.isfinite(bands.low[level][:, 2:]).all() for level in LEVELS)
    found = coverage(bands, y, dates(y))[80]
    assert found.n_days == 10 + 10 + 10  # windows 2 and 3 of two series less ten days
    assert np.isfinite([found.low, found.high]).all()
    other = y.copy()
    other[1, 0, 3] = np.nan
    assert fitted(y_hat[:, :1], other[:, :1]).own[1] != fitted(y_hat[:, :1], y[:, :1]).own[1]
