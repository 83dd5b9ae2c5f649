"""What bands, intervals and alerts promise and what they hold: ``python -m tests.bench.coverage [--simulations 300]``.

Makes backtests whose level, day effects and window effects are known, and calls the program's own functions on them:

* bands: the rule is fitted on some windows and judged on the next one; a missing band counts as not covered,
* cash: bands of the balance and of weekly and monthly totals of the next window, and whether buffers lasted,
* intervals: how often the 90% interval of a score holds the score expected,
* alerts: planted spikes, drains and silences on accounts of different noise, and days without any flow.

Prints a table as in ensembles/risk/README.md. Exits with 1 when a promise is not held.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from ensembles.bands.fit import fit_bands, prequential_bands
from ensembles.bands.rules import BandSpec
from ensembles.files.history_parquet import HistoryFile
from ensembles.files.oof_parquet import OofFile
from ensembles.judging.judge import Judge
from ensembles.risk.alert_quality import AlertQuality, judge_alerts
from ensembles.risk.alerts import alerts_of_backtest
from ensembles.risk.cash.backtest import places_of_window
from ensembles.risk.cash.draws import Draws, JointDraws, errors_of
from ensembles.risk.cash.flows import Flows
from ensembles.risk.cash.spans import spans_of
from forecasting.calendar import Calendar
from forecasting.panel import Series
from forecasting.schema import BLEND, DateArray, FloatArray, iso
from forecasting.score.names import score_named

START = np.datetime64("2020-01-01")
SPEC = BandSpec()
NOISES = (0.05, 0.1, 0.2, 0.4, 0.8)


@dataclass(frozen=True)
class Shape:
    """Windows of a backtest: how many, of how many days, how many days apart; and their errors: the autocorrelation of
    days, and the sizes of the window effect and of a walk from each cutoff on, in units of the day's noise.
    """

    n_windows: int
    horizon: int
    step: int
    ar: float = 0.0
    window: float = 0.0
    tails: float = np.inf
    walk: float = 0.0

    @property
    def ds(self) -> DateArray:
        """``[n_windows, horizon]``."""
        first = np.arange(self.n_windows) * self.step
        return START + first[:, None] + np.arange(self.horizon)

    def errors(self, rng: np.random.Generator, n: int = 1) -> FloatArray:
        """Of `n` series, ``[n, n_windows, horizon]``, in units of the day's noise; a day has one effect."""
        n_days = (self.n_windows - 1) * self.step + self.horizon
        days = rng.standard_normal((n, n_days)) if np.isinf(self.tails) else rng.standard_t(self.tails, (n, n_days))
        for t in range(1, n_days):
            days[:, t] = self.ar * days[:, t - 1] + np.sqrt(1 - self.ar**2) * days[:, t]
        places = np.arange(self.n_windows)[:, None] * self.step + np.arange(self.horizon)
        found = days[:, places] + self.window * rng.standard_normal((n, self.n_windows, 1))
        if self.walk:
            steps = rng.standard_normal((n, self.n_windows, self.horizon))
            found += self.walk * np.cumsum(steps, axis=-1) / np.sqrt(self.horizon / 2)
        return np.asarray(found)

    def longer(self) -> Shape:
        """With one window more."""
        return Shape(self.n_windows + 1, self.horizon, self.step, self.ar, self.window, self.tails, self.walk)


@dataclass(frozen=True)
class Row:
    """A line of the table: measured share, in percent, and the range that is promised; None where nothing is."""

    what: str
    nominal: str
    measured: float
    promised: tuple[float, float] | None = None

    @property
    def held(self) -> bool:
        return self.promised is None or self.promised[0] <= self.measured <= self.promised[1]

    def __str__(self) -> str:
        promised = "" if self.promised is None else f"{self.promised[0]:g} to {self.promised[1]:g}"
        return f"| {self.what} | {self.nominal} | {self.measured:.1f} | {promised} |"


# -- bands

BANDS: dict[str, tuple[Shape, tuple[float, float], tuple[float, float]] | Shape] = {
    "200 one-day windows": (Shape(200, 1, 1), (76, 84), (92, 98)),
    "8 months, window effect as large as the day's noise": (Shape(8, 30, 30, window=1.0), (76, 84), (92, 98)),
    "4 months, the same": (Shape(4, 30, 30, window=1.0), (75, 100), (90, 100)),
    "2 months, the same": Shape(2, 30, 30, window=1.0),
    "4 months, no window effect": Shape(4, 30, 30),
    "4 months, AR(0.6)": Shape(4, 30, 30, ar=0.6),
    "12 weeks, window effect of half the day's noise": Shape(12, 7, 7, window=0.5),
    "8 windows of 28 days every 7 days": Shape(8, 28, 7),
    "60 one-day windows, AR(0.6)": Shape(60, 1, 1, ar=0.6),
    "200 one-day windows, t errors with 3 degrees of freedom": Shape(200, 1, 1, tails=3.0),
}


