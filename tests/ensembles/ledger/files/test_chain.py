"""Files list the heads before them."""

import pytest

from ensembles.ledger.files.chain import heads_of, in_order, missing_from

PARENTS = {"d": ("b", "c"), "b": ("a",), "c": ("a",), "a": (), "e": ("a",)}


def test_heads_are_listed_by_nobody():
    assert heads_of(PARENTS, PARENTS) == ("d", "e")
    assert heads_of({}, ["x"]) == ("x",)


def test_files_come_after_those_they_list():
    assert in_order(PARENTS, dict.fromkeys(PARENTS, 0)) == ["a", "b", "c", "e", "d"]
    assert in_order({"b": ("gone",), "a": ("b",)}, {"a": 0, "b": 0}) == ["b", "a"]


def test_files_stay_in_order_where_one_between_them_is_gone():
    """d, then c (gone), then b, then another that is gone, then a."""
    assert in_order({"d": (), "b": ("c",), "a": ("gone",)}, {"d": 1, "b": 3, "a": 5}) == ["d", "b", "a"]


def test_what_is_listed_and_not_there_is_missing():
    assert missing_from({"b": ("a", "gone")}, ["a", "b"]) == ("gone",)


def test_no_digests_allow_a_circle():
    with pytest.raises(ValueError, match="list one another"):
        in_order({"a": ("b",), "b": ("a",)}, {"a": 1, "b": 1})
