"""Complex exponential smoothing against its published equations, written out for one series and one day at a time."""

import numpy as np
import pytest

from forecasting.models.features import complex_smoothing as ces

PARAMS = {
    "none": (1.3, 0.95),
    "simple": (1.2, 0.97),
    "partial": (1.1, 0.9, 0.2),
    "full": (1.2, 0.96, 1.1, 0.98),
}
M = 7


def weekly(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.4 * np.sin(2 * np.pi * np.arange(n) / M) + np.cumsum(rng.normal(0, 0.05, n)) + rng.normal(0, 0.1, n)


def stacked(values: list[np.ndarray], clip: float = 0.3) -> ces.Series:
    """Series of falling length, side by side."""
    n = len(values[0])
    matrix = np.zeros((n, len(values)))
    for column, y in enumerate(values):
        matrix[n - len(y) :, column] = y
    return ces.Series(matrix, np.array([n - len(y) for y in values]), np.full(len(values), clip), M)


def published(y: np.ndarray, params: tuple[float, ...], kind: str, n_ahead: int, clip: float) -> list[float]:
    """The recursions of Svetunkov, Kourentzes and Ord, one number at a time, with the errors cut."""
    first = y[: min(len(y) // M, 8) * M]
    mean = first.mean()
    weekday = [first[k::M].mean() - mean for k in range(M)]
    a0, a1 = params[0], params[1]
    level, potential = [mean], [0.0]
    if kind == "simple":
        level, potential = [mean + s for s in weekday], [0.0] * M
    s_level, s_potential = list(weekday), [0.0] * M
    ahead = []
    for t in range(len(y) + n_ahead):
        lag = M if kind == "simple" else 1
        x, c = level[-lag], potential[-lag]
        y_hat = x + (s_level[-M] if kind in ("partial", "full") else 0.0)
        e = 0.0
        if t < len(y):
            e = max(-clip, min(clip, y[t] - y_hat))
        else:
            ahead.append(y_hat)
        level.append(x - (1 - a1) * c + (a0 - a1) * e)
        potential.append(x + (1 - a0) * c + (a0 + a1) * e)
        if kind == "partial":
            s_level.append(s_level[-M] + params[2] * e)
        if kind == "full":
            b0, b1, s, z = params[2], params[3], s_level[-M], s_potential[-M]
            s_level.append(s - (1 - b1) * z + (b0 - b1) * e)
            s_potential.append(s + (1 - b0) * z + (b0 + b1) * e)
    return ahead


@pytest.mark.parametrize("kind", ces.KINDS)
def test_forecasts_are_those_of_the_published_equations(kind):
    values = [weekly(140, 0), weekly(101, 1), weekly(60, 2)]
    params = np.tile(PARAMS[kind], (3, 1)) * np.array([[1.0], [0.99], [1.01]])
    got = ces.forecast(stacked(values), params, kind, 20)
    for column, y in enumerate(values):
        expected = published(y, tuple(params[column]), kind, 20, 0.3)
        np.testing.assert_allclose(got[:, column], expected, rtol=1e-10)


@pytest.mark.parametrize("kind", ces.KINDS)
def test_a_series_is_fitted_alike_alone_and_among_others(kind):
    values = [weekly(140, 0), weekly(101, 1), weekly(60, 2)]
    together = ces.fit(stacked(values), kind)
    for column, y in enumerate(values):
        np.testing.assert_allclose(ces.fit(stacked([y]), kind)[0], together[column], atol=2e-3)


def test_the_fit_finds_what_scipy_finds():
    from scipy.optimize import minimize

    series = stacked([weekly(200, 3)], clip=100.0)  # nothing is cut: plain least squares

    def loss(params):
        errors = ces._errors(series, np.array([params]), "none")[4 * M :, 0]
        return float(errors @ errors) if ces._stable(np.array([params]))[0] and params[1] <= 1.0 else np.inf

    best = minimize(loss, [1.1, 0.97], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10})
    assert loss(ces.fit(series, "none")[0]) <= best.fun * 1.0005


def test_a_single_odd_day_hardly_moves_the_forecast():
    y = weekly(140, 0)
    odd = y.copy()
    odd[-2] -= 5.0
    plain, moved = (ces.forecast(stacked([v]), np.array([PARAMS["none"]]), "none", 7) for v in (y, odd))
    loose = ces.forecast(stacked([odd], clip=100.0), np.array([PARAMS["none"]]), "none", 7)
    assert np.abs(moved - plain).max() < 0.4 * np.abs(loose - plain).max()
