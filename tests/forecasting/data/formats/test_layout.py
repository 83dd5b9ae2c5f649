"""A CSV's head tells its names, encoding and header lines; its records are traced to rows."""

from __future__ import annotations

import io

import pytest

from forecasting.data.formats.layout import layout_of, one_line_each, record_rows
from forecasting.errors import DataError


def test_layout_of_a_head() -> None:
    layout = layout_of("d.csv", b"\xef\xbb\xbf\n a , b\r\n1,2\n")
    assert (layout.columns, layout.encoding, layout.header_lines, layout.bare) == (("a", "b"), "utf-8", 2, False)
    assert layout_of("d.csv", "日期,y\n".encode("gb18030")).encoding == "gb18030"
    assert layout_of("d.csv", b"a,b\n\r\n").bare
    assert not layout_of("d.csv", b"a,b\n \n").bare


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"", "it is empty"),
        (b"\xff\xfea", "it is written in UTF-16"),
        (b"a\xff\xff", "it is neither UTF-8 nor GB18030 text"),
    ],
)
def test_what_has_no_header_is_refused(head: bytes, what: str) -> None:
    with pytest.raises(DataError) as caught:
        layout_of("d.csv", head)
    assert (caught.value.where, caught.value.what) == ("d.csv", what)


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
