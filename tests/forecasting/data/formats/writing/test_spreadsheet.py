import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.data.formats.writing.spreadsheet import marked, unmarked

FORMULAS = [
    *("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx", "\rx", "\nx", "=cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0"),
    *("  =1", "\u00a0=1", '"=1', "'=1", " '\"=1", "\u200b=1", "\ufeff=1", "＝1", "＋1", "－1+1", "＠x", "-", "-inf"),
]
TEXTS = ["", "a", "a=1", "余额", "'a", "[/]", "1+1", "Mon", "2024-01-01", "x\n=1"]
NUMBERS = ["-5", "-5.25", "+3", "0", "-1e-5", "-12E+3"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_is_marked(text):
    assert marked(text) == "'" + text
    assert unmarked(marked(text)) == text


@pytest.mark.parametrize("text", TEXTS + NUMBERS)
def test_other_text_and_numbers_stay_as_they_are(text):
    assert marked(text) == text == unmarked(text)


@given(st.text(st.sampled_from("=+-@＝'\" \t\n\ra1.e\u200b")))
def test_what_was_marked_can_be_read(text):
    assert unmarked(marked(text)) == text
