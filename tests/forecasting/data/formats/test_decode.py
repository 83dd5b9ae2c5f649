"""Days and numbers in all the ways in which they are written."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from forecasting.data.formats.writing.days import decode_dates
from forecasting.data.formats.writing.numerals import decode_numbers, parse_number, shapes_of


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


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1,234.50", ".", 1234.5),
        ("1'234.50", ".", 1234.5),
        ("1\u202f234,5 €", ",", 1234.5),
        ("(€12)", ".", -12),
        ("€-12", ".", -12),
        ("12 EUR-", ".", -12),
        ("(1,234.00) USD", ".", -1234),
        ("Fr. 12.50", ".", 12.5),
        ("\u22121.234", ",", -1234),
        ("1.234", ".", 1.234),
        ("(-5)", ".", None),
        ("0,123", ".", None),
        ("1,23", ".", None),
        ("1.23", ",", None),
        ("1,234.567,8", ".", None),
        ("1 2", ".", None),
        ("€ $ 5", ".", None),
        ("-", ".", None),
        ("EUR", ".", None),
    ],
)
def test_numbers_as_people_write_them(text: str, decimal: str, value: float | None) -> None:
    assert parse_number(text, decimal) == pytest.approx(float("nan") if value is None else value, nan_ok=True)


def test_what_cells_show_of_the_decimal_mark() -> None:
    cells = {
        "point": ["12.5", "1,234.5", "1234.567", "0.123", "1,234,567", "1 234.567", "1.234e3", ".5", "Fr. 12.50"],
        "comma": ["12,5", "1.234,5", "1234,567", "0,123", "1.234.567", "1'234,567", "1,234e3", ",5", "12,50 Fr."],
        "open_point": ["1.234", "-1.234-", "€1.234"],
        "open_comma": ["1,234", "(1,234)"],
        "": ["12", "x", "01.02.2024", "", None],
    }
    column = [cell for group in cells.values() for cell in group]
    shapes = shapes_of(pa.array(column))
    assert shapes is not None
    for kind, mask in vars(shapes).items():
        assert [cell for cell, shown in zip(column, mask, strict=True) if shown] == cells[kind]


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


@pytest.mark.parametrize("kind", [pa.decimal128(18, 2), pa.decimal256(50, 2)])
def test_decimals_are_the_nearest_numbers(kind: pa.DataType) -> None:
    amounts = np.round(np.random.default_rng(4).uniform(-1e6, 1e6, 5000), 2)
    exact = pa.array([Decimal(f"{amount:.2f}") for amount in amounts] + [None], kind)
    numbers = decode_numbers(exact)
    assert numbers.values[:-1].tolist() == amounts.tolist()  # as float("…"), and as a CSV gives them
    assert numbers.missing.tolist() == [False] * 5000 + [True]
    assert not numbers.bad.any()
