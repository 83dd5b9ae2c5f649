"""Forecasts from a table: looked up by series, cutoff and day, and a sentence for what is not there."""

import gzip
from dataclasses import replace

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from forecasting.errors import TrialError
from forecasting.models import file
from forecasting.models.base import Fingerprinted, FitTask
from forecasting.models.file import FileForecast, FileSettings
from tests.forecasting.histories import days_after, noisy_week

HISTORY = noisy_week(60)  # ends 2023-03-02


def table(cutoff="2023-03-02", days=5, uid="purchase", scale=1.0):
    ds = np.datetime64(cutoff) + np.arange(1, days + 1)
    return "".join(f"{uid},{d},{cutoff},{scale * (i + 1)}\n" for i, d in enumerate(ds))


def model(tmp_path, text, name="mine.csv"):
    path = tmp_path / name
    path.write_text("unique_id,ds,cutoff,y_hat\n" + text)
    return FileForecast(FileSettings(path=str(path)))


def forecast(m, history=HISTORY, days=5):
    return m.predict(m.fit(FitTask(history, 31, 1)), history, days_after(history, days))


def test_rows_are_found_whatever_their_order(tmp_path):
    rows = (table() + table(uid="redeem", scale=7) + table("2023-02-28", scale=3)).splitlines(keepends=True)
    m = model(tmp_path, "".join(reversed(rows)))
    np.testing.assert_array_equal(forecast(m), [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(forecast(m, HISTORY.until(np.datetime64("2023-02-28"))), [3, 6, 9, 12, 15])


def test_parquet_is_read_like_csv(tmp_path):
    m = model(tmp_path, table())
    pq.write_table(pyarrow.csv.read_csv(m.settings.path), tmp_path / "mine.parquet")
    again = FileForecast(FileSettings(path=str(tmp_path / "mine.parquet")))
    np.testing.assert_array_equal(forecast(again), forecast(m))


def test_the_state_forecasts_its_own_cutoff_and_the_file_later_ones(tmp_path):
    m = model(tmp_path, table())
    state = m.fit(FitTask(HISTORY, 31, 1))
    m = model(tmp_path, table("2023-03-05", scale=2.5))
    np.testing.assert_array_equal(m.predict(state, HISTORY, days_after(HISTORY, 5)), [1, 2, 3, 4, 5])
    later = replace(noisy_week(63))
    np.testing.assert_array_equal(m.predict(state, later, days_after(later, 2)), [2.5, 5.0])


def test_another_content_is_another_fingerprint(tmp_path):
    m = model(tmp_path, table())
    before = m.fingerprint()
    assert isinstance(m, Fingerprinted)
    assert m.fingerprint() == before
    assert model(tmp_path, table(scale=2)).fingerprint() != before
    assert FileForecast(FileSettings(path="nowhere.csv")).fingerprint() == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (table("2023-02-28"), "no row of purchase with cutoff 2023-03-02"),
        (table(days=4), "no forecast of purchase for 2023-03-07 from cutoff 2023-03-02"),
        (table(uid="redeem"), "no row of purchase"),
        (table() + table(days=1), "purchase, 2023-03-03, cutoff 2023-03-02 stands twice"),
        (table() + "purchase,2023-03-08,2023-03-02,\n", "y_hat holds what is no number"),
        (table() + "purchase,2023-03-08,2023-03-02,much\n", "y_hat holds what is no number"),
        (table() + "purchase,2023-13-08,2023-03-02,1\n", "ds holds what is no day"),
        ("", "no row of purchase"),
    ],
)
def test_what_is_missing_or_wrong_is_named(tmp_path, text, sentence):
    with pytest.raises(TrialError, match=sentence):
        forecast(model(tmp_path, text))


def test_a_table_that_is_none_is_named(tmp_path):
    with pytest.raises(TrialError, match="path is empty"):
        forecast(FileForecast(FileSettings()))
    with pytest.raises(TrialError, match=r"none.csv: no such file"):
        forecast(FileForecast(FileSettings(path=str(tmp_path / "none.csv"))))
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TrialError, match="there is no column unique_id; the columns are a, b"):
        forecast(FileForecast(FileSettings(path=str(tmp_path / "other.csv"))))
    (tmp_path / "odd.parquet").write_text("not parquet")
    with pytest.raises(TrialError, match="not readable as CSV or Parquet"):
        forecast(FileForecast(FileSettings(path=str(tmp_path / "odd.parquet"))))


@pytest.mark.parametrize("name", ["mine.csv", "mine.csv.gz", "mine.parquet"])
def test_a_table_has_a_limit(tmp_path, monkeypatch, name):
    m = model(tmp_path, table())
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress((tmp_path / "mine.csv").read_bytes()))
    elif name.endswith(".parquet"):
        pq.write_table(pyarrow.csv.read_csv(tmp_path / "mine.csv"), tmp_path / name)
    m = FileForecast(FileSettings(path=str(tmp_path / name)))
    np.testing.assert_array_equal(forecast(m), [1, 2, 3, 4, 5])
    (tmp_path / name).touch()
    monkeypatch.setattr(file, "MOST_BYTES", 100)
    file._read.cache_clear()
    with pytest.raises(TrialError, match=rf"{name}: holds more than 100 bytes: keep the rows of this run alone"):
        forecast(m)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("unique_id,ds,cutoff,y_hat\npurchase,20240501,2024-04-30,1\n", "ds holds what is no day"),
        ("unique_id,unique_id,ds,cutoff,y_hat\na,a,2024-05-01,2024-04-30,1\n", "there are two columns unique_id"),
    ],
)
def test_days_without_dashes_and_columns_that_stand_twice_are_told(tmp_path, text, sentence):
    from forecasting.models.file import _table

    (tmp_path / "made.csv").write_text(text)
    with pytest.raises(TrialError, match=sentence):
        _table(str(tmp_path / "made.csv"))
