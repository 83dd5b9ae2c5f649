"""Daily totals are kept by the bytes they were summed from."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecasting.data.dataset import open_data
from forecasting.data.spec import DataSpec
from tests.forecasting.data.opened import load

SPEC = DataSpec(past=("share_amt", "consume_amt", "category1"))


@pytest.fixture(scope="module")
def csv(clean: Path) -> Path:
    return clean / "user_balance_table.csv"


def test_cache_is_used_until_the_bytes_change(csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, cache = tmp_path / "data", tmp_path / "cache"
    data.mkdir()
    copy = data / "user_balance_table.csv"
    copy.write_bytes(csv.read_bytes())
    first = load(SPEC, data, "CN", cache_dir=cache)
    assert len(list(cache.iterdir())) == 1
    with monkeypatch.context() as patch:
        patch.setattr("forecasting.data.sources.cache.sum_by_day", None)
        assert load(SPEC, data, "CN", cache_dir=cache).fingerprint() == first.fingerprint()
    lines = copy.read_text().splitlines()
    copy.write_text("\n".join(lines[:-1]) + "\n")
    assert load(SPEC, data, "CN", cache_dir=cache).fingerprint() != first.fingerprint()
    for stored in cache.iterdir():
        stored.write_text('{"ds": ["2014-01-01"]')
    assert load(SPEC, data, "CN", cache_dir=cache).end == first.end


def test_a_changed_digit_in_the_cache_is_not_believed(csv: Path, tmp_path: Path) -> None:
    first = load(SPEC, csv, "CN", cache_dir=tmp_path)
    (stored,) = tmp_path.iterdir()
    text = stored.read_text()
    place = text.index('"sums": [[') + len('"sums": [[')
    stored.write_text(text[:place] + ("1" if text[place] != "1" else "2") + text[place + 1 :])
    assert load(SPEC, csv, "CN", cache_dir=tmp_path).fingerprint() == first.fingerprint()
    assert stored.read_text() == text


def test_a_checked_reading_leaves_the_totals_for_others(
    csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    first = open_data(SPEC, csv.parent, "CN", cache, checked=True)
    assert first.findings
    assert first.panel.y.shape == (2, 120)
    assert len(list(cache.iterdir())) == 1
    monkeypatch.setattr("forecasting.data.sources.cache.sum_by_day", None)
    assert load(SPEC, csv.parent, "CN", cache_dir=cache).fingerprint() == first.panel.fingerprint()
