"""Days and numbers in all the ways in which they are written."""

from __future__ import annotations

import pyarrow as pa
import pytest

from forecasting.data.formats.writing.days import decode_dates
from forecasting.data.formats.writing.numerals import decode_numbers


@pytest.mark.parametrize(
    ("column", "want"),
    [
        (
            pa.array(["20140301", "2014-03-01", "2014/3/1", "2014.03.01", "2014-03-01T00:00:00", " 20140301 "]),
            "2014-03-01",
        ),
        (pa.array([20140301], pa.int32()), "2014-03-01"),
        (pa.array([20140301.0]), "2014-03-01"),
        (pa.array([16130], pa.int32()).cast(pa.date32()), "2014-03-01"),
        (pa.array([1393632000], pa.int64()).cast(pa.timestamp("s")), "2014-03-01"),
        (pa.array(["20140301"]).dictionary_encode(), "2014-03-01"),
        (pa.array(["2014-03-01 12:00", "20141301", "1", "", None, "18990101", "2014-03/01", "nan"]), "NaT"),
        (pa.array([1393632001], pa.int64()).cast(pa.timestamp("s")), "NaT"),
        (pa.array([True]), "NaT"),
        (pa.nulls(2), "NaT"),
        (pa.array([20140301.5]), "NaT"),
    ],
)
def test_days(column: pa.Array, want: str) -> None:
    assert {str(d) for d in decode_dates(column)} == {want}


def test_numbers() -> None:
    text = [
        "1",
        " -2.5 ",
        "1,234,567.5",
        "+3",
        "1e3",
        "",
        None,
        "NULL",
        "1,23",
        "0x1F",
        "inf",
        "1e999",
        "١",
        "1_000",
        "--1",
    ]
    numbers = decode_numbers(pa.array(text))
    assert list(numbers.values)[:5] == [1, -2.5, 1234567.5, 3, 1000]
    assert numbers.missing.tolist() == [False] * 5 + [True] * 3 + [False] * 7
    assert numbers.bad.tolist() == [False] * 8 + [True] * 7
    floats = decode_numbers(pa.array([1.5, float("nan"), float("inf"), None]))
    assert floats.missing.tolist() == [False, True, False, True]
    assert floats.bad.tolist() == [False, False, True, False]
    assert decode_numbers(pa.array([True, None])).bad.tolist() == [True, False]
