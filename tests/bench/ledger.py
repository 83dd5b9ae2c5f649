"""What a ledger takes and what its alarms hold: ``python -m tests.bench.ledger scale`` or ``alarms``.

``scale`` makes a ledger of 52 weekly forecasts of 1,000 series (30 days, 8 members, bands and parts), and measures
``tidecast monitor`` on it: all series and one, in processes of their own; processor seconds and their peak of memory.

``alarms`` simulates errors of daily forecasts: false alarms a year and series, and how soon a level 20% higher or lower
is found, by noise and autocorrelation. `ensembles.ledger.scoring.alarms` has its limits from here.

Exits with 1 when a promise is not held.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cluster.ledger.place import Ledger
from ensembles.ledger.files.facts import VintageFacts
from ensembles.ledger.files.vintage import Vintage
from ensembles.ledger.scoring.alarms import Alarm, alarms_of, relative_errors
from forecasting.panel import Series
from forecasting.schema import FloatArray, iso

START = np.datetime64("2024-01-01")
BAND = 1.2816
MOST_SECONDS, MOST_SECONDS_OF_ONE, MOST_MIB = 60.0, 2.0, 2048
HORIZON, HISTORY = 30, 120


def make_ledger(folder: Path, n_series: int, n_vintages: int, n_members: int) -> None:
    """Forecasts of every week, and the actual values as a table."""
    rng = np.random.default_rng(1)
    days = HISTORY + 7 * n_vintages + HORIZON
    uids = [f"s{k:04}" for k in range(n_series)]
    level = np.exp(rng.normal(10, 1, n_series))[:, None]
    y = np.round(level * np.exp(rng.normal(0, 0.15, (n_series, days))), 2)
    ledger = Ledger(str(folder / "ledger"))
    for k in range(n_vintages):
        first = HISTORY + 7 * k
        ledger.add(_vintage(rng, uids, y[:, first : first + HORIZON], START + first - 1, n_members))
    lines = [f"{uid},{START + day},{y[row, day]}" for row, uid in enumerate(uids) for day in range(days)]
    (folder / "actuals.csv").write_text("unique_id,ds,flow\n" + "\n".join(lines) + "\n")


def _vintage(
    rng: np.random.Generator, uids: Sequence[str], y: FloatArray, as_of: np.datetime64, n_members: int
) -> Vintage:
    n = y.size
    y_hat = (y * np.exp(rng.normal(0, 0.1, y.shape))).ravel()
    config = {
        "data": {"kind": "panel", "entity": "unique_id", "unit": "EUR", "targets": {"flow": 1.0}},
        "windows": {"unit": "day"},
        "members": [{"model": "weekday-median"}],
        "calendar": None,
    }
    facts = VintageFacts(
        as_of=iso(as_of),
        start=iso(as_of + 1),
        end=iso(as_of + HORIZON),
        trained_until=iso(as_of),
        origin="run",
        unit="EUR",
        freq="D",
        weights={"flow": 1.0},
        score="linear",
        data="d",
        configuration="c",
        config=config,
    )
    made = Vintage(
        facts,
        tuple(f"{uid}/flow" for uid in uids),
        np.repeat(np.arange(len(uids)), HORIZON),
        np.tile(as_of + np.arange(1, HORIZON + 1), len(uids)),
        np.tile(np.arange(1, HORIZON + 1), len(uids)),
        y_hat,
        {p: y_hat * f for p, f in ((0.025, 0.75), (0.1, 0.87), (0.5, 1.0), (0.9, 1.14), (0.975, 1.3))},
        {f"member {m}": y_hat * np.exp(rng.normal(0, 0.05, n)) for m in range(n_members)},
        {"level": 0.9 * y_hat, "weekday": 0.06 * y_hat, "learned": 0.04 * y_hat},
        {f"{uid}/flow": Series("flow", uid) for uid in uids},
    )
    return replace(made, facts=facts.identified(made.to_arrow()))


def scale(n_series: int, n_vintages: int) -> int:
    """Time of monitor on all series and on one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begun = time.perf_counter()
        make_ledger(folder, n_series, n_vintages, 8)
        made = time.perf_counter() - begun
        size = sum(file.stat().st_size for file in (folder / "ledger").rglob("*.parquet"))
        one = ("--series", "s0001/flow")
        seconds = {
            "all with a new table": _timed(folder, "--actuals", str(folder / "actuals.csv")),
            "all": _timed(folder),
            "one": _timed(folder, *one),
        }
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    found = {"series": n_series, "vintages": n_vintages, "made_s": round(made, 1), "MiB": round(size / 2**20)}
    print(json.dumps({**found, **{name: round(s, 1) for name, s in seconds.items()}, "peak_MiB": round(peak)}))
    most = max(seconds["all"], seconds["all with a new table"])
    return int(most > MOST_SECONDS or seconds["one"] > MOST_SECONDS_OF_ONE or peak > MOST_MIB)


