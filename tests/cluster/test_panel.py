"""A fund house's panel through the real command line: what is broken costs its own series, and says why."""

import json

import numpy as np
import pytest

from tests.runs import tidecast

pytestmark = pytest.mark.usefixtures("without_charts")

DAYS = 112
CONFIG = """
data: {kind: panel, targets: {y: 1.0}}
windows: {unit: day, n_windows: 2, horizon: 7}
score: {surrogate: wape}
members:
  - {model: weekday-median, k: 4}
  - {model: calendar-level, half_life: 7}
  - {model: lightgbm-global, rounds: 10}
run: {keep: none}
"""


def panel_rows():
    """200 series with a week, a wandering level and some zero days; eight of them broken, with words of the reasons."""
    random = np.random.default_rng(0)
    ds = [str(d) for d in np.datetime64("2025-01-06") + np.arange(DAYS)]
    week = np.array([1.2, 1.1, 1.0, 1.0, 0.9, 0.5, 0.4])[np.arange(DAYS) % 7]
    level = 10 ** random.uniform(3, 7, (200, 1)) * np.exp(np.cumsum(random.normal(0, 0.02, (200, DAYS)), axis=1))
    y = np.rint(level * week * np.exp(random.normal(0, 0.1, (200, DAYS))))
    y[10:30, 40:42] = 0.0
    table = {f"f{k:03d}": dict(zip(ds, map(str, y[k].tolist()), strict=True)) for k in range(200)}

    def keep(name, days):
        table[name] = {d: table[name][d] for d in days}

    keep("f000", ds[-3:])  # begins three days ago
    keep("f001", ds[-30:])  # begins after most of the first window's history
    table["f002"] = dict.fromkeys(ds, "0")  # forecast as 0
    table["f003"] = dict.fromkeys(ds, "5000")  # forecast at about 5000
    keep("f004", ds[:50] + ds[52:])
    keep("f005", ds[:-10])
    table["f006"][ds[60]] = "1e20"
    table["f007"][ds[60]] = "abc"
    table["f008"][ds[60]] = ""
    table["f009"] |= dict.fromkeys(ds, "")
    words = {
        "f000": "holds 0 days up to",
        "f001": "holds 16 days up to",
        "f004": ds[50],
        "f005": "ended on",
        "f006": "too large",
        "f007": "abc",
        "f008": ds[60],
        "f009": "holds no value",
    }
    return [f"{name},{d},{value}" for name, days in table.items() for d, value in days.items()], words


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("panel")
    rows, words = panel_rows()
    (folder / "data.csv").write_text("unique_id,ds,y\n" + "\n".join(rows) + "\n")
    (folder / "config.yaml").write_text(CONFIG)
    done = tidecast(folder, "run", "config.yaml", "--data", "data.csv", "--run-dir", "out", "--executor", "local")
    assert done.returncode == 0, done.stderr
    return folder, words


def test_192_series_are_forecast_and_eight_have_reasons(finished):
    folder, words = finished
    board = json.loads((folder / "out/leaderboard.json").read_text())
    reasons = {name.removesuffix("/y"): reason for name, reason in board["broken_series"].items()}
    assert sorted(reasons) == sorted(words)
    for name, word in words.items():
        assert word in reasons[name], reasons[name]
    forecast = (folder / "out/submission.csv").read_text().splitlines()
    assert len({line.split(",")[0] for line in forecast}) == 192
    assert len(forecast) == 192 * 7
    assert {line.split(",")[2] for line in forecast if line.startswith("f002,")} == {"0"}
    constant = [float(line.split(",")[2]) for line in forecast if line.startswith("f003,")]
    np.testing.assert_allclose(constant, 5000, rtol=0.05)


def test_no_member_is_sunk_by_a_broken_series(finished):
    folder, _ = finished
    rows = json.loads((folder / "out/leaderboard.json").read_text())["rows"]
    members = {row["member"]: row for row in rows if row["family"] in {"naive", "calendar", "global"}}
    assert len(members) == 3
    assert all(row["reason"] is None and row["score"] > 5 for row in members.values()), members
