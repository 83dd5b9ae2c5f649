"""A vintage says the same after it was stored, and its identity is what it says."""

import numpy as np
import pyarrow as pa
import pytest

from ensembles.ledger.files.facts import LedgerFacts, table_bytes
from ensembles.ledger.files.vintage import Vintage
from forecasting.errors import DamagedFile, StorageError
from tests.ensembles.ledger.cases import facts, forecast_file, vintage

VALUES = {"b": np.array([1.5, 2.5, 3.5]), "a": np.array([4.0, 5.0, 6.0])}
MEMBERS = {"a": {"naive": np.array([4.0, 5.0, 7.0]), "arima": np.array([3.0, 4.0, 5.0])}, "b": {"naive": np.ones(3)}}


@pytest.fixture
def one():
    parts = {"level": np.arange(6.0), "learned": np.array([1.5, 1.5, 1.5, 1.0, 1.0, 1.0])}
    return vintage("2024-01-31", VALUES, parts, MEMBERS, width=0.2)


def test_what_is_read_is_what_was_written(one):
    read = Vintage.from_bytes(one.to_bytes({"x": 2, "w": 1}), "here")
    assert read.facts.parents == ("w", "x")
    assert read.facts.identity == one.facts.identity
    assert read.unique_ids == ("a", "b")
    for name in ("place", "ds", "lead", "y_hat"):
        np.testing.assert_array_equal(getattr(read, name), getattr(one, name))
    for name in ("quantiles", "members", "parts"):
        ours, theirs = getattr(one, name), getattr(read, name)
        assert ours.keys() == theirs.keys()
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key])
    assert read.series == one.series
    assert list(one.lead) == [1, 2, 3, 1, 2, 3]


def test_members_that_said_nothing_of_a_series_are_unknown_there(one):
    np.testing.assert_array_equal(one.members["arima"], [3.0, 4.0, 5.0, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(one.members["naive"], [4.0, 5.0, 7.0, 1.0, 1.0, 1.0])


def test_some_series_alone(one):
    read = Vintage.from_bytes(one.to_bytes(), "here", ["b"])
    assert read.unique_ids == ("b",)
    assert list(read.y_hat) == [1.5, 2.5, 3.5]


def test_identity_knows_no_order_and_no_program():
    one = vintage("2024-01-31", VALUES)
    turned = vintage("2024-01-31", dict(reversed(VALUES.items())), program="another")
    assert one.facts.identity == turned.facts.identity
    assert one.to_bytes() == vintage("2024-01-31", VALUES).to_bytes()


@pytest.mark.parametrize(
    "other",
    [
        vintage("2024-01-31", {**VALUES, "b": np.array([1.5, 2.5, 3.5000001])}),
        vintage("2024-01-31", {**VALUES, "c": np.ones(3)}),
        vintage("2024-01-30", VALUES),
        vintage("2024-01-31", VALUES, configuration="other"),
        vintage("2024-01-31", VALUES, data="other"),
    ],
)
def test_what_is_said_makes_the_identity(other):
    assert other.facts.identity != vintage("2024-01-31", VALUES).facts.identity


def test_a_newer_layout_is_refused():
    newer = table_bytes(pa.table({"unique_id": ["a"]}), LedgerFacts(schema_version=LedgerFacts.SCHEMA + 1))
    with pytest.raises(StorageError, match="has schema version 2, and this program reads up to 1: use the version"):
        Vintage.from_bytes(newer, "here")


@pytest.mark.parametrize("data", [b"", b"PAR1 and nothing else PAR1", table_bytes(pa.table({"x": [1]}), LedgerFacts())])
def test_what_is_no_vintage_is_damaged(data):
    with pytest.raises(DamagedFile, match="here is damaged"):
        Vintage.from_bytes(data, "here")


def test_lead_times_of_work_days_begin_anew_with_every_series():
    ds = np.array(["2024-02-01", "2024-02-02", "2024-02-05"], dtype="datetime64[D]")
    told = facts("2024-01-31", "2024-02-01", "2024-02-05", freq="B")
    assert list(Vintage.of(told, forecast_file(ds, VALUES)).lead) == [1, 2, 3, 1, 2, 3]
