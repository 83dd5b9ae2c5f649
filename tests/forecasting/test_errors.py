"""Errors carry their place, cause and remedy, and read as one sentence."""

from __future__ import annotations

import pickle

import pytest

from forecasting.errors import ConfigError, DataError, StorageError, TidecastError, TrialError

KINDS = (DataError, ConfigError, StorageError, TrialError)


@pytest.mark.parametrize("kind", KINDS)
def test_fields_make_the_sentence(kind: type[TidecastError]) -> None:
    error = kind(where="d.csv:4", what="redeem is empty", remedy="fill it in")
    assert str(error) == "d.csv:4: redeem is empty: fill it in"
    assert str(kind(where="d.csv", what="it is empty")) == "d.csv: it is empty"
    assert (error.where, error.what, error.remedy) == ("d.csv:4", "redeem is empty", "fill it in")


def test_a_plain_sentence_is_what_is_wrong() -> None:
    error = DataError("a: b: c")
    assert str(error) == error.what == "a: b: c"
    assert error.where == error.remedy == ""


def test_a_sentence_may_differ_from_its_fields() -> None:
    error = DataError("first of all: d.csv:4: empty", where="d.csv:4", what="empty")
    assert str(error) == "first of all: d.csv:4: empty"
    assert error.where == "d.csv:4"


def test_fields_survive_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(DataError(where="a", what="b", remedy="c")))
    assert str(error) == "a: b: c"
    assert (error.where, error.what, error.remedy) == ("a", "b", "c")
