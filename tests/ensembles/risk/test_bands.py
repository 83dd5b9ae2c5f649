from __future__ import annotations

import numpy as np
import pytest

from ensembles.risk.bands import BAND_LEVELS, Bands, coverage, fit_bands, prequential_bands
from forecasting.schema import FloatArray


def errors_of(
    rng: np.random.Generator, shape: tuple[int, ...], size: FloatArray | float = 0.1
) -> tuple[FloatArray, FloatArray]:
    y_hat = rng.uniform(500, 1500, shape)
    return y_hat, y_hat * np.exp(size * rng.normal(size=shape))


def test_the_quantile_is_the_conformal_one_for_one_window() -> None:
    y_hat = np.full((1, 1, 20), 100.0)
    ratios = np.exp(np.linspace(0.01, 0.20, 20))
    y = y_hat * ratios[np.random.default_rng(1).permutation(20)]
    rule = fit_bands(y_hat, y)
    scale = rule.scale(20)
    scores = np.sort(np.abs(np.log(y / y_hat))[0, 0] / scale[0])
    assert rule.quantiles[80] == pytest.approx(scores[16])  # the 17th of 20: (20 + 1) * 0.8, rounded up
    assert rule.quantiles[95] == pytest.approx(scores[19])


def test_holds_its_level_on_exchangeable_errors() -> None:
    rng = np.random.default_rng(2)
    inside = {level: [] for level in BAND_LEVELS}  # type: ignore[var-annotated]
    for _ in range(60):
        y_hat, y = errors_of(rng, (1, 4, 30))
        bands = fit_bands(y_hat[:, :3], y[:, :3]).apply(y_hat[:, 3])
        for level in BAND_LEVELS:
            inside[level].append(((y[:, 3] >= bands.low[level]) & (y[:, 3] <= bands.high[level])).mean())
    for level in BAND_LEVELS:
        assert np.mean(inside[level]) == pytest.approx(level / 100, abs=0.025)


def test_bands_widen_with_the_step_where_errors_do_and_never_narrow() -> None:
    rng = np.random.default_rng(3)
    rising, falling = 0.02 + 0.2 * np.arange(30) / 29, 0.22 - 0.2 * np.arange(30) / 29
    steep = fit_bands(*errors_of(rng, (1, 12, 30), rising))
    assert steep.scale(30)[0, -1] > 2.0 * steep.scale(30)[0, 0]
    assert (np.diff(steep.scale(33)[0]) > 0).all()  # and goes on beyond the days seen
    assert fit_bands(*errors_of(rng, (1, 12, 30), falling)).slope == 0.0


def test_a_series_has_its_own_scale_held_toward_the_common_one() -> None:
    rng = np.random.default_rng(4)
    size = np.array([0.05, 0.2])[:, None, None]
    few, many = (fit_bands(*errors_of(rng, (2, n, 7), size)) for n in (1, 60))
    ratio_few, ratio_many = few.own[1] / few.own[0], many.own[1] / many.own[0]
    assert 1.0 < ratio_few < ratio_many


def test_recent_windows_weigh_more() -> None:
    rng = np.random.default_rng(5)
    size = np.array([0.4, 0.4, 0.4, 0.4, 0.1, 0.1, 0.1, 0.1])[None, :, None]
    y_hat, y = errors_of(rng, (1, 8, 30), size)
    calmed, stormy = fit_bands(y_hat, y), fit_bands(y_hat[:, ::-1], y[:, ::-1])
    assert calmed.quantiles[80] * calmed.own[0] < 0.6 * stormy.quantiles[80] * stormy.own[0]


def test_bands_of_a_window_come_from_windows_before_it() -> None:
    rng = np.random.default_rng(6)
    y_hat, y = errors_of(rng, (2, 4, 10))
    y[0, 1, 3], y[1, 2] = 0.0, np.nan
    past = [np.arange(k) for k in range(4)]
    bands = prequential_bands(y_hat, y, past)
    for level in BAND_LEVELS:
        assert np.isnan(bands.low[level][:, 0]).all()
        assert (bands.low[level][:, 1:] < y_hat[:, 1:]).all()
        assert (bands.high[level][:, 1:] > y_hat[:, 1:]).all()
    assert (bands.high[95][:, 1:] >= bands.high[80][:, 1:]).all()
    later = y.copy()
    later[:, 2:] *= 5.0
    np.testing.assert_array_equal(prequential_bands(y_hat, later, past).high[80][:, :3], bands.high[80][:, :3])


def test_without_errors_to_go_by_there_are_no_bands_and_perfect_forecasts_have_narrow_ones() -> None:
    y_hat = np.full((1, 2, 5), 10.0)
    nothing = fit_bands(y_hat, np.full_like(y_hat, np.nan)).apply(y_hat[:, 0])
    assert np.isnan(nothing.low[80]).all()
    exact = fit_bands(y_hat, y_hat).apply(y_hat[:, 0])
    np.testing.assert_array_equal(exact.high[95], y_hat[:, 0])


