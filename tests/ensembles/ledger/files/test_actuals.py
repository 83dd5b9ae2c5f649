"""The last word on a day counts, and what was revised is known."""

import numpy as np

from ensembles.ledger.files.actuals import Actuals, ReportedActuals
from tests.ensembles.ledger.cases import reported

FIRST = reported({"a": np.array([1.0, 2.0, 3.0]), "b": np.array([7.0, np.nan])}, "2024-01-01", "old.csv")
SECOND = reported({"a": np.array([2.5, 3.0, 4.0])}, "2024-01-02", "new.csv")


def test_later_tables_revise_earlier_ones():
    found = Actuals.of([FIRST, SECOND])
    assert found.unique_ids == ("a", "b")
    np.testing.assert_array_equal(found.y, [[1.0, 2.5, 3.0, 4.0], [7.0, np.nan, np.nan, np.nan]])
    assert found.revised.tolist() == [[False, True, False, False], [False] * 4]
    assert found.sentence == (
        "actual values of new.csv (2024-01-02 to 2024-01-04), before it old.csv (2024-01-01 to 2024-01-03); "
        "1 value was revised, and the last word counts"
    )


def test_values_are_found_by_series_and_day():
    found = Actuals.of([FIRST])
    ds = np.array(["2023-12-31", "2024-01-02", "2024-01-01", "2024-01-09"], dtype="datetime64[D]")
    np.testing.assert_array_equal(found.at(["a", "b", "z"], np.array([0, 0, 1, 1]), ds), [np.nan, 2.0, 7.0, np.nan])
    assert np.isnan(found.at(["z"], np.array([0]), ds[1:2])).all()
    assert np.isnan(Actuals.of([]).at(["a"], np.array([0]), ds[1:2])).all()


def test_a_table_says_the_same_under_another_name_and_in_another_order():
    turned = ReportedActuals.of(FIRST.unique_id[::-1], FIRST.ds[::-1], FIRST.y[::-1], "EUR", "copy.csv")
    assert turned.facts.identity == FIRST.facts.identity != SECOND.facts.identity
    read = ReportedActuals.from_bytes(FIRST.to_bytes({"p": 4}), "here")
    assert (read.facts.parents, read.facts.generation) == (("p",), 5)
    np.testing.assert_array_equal(read.y, FIRST.y)
    assert list(read.unique_id) == list(FIRST.unique_id)