def _timed(folder: Path, *more: str) -> float:
    """Seconds of processor time: other work on the machine does not count."""
    begun = _used()
    command = [sys.executable, "-m", "cluster.cli", "monitor", str(folder / "ledger"), "--json", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["accuracy"][0]["by_lead"][0]["n"] > 0
    return _used() - begun


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# -- alarms


def simulated(n: int, days: int, noise: float, ar: float, shift: float, at: int) -> tuple[FloatArray, FloatArray]:
    """Relative errors with the autocorrelation `ar`, and whether each day lies in its 80% band."""
    rng = np.random.default_rng(1)
    x = np.empty((n, days))
    x[:, 0] = rng.normal(0, noise, n)
    for day in range(1, days):
        x[:, day] = ar * x[:, day - 1] + rng.normal(0, noise * np.sqrt(1 - ar**2), n)
    x[:, at:] += np.log1p(shift)
    return relative_errors(np.exp(x), np.ones(x.shape)), (np.abs(x) < BAND * noise).astype(float)


def _alarms(n: int, days: int, noise: float, ar: float, shift: float = 0.0, at: int = 0) -> list[Alarm]:
    errors, inside = simulated(n, days, noise, ar, shift, at)
    return alarms_of([str(k) for k in range(n)], START + np.arange(days), errors, inside, np.full(errors.shape, 0.8))


def alarms(n: int) -> int:
    """A table of false alarms, and one of delays."""
    held = True
    print("noise   ar  false alarms a year and series (level, coverage)")
    for noise, ar in ((0.1, 0.0), (0.1, 0.3), (0.1, 0.5), (0.2, 0.3)):
        found = _alarms(n, 365, noise, ar)
        level = sum(alarm.kind == "level" for alarm in found) / n
        print(f"{noise:5.2f} {ar:4.1f}  {len(found) / n:.2f} ({level:.2f}, {len(found) / n - level:.2f})", flush=True)
        held &= ar > 0.3 or len(found) / n <= 1.0
    print("noise shift   day  found within 10 days, delay in days: median, nine of ten")
    shares = []
    for noise in (0.1, 0.2):
        for shift in (0.2, -0.2):
            for at in (60, 150, 300):
                delays = _delays(_alarms(n, at + 120, noise, 0.3, shift, at), at)
                within = float(np.mean(np.array(delays) <= 10)) * len(delays) / n
                late = np.quantile(delays, 0.9)
                print(
                    f"{noise:5.2f} {shift:+5.0%} {at:5}  {within:.1%}, {np.median(delays):.0f}, {late:.0f}", flush=True
                )
                shares += [within] if noise == 0.1 else []
    return int(not (held and min(shares) >= 0.9))


def _delays(found: Sequence[Alarm], at: int) -> list[int]:
    """Days from the shift to the first alarm after it, the day of the shift being 1."""
    first: dict[str, int] = {}
    for alarm in found:
        day = int((np.datetime64(alarm.found) - START).astype(np.int64)) - at + 1
        if day > 0:
            first.setdefault(alarm.unique_id, day)
    return list(first.values())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", choices=("scale", "alarms"))
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--vintages", type=int, default=52)
    asked = parser.parse_args(arguments)
    return scale(asked.series, asked.vintages) if asked.what == "scale" else alarms(asked.series)


if __name__ == "__main__":
    sys.exit(main())
