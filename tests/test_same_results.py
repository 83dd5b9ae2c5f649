"""What `tests/bench/same_results.py` takes for a difference."""

import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.bench import same_results as bench


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"a": [1.0, math.nan]}, {"a": [1.0, math.nan]}, None),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "a.b[1]: 2 became 3"),
        ([{"a": 1}], [{"a": 1}, {"a": 2}], "[1]: 'nothing' became {'a': 2}"),
        ({"a": 1, "b": 2}, {"b": 2}, "a: 1 became 'nothing'"),
        ({"a": 1}, {"a": 1.0}, "a: 1 became 1.0"),
        (math.nan, None, "nan became None"),
        ([b"1,2\n"], [b"1,2\r\n"], r"[0]: b'1,2\n' became b'1,2\r\n'"),
    ],
)
def test_first_difference_has_its_place(old, new, found):
    assert bench.first_difference(old, new) == found


def write(folder, y_hat, seconds, score):
    folder.mkdir()
    table = pa.table({"unique_id": ["a", "b"], "y_hat": y_hat})
    pq.write_table(table, folder / "oof.parquet")
    (folder / "leaderboard.json").write_text(json.dumps({"rows": [{"seconds": seconds, "score": score}]}))
    return folder


def test_seconds_may_differ_and_results_may_not(tmp_path):
    old, same = write(tmp_path / "old", [1.0, 2.0], 1.0, 5.0), write(tmp_path / "same", [1.0, 2.0], 2.0, 5.0)
    assert all(found is None for _, found in bench.compare(old, same, bench.RUN_FILES))
    found = dict(bench.compare(old, write(tmp_path / "other", [2.0, 1.0], 1.0, 5.1), bench.RUN_FILES))
    assert found["oof.parquet"] == "rows[0].y_hat: 1.0 became 2.0"
    assert found["leaderboard.json"] == "rows[0].score: 5.0 became 5.1"


def test_a_file_of_one_side_only_is_a_difference(tmp_path):
    old, new = write(tmp_path / "old", [1.0, 2.0], 1.0, 5.0), write(tmp_path / "new", [1.0, 2.0], 1.0, 5.0)
    (new / "oof.parquet").unlink()
    found = dict(bench.compare(old, new, bench.RUN_FILES))
    assert found["."] is not None
    assert found["oof.parquet"] is not None


def test_a_program_from_another_tree_is_refused(tmp_path):
    with pytest.raises(bench.ProgramFailedError, match="not imported from"):
        bench.call(tmp_path, "--version")
