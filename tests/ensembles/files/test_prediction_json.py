from __future__ import annotations

import pytest

from ensembles.files.prediction_json import PredictionFile
from forecasting.errors import StorageError

FACTS = PredictionFile(
    run="runs/a",
    data="数据 <i>.csv",
    cutoff="2014-08-31",
    start="2014-09-01",
    end="2014-09-30",
    updated=False,
    notes=("one series is new",),
)
TEXT = """{
 "schema_version": 1,
 "run": "runs/a",
 "data": "数据 <i>.csv",
 "cutoff": "2014-08-31",
 "start": "2014-09-01",
 "end": "2014-09-30",
 "updated": false,
 "notes": [
  "one series is new"
 ]
}
"""


def test_the_file_comes_back() -> None:
    assert FACTS.to_bytes().decode() == TEXT
    assert PredictionFile.from_bytes(TEXT.encode(), "out") == FACTS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", r"out/prediction\.json is damaged"),
        (TEXT.replace('"cutoff"', '"day"').encode(), r"out/prediction\.json is damaged \(cutoff: "),
        (TEXT.replace('version": 1', 'version": 2').encode(), "has schema version 2 and this program reads 1"),
    ],
)
def test_a_damaged_file_gets_a_sentence(content: bytes, message: str) -> None:
    with pytest.raises(StorageError, match=message):
        PredictionFile.from_bytes(content, "out")
