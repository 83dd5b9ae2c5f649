from __future__ import annotations

import pytest

from ensembles.files.prediction_json import PredictionFile
from forecasting.digests import seal
from forecasting.errors import StorageError

FACTS = PredictionFile(
    run="runs/a",
    data="数据 <i>.csv",
    cutoff="2014-08-31",
    start="2014-09-01",
    end="2014-09-30",
    updated=False,
    notes=("one series is new",),
    files={"submission.csv": "0123"},
)
TEXT = """{
 "schema_version": 2,
 "run": "runs/a",
 "data": "数据 <i>.csv",
 "cutoff": "2014-08-31",
 "start": "2014-09-01",
 "end": "2014-09-30",
 "updated": false,
 "notes": [
  "one series is new"
 ],
 "files": {
  "submission.csv": "0123"
 }
}
"""


def sealed(text: str) -> bytes:
    return seal(text.encode(), PredictionFile.FILE)


def test_the_file_comes_back() -> None:
    assert FACTS.to_bytes() == sealed(TEXT)
    assert PredictionFile.from_bytes(sealed(TEXT), "out") == FACTS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", r"out/prediction\.json is damaged"),
        (TEXT.encode(), r"out/prediction\.json is damaged \(its content and its digest do not agree\): run the same"),
        (sealed(TEXT).replace(b"08-31", b"08-30"), r"its content and its digest do not agree"),
        (sealed(TEXT.replace('"cutoff"', '"day"')), r"out/prediction\.json is damaged \(cutoff: "),
        (sealed(TEXT.replace('version": 2', 'version": 3')), "has schema version 3 and this program reads 2"),
        (TEXT.replace('version": 2', 'version": 1').encode(), "has schema version 1 and this program reads 2"),
    ],
)
def test_a_damaged_file_gets_a_sentence(content: bytes, message: str) -> None:
    with pytest.raises(StorageError, match=message):
        PredictionFile.from_bytes(content, "out")