def test_coverage_counts_days_inside() -> None:
    y = np.full((1, 3, 10), 10.0)
    low, high = np.full_like(y, 9.0), np.full_like(y, 11.0)
    low[0, 0] = np.nan  # no bands yet
    low[0, 1, :5] = 10.5  # five misses
    y[0, 2, 8:] = np.nan  # a shorter window
    found = coverage(Bands({80: low, 95: low}, {80: high, 95: high}), y, np.array([10, 10, 8]))[80]
    assert (found.n_days, found.n_windows) == (18, 2)
    assert found.share == pytest.approx(13 / 18)
    assert found.low < found.share < found.high <= 1.0
    none = coverage(Bands({80: y * np.nan, 95: y * np.nan}, {80: y, 95: y}), y, np.array([10, 10, 8]))[95]
    assert np.isnan(none.share)


def signed_errors(
    rng: np.random.Generator, shape: tuple[int, ...], size: float = 100.0, noise: float = 0.3
) -> tuple[FloatArray, FloatArray]:
    """Amounts of either sign whose errors are alike on the scale of inverse hyperbolic sines."""
    y_hat = rng.normal(0, 3 * size, shape)
    return y_hat, size * np.sinh(np.arcsinh(y_hat / size) + noise * rng.normal(size=shape))


def test_bands_of_negative_amounts_hold_their_level_on_both_sides_of_zero() -> None:
    rng = np.random.default_rng(8)
    inside: dict[int, list[float]] = {level: [] for level in BAND_LEVELS}
    for _ in range(60):
        y_hat, y = signed_errors(rng, (2, 4, 30))
        bands = fit_bands(y_hat[:, :3], y[:, :3]).apply(y_hat[:, 3])
        for level in BAND_LEVELS:
            assert (bands.low[level] < y_hat[:, 3]).all()
            assert (bands.high[level] > y_hat[:, 3]).all()
            inside[level].append(float(((y[:, 3] >= bands.low[level]) & (y[:, 3] <= bands.high[level])).mean()))
    for level in BAND_LEVELS:
        assert np.mean(inside[level]) == pytest.approx(level / 100, abs=0.03)


def test_each_series_has_its_own_kind_of_scale() -> None:
    rng = np.random.default_rng(9)
    (pos_hat, pos), (net_hat, net) = errors_of(rng, (1, 4, 30)), signed_errors(rng, (1, 4, 30))
    both = fit_bands(np.concatenate([pos_hat, net_hat]), np.concatenate([pos, net]))
    assert both.amounts is not None
    assert both.amounts[0] == 0
    assert both.amounts[1] == pytest.approx(np.median(np.abs(net)))
    bands = both.apply(np.array([[1000.0, 10.0], [1000.0, -10.0]]))
    low, high = bands.low[80], bands.high[80]
    np.testing.assert_allclose(low[0] * high[0], [1e6, 1e2])  # symmetrical in ratios
    assert high[1, 1] > 0 > low[1, 1]  # near zero, an amount may have either sign
    assert fit_bands(pos_hat, pos).amounts is None


def test_a_forecast_of_no_flow_has_no_width_and_a_negative_one_has_no_ratios() -> None:
    rng = np.random.default_rng(10)
    rule = fit_bands(*signed_errors(rng, (1, 3, 20)))
    assert rule.apply(np.zeros((1, 1))).high[95] == rule.apply(np.zeros((1, 1))).low[95] == 0.0
    of_logs = fit_bands(*errors_of(rng, (1, 3, 20))).apply(np.array([[-5.0, 0.0, 5.0]]))
    np.testing.assert_array_equal(np.isnan(of_logs.low[80]), [[True, False, False]])


def test_days_on_which_nothing_is_forecast_do_not_narrow_the_others() -> None:
    y_hat, y = signed_errors(np.random.default_rng(11), (1, 3, 20))
    quiet_hat, quiet = (np.concatenate([v, np.zeros((1, 3, 10))], axis=2) for v in (y_hat, y))
    assert fit_bands(quiet_hat, quiet).own == pytest.approx(fit_bands(y_hat, y).own)


@pytest.mark.parametrize("make", [errors_of, signed_errors])
@pytest.mark.parametrize("power", [-9, 9])
def test_the_unit_of_a_table_scales_its_bands(make, power: int) -> None:  # type: ignore[no-untyped-def]
    y_hat, y = make(np.random.default_rng(12), (2, 3, 20))
    y[0, 1, :4] = 0.0
    unit = 10.0**power
    plain, scaled = (fit_bands(u * y_hat, u * y).apply(u * y_hat[:, 0]) for u in (1.0, unit))
    for level in BAND_LEVELS:
        np.testing.assert_allclose(scaled.low[level] / unit, plain.low[level], rtol=1e-9)
        np.testing.assert_allclose(scaled.high[level] / unit, plain.high[level], rtol=1e-9)


def test_unknown_days_are_in_no_error_and_in_no_coverage() -> None:
    y_hat, y = errors_of(np.random.default_rng(13), (2, 4, 10))
    y[1, 2], y[0, 1, :5] = np.nan, np.nan  # a series unknown in a whole window, and half of another
    past = tuple(np.arange(k) for k in range(4))
    bands = prequential_bands(y_hat, y, past)
    assert all(np.isfinite(bands.low[level][:, 1:]).all() for level in BAND_LEVELS)
    found = coverage(bands, y, np.full(4, 10))[80]
    assert found.n_days == 5 + 10 + 10 + 10 + 10  # windows 1 to 3 of two series less 15 days
    assert np.isfinite([found.low, found.high]).all()
    other = y.copy()
    other[1, 0, 3] = np.nan
    assert fit_bands(y_hat[:, :1], other[:, :1]).own[1] != fit_bands(y_hat[:, :1], y[:, :1]).own[1]
