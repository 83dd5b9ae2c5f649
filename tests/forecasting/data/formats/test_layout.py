"""A CSV's head tells its names, encoding and header lines; its records are traced to rows."""

from __future__ import annotations

import io

import pytest

from forecasting.data.formats.layout import layout_of, one_line_each, record_rows
from forecasting.errors import DataError


def test_layout_of_a_head() -> None:
    layout = layout_of("d.csv", "\n a , b\r\n1,2\n")
    assert (layout.columns, layout.separator, layout.header_lines) == (("a", "b"), ",", 2)
    assert layout_of("d.csv", "a\n1\n").separator == ","
    assert layout_of("d.csv", '"a, net";b\n1,5;2,5\n').separator == ";"
    assert layout_of("d.csv", "a;b, net\n20140101;1,5\n").separator == ";"
    assert layout_of("d.csv", "a|b;c\n1|2\n").separator == "|"
    assert layout_of("d.csv", "sep=\t\na,b\tc\n1\t2\n").columns == ("a,b", "c")


def test_a_header_with_several_separators_is_judged_by_all_rows() -> None:
    def whole() -> list[str]:
        return ["a;b, net\n", *["1;2,5\n"] * 3, *["1;2\n"] * 4]

    assert layout_of("d.csv", "a;b, net\n1;2,5\n", None, whole).separator == ";"


def test_what_has_no_header_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        layout_of("d.csv", "")
    assert (caught.value.where, caught.value.what) == ("d.csv", "it is empty")


@pytest.mark.parametrize(
    ("block", "n_rows", "plain"),
    [
        (b"1,2\n3,4\n", 2, True),
        (b"1,2\r\n3,4", 2, True),
        (b"1,2\n\n3,4\n", 2, False),
        (b'1,"2\n3"\n', 1, False),
        (b"1,2\r3,4\n\n", 2, False),
    ],
)
def test_rows_on_one_line_each(block: bytes, n_rows: int, plain: bool) -> None:
    assert one_line_each(block, n_rows) is plain


def test_records_begin_behind_empty_lines_and_long_cells() -> None:
    text = io.StringIO('a,b\n1,2\n\n3,"4\n5"\n6,7\n', newline="")
    assert list(record_rows(text, 1)) == [2, 4, 6]