def bands_held(shape: Shape, noises: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Share of the next window's days inside, ``[2, n_series]``: of the 80% band and of the 95% one."""
    size = noises[:, None, None]
    y = np.exp(size * shape.longer().errors(rng, len(noises)))
    median = np.ones_like(y)
    rule = fit_bands(median[:, :-1], y[:, :-1], shape.ds, SPEC)
    bands = rule.apply(median[:, -1])
    inside = [(bands.low[level] <= y[:, -1]) & (y[:, -1] <= bands.high[level]) for level in SPEC.levels]
    return np.asarray(np.mean(inside, axis=2))


def band_rows(n: int, rng: np.random.Generator) -> Iterator[Row]:
    for what, given in BANDS.items():
        shape, *promised = given if isinstance(given, tuple) else (given, None, None)
        held = 100 * np.mean([bands_held(shape, np.array([0.1]), rng)[:, 0] for _ in range(n)], axis=0)
        for level, share, within in zip(SPEC.levels, held, promised, strict=True):
            yield Row(f"bands: {what}", f"{level}", float(share), within)
    many = np.tile(NOISES, 10)
    early = 100 * np.mean([bands_held(Shape(10, 1, 1), many, rng).mean(axis=1) for _ in range(n)], axis=0)
    for level, share in zip(SPEC.levels, early, strict=True):
        yield Row("bands: a panel of fifty, noise 0.05 to 0.8, 10 one-day windows", f"{level}", float(share))
    panel = 100 * np.mean([bands_held(Shape(200, 1, 1), np.array(NOISES), rng) for _ in range(n)], axis=0)
    for level, shares, within in zip(SPEC.levels, panel, ((76, 84), (92, 98)), strict=True):
        for noise, share in zip(NOISES, shares, strict=True):
            yield Row(f"bands: noise {noise:g} in a panel of five, 200 one-day windows", f"{level}", share, within)


# -- cash

HELD = ((76, 84), (92, 98))
CASH: dict[str, tuple[Shape, float, tuple[tuple[float, float], tuple[float, float]] | None]] = {
    "8 months, window effect as large as the day's noise": (Shape(8, 30, 30, window=1.0), 0.0, HELD),
    "8 months, the same, errors of in and out correlated by 0.8": (Shape(8, 30, 30, window=1.0), 0.8, HELD),
    "4 months, window effect as large as the day's noise": (Shape(4, 30, 30, window=1.0), 0.0, HELD),
    "4 months, AR(0.6)": (Shape(4, 30, 30, ar=0.6), 0.0, HELD),
    "4 months, no window effect": (Shape(4, 30, 30), 0.0, HELD),
    "8 months, AR(0.6), window effect of half the day's noise": (Shape(8, 30, 30, ar=0.6, window=0.5), 0.0, HELD),
    "12 weeks, window effect of half the day's noise": (Shape(12, 7, 7, window=0.5), 0.0, HELD),
    "8 months, errors that grow, three times the day's noise": (Shape(8, 30, 30, walk=3.0), 0.0, None),
    "2 months, window effect as large as the day's noise": (Shape(2, 30, 30, window=1.0), 0.0, None),
    "8 months, t errors with 3 degrees of freedom": (Shape(8, 30, 30, tails=3.0), 0.0, None),
}
EARLY = 7
SEEN = {
    "day": "net of a day",
    "balance": "balance",
    "early": "balance of the first days",
    "week": "net of a week",
    "month": "net of a month",
}


def cash_places(shape: Shape, together: float, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Places of the next window's sums among the draws made from the windows before, by what is summed."""
    errors, longer = shape.longer().errors(rng, 3), shape.longer()
    y = np.exp(0.1 * (np.sqrt(together) * errors[:1] + np.sqrt(1 - together) * errors[1:]))
    expected, windows = np.ones_like(y), longer.ds
    names = (Series("in"), Series("out"))
    flows = Flows(names, windows[:, 0] - 1, expected, y, windows[-1], expected[:, -1], windows, SPEC.half_life)
    model = errors_of(flows, np.arange(shape.n_windows))
    (found,) = places_of_window(flows, flows.pairs(("in", "out")), shape.n_windows, model, int(rng.integers(2**31)))
    weeks = [span.days for span in spans_of(windows[-1], "week")]
    inflow: Draws = JointDraws(model, expected[:, -1], model.draw(1000, shape.horizon, rng)).series(0).over(weeks)
    found = {**found, "early": found["balance"][:, :EARLY]}
    return {**found, "inflow": inflow.place(np.array([y[0, -1, days].sum() for days in weeks]))}


def cash_rows(n: int, rng: np.random.Generator) -> Iterator[Row]:
    for what, (shape, together, promised) in CASH.items():
        places = [cash_places(shape, together, rng) for _ in range(n)]
        for seen, name in {**SEEN, "inflow": "inflow of a week"}.items():
            place = [np.abs(one[seen] - 0.5) for one in places if seen in one]
            of_sums = promised if promised and seen not in ("day", "early") else (None, None)
            for level, within in zip(SPEC.levels, of_sums, strict=True):
                held = 100 * float(np.mean([(p <= level / 200).mean() for p in place]))
                yield Row(f"cash, {name}: {what}", f"{level}", held, within)
        for seen, name in (("day", "a day"), ("lowest", "all days")):
            kept = 100 * float(np.mean([(one[seen] >= 0.05).mean() for one in places]))
            yield Row(f"cash, buffer of {name}: {what}", "95", kept, (91, 99) if promised else None)


# -- intervals

INTERVALS: dict[str, tuple[Shape, bool]] = {
    "4 × 30 days": (Shape(4, 30, 30), True),
    "4 × 30 days, AR(0.6)": (Shape(4, 30, 30, ar=0.6), True),
    "4 × 30 days, window effect as large as the day's noise": (Shape(4, 30, 30, window=1.0), True),
    "4 × 30 days, window effect twice as large": (Shape(4, 30, 30, window=2.0), False),
    "8 × 28 days every 7 days": (Shape(8, 28, 7), True),
    "8 × 28 days every 7 days, AR(0.6)": (Shape(8, 28, 7, ar=0.6), False),
    "60 × 1 day, AR(0.6)": (Shape(60, 1, 1, ar=0.6), True),
    "365 × 1 day, AR(0.6)": (Shape(365, 1, 1, ar=0.6), False),
    "12 × 30 days, AR(0.6), window effect": (Shape(12, 30, 30, ar=0.6, window=1.0), False),
    "24 × 30 days, AR(0.6), window effect": (Shape(24, 30, 30, ar=0.6, window=1.0), False),
    "2 × 30 days, window effect": (Shape(2, 30, 30, window=1.0), False),
}


def scored(shape: Shape, n_series: int, score: str, rng: np.random.Generator) -> tuple[float, float, float]:
    """A score with its interval."""
    level = np.exp(np.linspace(-1.0, 1.0, n_series))[:, None, None] if n_series > 1 else np.ones((1, 1, 1))
    y = level * np.exp(0.1 * shape.errors(rng, n_series))
    found = Judge({"y": y}, {"y": 1.0}, score_named(score), shape.ds).score({"y": np.broadcast_to(level, y.shape)})
    return found.value, found.low, found.high


def interval_rows(n: int, rng: np.random.Generator) -> Iterator[Row]:
    for what, (shape, promised) in INTERVALS.items():
        yield _interval_row(what, promised, n, partial(scored, shape, 1, "linear", rng))
    weeks = Shape(8, 7, 7, ar=0.6, window=0.5)
    yield _interval_row("8 weeks of a panel of 10, WAPE", True, n, partial(scored, weeks, 10, "wape", rng))
    single = Shape(8, 1, 7)
    yield _interval_row("8 weekly totals of a panel of 10, WAPE", True, n, partial(scored, single, 10, "wape", rng))


def _interval_row(what: str, promised: bool, n: int, draw: Callable[[], tuple[float, float, float]]) -> Row:
    found = np.array([draw() for _ in range(max(n, 1000))])
    expected = found[:, 0].mean()  # its own error is a thirtieth of one score's
    held = (found[:n, 1] <= expected) & (expected <= found[:n, 2])
    return Row(f"interval of the score: {what}", "90", 100 * float(held.mean()), (85, 95) if promised else None)


# -- alerts

N_DAYS, FIRST = 450, 60
ACCOUNTS = np.geomspace(0.05, 0.8, 20)
BETWEEN = 150


def planted(noise: float, rng: np.random.Generator) -> tuple[FloatArray, list[str]]:
    """Outflow of an account around 1 ``[N_DAYS]``, and the kind of anomaly of each day, or nothing."""
    y, kinds = np.exp(noise * rng.standard_normal(N_DAYS)), [""] * N_DAYS
    day = FIRST + int(rng.exponential(BETWEEN))
    while day < N_DAYS - 5:
        kind = ("spike", "drain", "silence")[int(rng.integers(3))]
        n, factor = {"spike": (1, np.exp(5 * noise)), "drain": (5, np.exp(2.5 * noise)), "silence": (3, 0.0)}[kind]
        y[day : day + n] *= factor
        kinds[day : day + n] = [kind] * n
        day += n + int(rng.exponential(BETWEEN))
    return y, kinds


def backtest_of(y: FloatArray, median: FloatArray) -> tuple[OofFile, HistoryFile]:
    """One-day windows of series ``[n_series, N_DAYS]``, with their bands from `FIRST` on."""
    ds = Shape(N_DAYS, 1, 1).ds
    before = [np.arange(k) if k >= FIRST else np.arange(0) for k in range(N_DAYS)]
    bands = prequential_bands({"y": median[..., None]}, {"y": y[..., None]}, ds, before, SPEC)["y"]
    uid = np.repeat(np.array([f"A{i:02d}" for i in range(len(y))], dtype=object), N_DAYS)
    days = np.tile(ds[:, 0], len(y))
    blend = np.full(len(uid), BLEND, dtype=object)
    quantiles = {p: values.ravel() for p, values in bands.quantiles.items()}
    return OofFile(uid, days, days - 1, blend, median.ravel(), y.ravel(), quantiles), HistoryFile(uid, days, y.ravel())


def judged_alerts(rng: np.random.Generator) -> tuple[AlertQuality, AlertQuality]:
    """Quality at severity 1.5: of all anomalies, and of spikes and drains."""
    made = [planted(noise, rng) for noise in ACCOUNTS]
    oof, history = backtest_of(np.stack([y for y, _ in made]), np.ones((len(made), N_DAYS)))
    series = {uid: Series("y", uid) for uid in set(oof.unique_id)}
    found = alerts_of_backtest(oof.identified(series), Calendar(), history)
    kinds = {
        (uid, iso(day)): kind
        for uid, day, kind in zip(oof.unique_id, oof.ds, [k for _, ks in made for k in ks], strict=True)
        if kind
    }
    amounts = {day: kind for day, kind in kinds.items() if kind != "silence"}
    return judge_alerts(found, kinds, 1.5), judge_alerts(found, amounts, 1.5)


def idle_alerts(rng: np.random.Generator) -> tuple[float, float]:
    """Alerts as a share of the days judged, and the largest severity, where half of the days have no flow: weekends,
    two weeks of holidays that no calendar knows, and some at random.
    """
    y = np.exp(ACCOUNTS[:, None] * rng.standard_normal((len(ACCOUNTS), N_DAYS)))
    weekday = (Shape(N_DAYS, 1, 1).ds[:, 0].astype(np.int64) + 3) % 7
    idle = (weekday >= 5) | (rng.random(y.shape) < 0.25)
    idle[:, 200:214] = True
    oof, history = backtest_of(np.where(idle, 0.0, y), np.where(np.broadcast_to(weekday >= 5, y.shape), 0.0, 1.0))
    found = alerts_of_backtest(
        oof.identified({uid: Series("y", uid) for uid in set(oof.unique_id)}), Calendar(), history
    )
    return len(found.alerts) / found.n_days, max(alert.severity for alert in found.alerts)


def alert_rows(n: int, rng: np.random.Generator) -> Iterator[Row]:
    n = max(min(n // 30, 10), 1)
    qualities = [judged_alerts(rng) for _ in range(n)]
    every, amounts = ([quality[side] for quality in qualities] for side in (0, 1))
    precision = sum(q.n_right for q in every) / sum(q.n_alerts for q in every)
    recall = sum(q.n_found for q in amounts) / sum(q.n_anomalies for q in amounts)
    idle = [idle_alerts(rng) for _ in range(n)]
    yield Row("alerts of severity 1.5: precision", "", 100 * precision, (80, 100))
    yield Row("alerts of severity 1.5: spikes and drains found", "", 100 * recall, (65, 100))
    yield Row("alerts: share of days, half of them without flow", "", 100 * float(np.mean(idle, axis=0)[0]), (0, 5))
    yield Row("alerts: largest severity there", "", max(most for _, most in idle), (0, 100))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    kinds = {"bands": band_rows, "cash": cash_rows, "intervals": interval_rows, "alerts": alert_rows}
    parser.add_argument("--only", choices=list(kinds), help="one part of the table")
    asked = parser.parse_args()
    print("| what | nominal, % | measured, % | promised |\n| --- | --- | --- | --- |")
    missed = 0
    for kind in [asked.only] if asked.only else kinds:
        for row in kinds[kind](asked.simulations, np.random.default_rng(asked.seed)):
            print(row, "" if row.held else "  <- missed")
            missed += not row.held
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
