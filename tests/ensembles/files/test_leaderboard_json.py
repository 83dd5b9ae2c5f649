from __future__ import annotations

import json

import pytest

from ensembles.files.leaderboard_json import LeaderboardFile
from forecasting.digests import seal
from forecasting.errors import StorageError

FACTS = {
    "schema_version": 2,
    "sort": "score",
    "surrogate": "linear",
    "weights": {"in": 1.0},
    "windows": [
        {"cutoff": "2014-03-31", "start": "2014-04-01", "end": "2014-04-30", "choice": {"in": "mean/families"}}
    ],
    "pairs": [
        {
            "methods": {"in": "mean/families"},
            "score": None,
            "surrogates": {"linear": 4.5},
            "score_in_sample": 5.0,
            "out": False,
            "chosen": True,
        }
    ],
    "coverage": {"in": {"80": {"share": 0.75, "low": None, "high": None, "days": 30, "windows": 1}}},
    "best_single": {"score": 4.0, "score_x30": 120.0, "per_window": [4.0], "picks": [None], "member": 'a "b"'},
    "settings": [
        {
            "setting": "数",
            "family": "a",
            "n_seeds": 2,
            "mean": 4.0,
            "sd": 0.5,
            "score_of_average": 4.25,
            "per_window": [4.25],
        }
    ],
    "rows": [
        {
            "member": "blend",
            "family": "blend",
            "setting": None,
            "seed": None,
            "member_id": None,
            "status": "ok",
            "reason": None,
            "score": 4.5,
            "score_x30": 135.0,
            "score_in_sample": 5.0,
            "per_window": [4.5],
            "targets": {"in": {"score": 4.5, "mape": 0.1, "smape": 0.1, "mase": None, "bias": 0.0, "weight": None}},
            "seconds": None,
            "device": None,
            "warnings": {},
        }
    ],
    "broken_series": {"a/in": "too short"},
}


def text_of(**changed: object) -> bytes:
    return seal((json.dumps(FACTS | changed, indent=1, ensure_ascii=False) + "\n").encode(), "leaderboard.json")


def test_the_file_comes_back_byte_for_byte() -> None:
    board = LeaderboardFile.from_bytes(text_of(), "run")
    assert board.to_bytes() == text_of()
    assert board.coverage["in"][80].share == 0.75
    assert board.rows[0].targets["in"].mape == 0.1


def test_what_newer_versions_add_is_passed_over() -> None:
    assert LeaderboardFile.from_bytes(text_of(extra=1), "run").to_bytes() == text_of()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rows": 3}, r"run/leaderboard\.json is damaged \(rows: .+\): run the same command"),
        ({"windows": [{}]}, r"damaged \(windows\.0\.cutoff: "),
        ({"schema_version": 9}, "has schema version 9 and this program reads 2"),
    ],
)
def test_a_file_that_does_not_fit_gets_a_sentence(changed: dict[str, object], message: str) -> None:
    with pytest.raises(StorageError, match=message):
        LeaderboardFile.from_bytes(text_of(**changed), "run")
