"""Actual values are held against the series they are of, whatever the sizes of the others."""

import numpy as np
import pytest

from cluster.ledger.held import Wanted, review_ledger
from cluster.ledger.place import Ledger
from forecasting.errors import ConfigError, DataError
from tests.ensembles.ledger.cases import DAY, vintage

SIZES = {"big": 1e7, "small": 2e3, "tiny": 30.0}
FIRST = np.datetime64("2024-01-01")
CONFIG = {
    "data": {"kind": "panel", "unit": "EUR", "targets": {"flow": 1.0}, "entity": "fund"},
    "calendar": None,
    "members": [{"model": "seasonal-naive"}],
}


def amounts(n, **factors):
    """Amounts of each fund, and rows of a table of them."""
    rng = np.random.default_rng(1)
    y = {f: size * factors.get(f, 1.0) * np.exp(rng.normal(0, 0.2, n)) for f, size in SIZES.items()}
    rows = [f"{FIRST + DAY * k},{fund},{values[k]:.2f}" for fund, values in y.items() for k in range(n)]
    return y, rows


@pytest.fixture
def ledger(tmp_path):
    """The fund `big` is in the first of two forecasts alone."""
    y, _ = amounts(120)
    place = Ledger(str(tmp_path / "ledger"))
    for as_of, funds in (("2024-03-01", list(SIZES)), ("2024-03-15", ["small", "tiny"])):
        first = int((np.datetime64(as_of) - FIRST).astype(int)) + 1
        said = {f"{fund}/flow": y[fund][first : first + 14] for fund in funds}
        parts = {"level": np.concatenate([said[uid] for uid in sorted(said)])}
        place.add(vintage(as_of, said, parts, config=CONFIG))
    return place


def monitored(ledger, tmp_path, rows, *series):
    (tmp_path / "new.csv").write_text("\n".join(["ds,fund,flow", *rows]) + "\n")
    return review_ledger(str(tmp_path / "ledger"), Wanted(actuals=tmp_path / "new.csv", series=series))


def test_a_panel_of_large_and_small_series_is_no_other_unit(ledger, tmp_path):
    found = monitored(ledger, tmp_path, amounts(120)[1])
    assert not any("another unit" in note for note in found.notes)
    assert found.accuracy[0].overall.n == 14 * 5
    assert found.splits[0].of_series == 3


@pytest.mark.parametrize("fund", SIZES)
def test_a_table_of_one_series(ledger, tmp_path, fund):
    """Of an earlier forecast too."""
    rows = [row for row in amounts(120)[1] if f",{fund}," in row]
    found = monitored(ledger, tmp_path, rows)
    assert [line.name for line in found.accuracy[0].by_series] == [f"{fund}/flow"]
    assert found.splits[0].total.n == found.accuracy[0].overall.n == (14 if fund == "big" else 28)
    alone = monitored(ledger, tmp_path, rows, f"{fund}/flow")
    assert alone.accuracy[0].overall.wape.value == found.accuracy[0].overall.wape.value


@pytest.mark.parametrize("days", [5, 14, 120])
def test_another_unit_is_refused_from_a_few_days_on(ledger, tmp_path, days):
    _, rows = amounts(120, **dict.fromkeys(SIZES, 100.0))
    late = [row for row in rows if row >= str(FIRST + DAY * (120 - days))]
    with pytest.raises(DataError, match="they look like another unit, or other series"):
        monitored(ledger, tmp_path, late)
    assert not (tmp_path / "ledger/actuals").exists()


def test_one_series_in_another_unit_is_noted(ledger, tmp_path):
    found = monitored(ledger, tmp_path, amounts(120, tiny=100.0)[1])
    assert any("far from the forecasts for tiny/flow (1" in note for note in found.notes)


def test_a_series_that_cannot_be_read_is_noted(ledger, tmp_path):
    _, rows = amounts(120)
    rows[3] = rows[3].rpartition(",")[0] + ",many"
    found = monitored(ledger, tmp_path, rows)
    assert any("actual values of big/flow are left out: new.csv:5" in note for note in found.notes)
    assert any(note.startswith("big/flow: there are forecasts but no actual values") for note in found.notes)


def test_unknown_series(ledger, tmp_path):
    with pytest.raises(DataError, match="it has other/flow, and the forecasts are of small/flow, tiny/flow, big/flow"):
        monitored(ledger, tmp_path, ["2024-03-02,other,5"])
    with pytest.raises(ConfigError, match="--series nix: the forecasts are of small/flow, tiny/flow, big/flow"):
        monitored(ledger, tmp_path, amounts(120)[1], "nix")
