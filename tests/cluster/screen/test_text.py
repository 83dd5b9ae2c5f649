import pytest

from cluster.screen.text import counted, fits_windows, number, period, share


def test_numbers():
    assert (number(None), number(3.14159), share(float("nan")), share(0.251)) == ("-", "3.14", "", "25%")


def test_windows_are_shown_where_there_is_room():
    assert fits_windows(130, 4)
    assert not fits_windows(129, 4)


@pytest.mark.parametrize(
    ("n", "noun", "text"),
    [
        (1, "days", "1 day"),
        (0, "days", "0 days"),
        (1, "work days", "1 work day"),
        (1, "batches", "1 batch"),
        (2, "batches", "2 batches"),
        (1, "series", "1 series"),
    ],
)
def test_what_is_counted_is_singular_or_plural(n, noun, text):
    assert counted(n, noun) == text


def test_points_are_for_one_period():
    assert (period("weeks"), period("work days")) == ("a week", "a work day")
