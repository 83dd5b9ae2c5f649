"""Files list the heads before them."""

import pytest

from ensembles.ledger.files.chain import heads_of, in_order, missing_from

PARENTS = {"d": ("b", "c"), "b": ("a",), "c": ("a",), "a": (), "e": ("a",)}


def test_heads_are_listed_by_nobody():
    assert heads_of(PARENTS, PARENTS) == ("d", "e")
    assert heads_of({}, ["x"]) == ("x",)


def test_files_come_after_those_they_list():
    assert in_order(PARENTS) == ["a", "b", "c", "e", "d"]
    assert in_order({"b": ("gone",), "a": ("b",)}) == ["b", "a"]


def test_what_is_listed_and_not_there_is_missing():
    assert missing_from({"b": ("a", "gone")}, ["a", "b"]) == ("gone",)


def test_no_digests_allow_a_circle():
    with pytest.raises(ValueError, match="list one another"):
        in_order({"a": ("b",), "b": ("a",)})
