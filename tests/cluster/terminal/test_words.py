import pytest

from cluster.terminal.words import counted


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
