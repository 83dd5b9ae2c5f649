"""A price series with the columns of a market-data table; it trades on every day, as coins do."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from forecasting.sample.text import stream, write_lines
from forecasting.schema import DateArray

__all__ = ["write_prices"]


def write_prices(folder: Path, ds: DateArray, seed: int) -> int:
    """Write prices.csv (Date, Open, High, Low, Close, Volume); the number of its rows.

    Changes have volatility that clusters and a slight pull back to a wandering mean, so that a forecast is possible
    but not easy.
    """
    rng = stream(seed, "prices")
    n = len(ds)
    variance, drift, log = 2e-4, 0.0, np.zeros(n + 1)
    log[0] = np.log(50.0)
    for t in range(n):
        change = (
            drift - 0.02 * (log[t] - log[max(t - 20, 0) : t + 1].mean()) + np.sqrt(variance) * rng.standard_normal()
        )
        log[t + 1] = log[t] + change
        variance = 1e-5 + 0.08 * change**2 + 0.88 * variance
        drift = 0.98 * drift + 2e-4 * rng.standard_normal()
    opening, closing = np.exp(log[:-1]), np.exp(log[1:])
    reach = np.abs(0.006 * rng.standard_normal((2, n)))
    high, low = np.maximum(opening, closing) * (1 + reach[0]), np.minimum(opening, closing) * (1 - reach[1])
    volume = np.rint(np.exp(13 + 25 * np.abs(np.diff(log)) + 0.3 * rng.standard_normal(n))).astype(np.int64)
    rows = zip(ds, opening, high, low, closing, volume, strict=True)
    lines = [f"{d},{o:.4f},{h:.4f},{lo:.4f},{c:.4f},{v}" for d, o, h, lo, c, v in rows]
    write_lines(folder / "prices.csv", ("Date", "Open", "High", "Low", "Close", "Volume"), lines)
    return n
