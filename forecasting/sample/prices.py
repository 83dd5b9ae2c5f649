"""A price series with the columns of a market-data table and a daily score of the news, on an exchange's trading days.

    c_{t+1} = β·n_t + √h_t·ε      n_t = ρ·n_{t-1} + ν      Sentiment_t = tanh(n_t + noise)

The state of the news n is not seen. It moves the prices of the days to come, so that changes have momentum, and
Sentiment shows it more clearly than they do: a model that reads the column has the better forecast. Real news tell
less. Changes also have volatility h that clusters, and a slight pull back to a wandering mean.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from forecasting.calendar import Calendar
from forecasting.errors import ConfigError
from forecasting.sample.text import stream, write_lines
from forecasting.schema import DateArray, FloatArray, iso

__all__ = ["EXCHANGE", "write_prices"]

EXCHANGE = "XNYS"
"""Whose weekends and holidays have no prices."""
COLUMNS = ("Date", "Open", "High", "Low", "Close", "Volume", "Sentiment")
_PER_NEWS, _MEMORY, _SEEN = 0.006, 0.9, 0.4
"""β, ρ, and the standard deviation of the noise between the news and their score."""


def write_prices(folder: Path, ds: DateArray, seed: int) -> int:
    """Write prices.csv (Date, Open, High, Low, Close, Volume, Sentiment) of the trading days among `ds`; the number of
    its rows.

    Raises
    ------
    ConfigError
        When none of `ds` is a trading day.
    """
    ds = ds[Calendar(EXCHANGE).days(ds).workday]
    if not len(ds):
        raise ConfigError(f"the exchange {EXCHANGE} is closed on all of these days: give more days")
    rng = stream(seed, "prices")
    news = _news(len(ds), rng)
    prices = np.exp(_log_prices(news, rng))
    opening, closing = prices[:-1], prices[1:]
    reach = np.abs(0.006 * rng.standard_normal((2, len(ds))))
    high, low = np.maximum(opening, closing) * (1 + reach[0]), np.minimum(opening, closing) * (1 - reach[1])
    moved = np.abs(np.diff(np.log(prices)))
    volume = np.rint(np.exp(13 + 25 * moved + 0.3 * rng.standard_normal(len(ds)))).astype(np.int64)
    sentiment = np.tanh(news + _SEEN * rng.standard_normal(len(ds)))
    rows = zip(map(iso, ds), opening, high, low, closing, volume, sentiment, strict=True)
    lines = [f"{d},{o:.4f},{h:.4f},{lo:.4f},{c:.4f},{v},{s:.3f}" for d, o, h, lo, c, v, s in rows]
    write_lines(folder / "prices.csv", COLUMNS, lines)
    return len(ds)


def _news(n: int, rng: np.random.Generator) -> FloatArray:
    """State of the news at the close of each day, with standard deviation 1, ``[n]``."""
    news, shocks = np.zeros(n), np.sqrt(1 - _MEMORY**2) * rng.standard_normal(n)
    for t in range(n):
        news[t] = _MEMORY * news[t - 1] + shocks[t] if t else rng.standard_normal()
    return news


def _log_prices(news: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Logarithms of the price before the first day and at each close, ``[n + 1]``."""
    n, variance, drift = len(news), 1e-4, 0.0
    log = np.full(n + 1, np.log(50.0))
    for t in range(n):
        pull = drift - 0.02 * (log[t] - log[max(t - 20, 0) : t + 1].mean())
        shock = np.sqrt(variance) * rng.standard_normal()
        log[t + 1] = log[t] + pull + shock + (_PER_NEWS * news[t - 1] if t else 0.0)
        variance = 5e-6 + 0.08 * shock**2 + 0.87 * variance
        drift = 0.98 * drift + 1e-4 * rng.standard_normal()
    return log
