from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ensembles.evaluation.submission_score import score_submission
from forecasting.errors import DataError

WEIGHTS = {"purchase": 0.45, "redeem": 0.55}
TRUTH = b"report_date,purchase,redeem\n20140731,5,5\n20140801,100,1000\n2014-08-02,200,0\n"


def test_scores_a_submission_by_hand() -> None:
    result = score_submission(b"20140801,103,1000\n20140802,260,0\n", TRUTH, WEIGHTS, "linear")
    assert result.targets["purchase"].score == pytest.approx((9.0 + 0.0) / 2)
    assert result.targets["redeem"].score == pytest.approx(10.0)
    assert result.targets["redeem"].zero_days == 1
    assert result.score == pytest.approx(0.45 * 4.5 + 0.55 * 10)
    assert result.score_x30 == pytest.approx(30 * result.score)
    assert result.targets["purchase"].mape == pytest.approx((0.03 + 0.3) / 2)
    assert (result.n_rows, result.start, result.end) == (2, "2014-08-01", "2014-08-02")
    assert result.as_json()["targets"]["purchase"]["score"] == pytest.approx(4.5)


def test_wape_pools_the_days() -> None:
    result = score_submission(b"20140801,103,1000\n20140802,260,0\n", TRUTH, WEIGHTS, "wape")
    assert result.targets["purchase"].score == pytest.approx(10 * (1 - 63 / 300))


def test_wape_judges_amounts_of_either_sign() -> None:
    truth = b"ds,purchase,redeem\n20140801,-100,10\n20140802,50.5,10\n"
    result = score_submission(b"20140801,-90,10\n20140802,40.5,10\n", truth, WEIGHTS, "wape")
    assert result.targets["purchase"].score == pytest.approx(10 * (1 - 20 / 150.5))
    with pytest.raises(DataError, match=r"truth: purchase: -100 on 2014-08-01 is negative.+or use the score wape"):
        score_submission(b"20140801,90,10\n", truth, WEIGHTS, "linear")


def test_header_order_parquet_and_panels(tmp_path: Path) -> None:
    submission = b"date,redeem,purchase\r\n2014/8/1,1000,100\r\n\r\n"
    table = pa.table({"ds": np.array(["2014-08-01"], dtype="datetime64[D]"), "purchase": [100.0], "redeem": [1000]})
    pq.write_table(table, tmp_path / "truth.parquet")
    (tmp_path / "submission.csv").write_bytes(submission)
    assert score_submission(tmp_path / "submission.csv", tmp_path / "truth.parquet", WEIGHTS, "linear").score == 10.0
    truth = b"date,fund,purchase,redeem\n20140801,007,10,10\n20140801,008,20,20\n"
    panel = score_submission(b"007,20140801,10,10\n008,20140801,40,20\n", truth, WEIGHTS, "linear")
    assert panel.targets["purchase"].score == 5.0


@pytest.mark.parametrize(
    ("submission", "truth", "message"),
    [
        (b"", TRUTH, "submission: is empty"),
        (b"date,purchase,redeem\n", TRUTH, "submission: has a header and no rows"),
        (b"20140801,1,2\n20140802,1\n", TRUTH, "submission:2: has 2 columns, and 3 are needed"),
        (
            b"20140801,1,2\n20140802,1,-2\n",
            TRUTH,
            "submission: redeem: -2 on 2014-08-02 is negative",
        ),
        (b"20140801,1,2\n20140802,inf,2\n", TRUTH, "submission:2: purchase is 'inf'"),
        (b"20140801,1,2\n\n2014-02-30,1,2\n", TRUTH, "submission:3: '2014-02-30' is not a date"),
        (b"20141301,1,2\n20140802,1,2\n", TRUTH, "submission:1: there is no date in 20141301, 1, 2"),
        (b"20140801,1,2\n20140801,1,2\n", TRUTH, "submission:2: 2014-08-01 stands there twice"),
        (b"20140803,1,2\n", TRUTH, "truth: no actual value on 2014-08-03"),
        (b"20140801,1,2,3\n", TRUTH, "without a header they must be a date and purchase, redeem"),
        (b"date,in,out\n20140801,1,2\n", TRUTH, "there is no column for purchase"),
        (b"\xff\xfe2\x00", TRUTH, "not a CSV in UTF-8"),
        (b"f,20140801,1,2\n", TRUTH, "truth: has no entities"),
    ],
)
def test_bad_files_get_a_sentence(submission: bytes, truth: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message.replace("(", r"\(")):
        score_submission(submission, truth, WEIGHTS, "linear")


def test_a_file_that_is_not_there_or_not_parquet_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match=r"t\.parquet: is not a Parquet file"):
        score_submission(b"20140801,1,2\n", tmp_path / "t.parquet", WEIGHTS, "linear")
    with pytest.raises(DataError, match=r"gone\.csv: cannot be read"):
        score_submission(tmp_path / "gone.csv", TRUTH, WEIGHTS, "linear")
