from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ensembles.evaluation.submission_score import SubmissionScore, score_submission
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError

TRUTH = "report_date,purchase,redeem\n20140731,5,5\n20140801,100,1000\n2014-08-02,200,0\n"
PANEL = DataSpec(kind="panel", entity="fund", targets={"purchase": 0.5, "redeem": 0.5})


@pytest.fixture
def score(tmp_path: Path):
    def score(submission: str, truth: str = TRUTH, surrogate: str = "linear", spec: DataSpec | None = None):
        (tmp_path / "submission.csv").write_text(submission)
        (tmp_path / "truth.csv").write_text(truth)
        return score_submission(tmp_path / "submission.csv", tmp_path / "truth.csv", spec or DataSpec(), surrogate)

    return score


def month(days: int, *without: int) -> str:
    return "".join(f"201408{day:02},100,100\n" for day in range(1, days + 1) if day not in without)


def test_scores_a_submission_by_hand(score) -> None:
    result: SubmissionScore = score("20140801,103,1000\n20140802,260,0\n")
    assert result.targets["purchase"].score == pytest.approx((9.0 + 0.0) / 2)
    assert result.targets["redeem"].score == pytest.approx(10.0)
    assert result.targets["redeem"].zero_days == 1
    assert result.score == pytest.approx(0.45 * 4.5 + 0.55 * 10)
    assert result.targets["purchase"].mape == pytest.approx((0.03 + 0.3) / 2)
    assert (result.n_rows, result.n_expected, result.start, result.end) == (2, 2, "2014-08-01", "2014-08-02")
    assert result.as_json()["targets"]["purchase"]["score"] == pytest.approx(4.5)


@pytest.mark.parametrize(
    ("submission", "counted", "is_month"),
    [
        (month(30), (30, 30), True),
        (month(28), (28, 28), True),
        (month(27), (27, 27), False),
        (month(30, 15), (29, 30), False),
        (month(1), (1, 1), False),
    ],
)
def test_a_month_is_quoted_for_whole_months_alone(score, submission: str, counted: tuple[int, int], is_month) -> None:
    found = score(submission, month(31))
    assert (found.n_rows, found.n_expected) == counted
    assert (found.score_x30 == pytest.approx(300)) if is_month else found.score_x30 is None


def test_days_outside_the_submission_do_not_matter(score) -> None:
    truth = "ds,purchase,redeem\n20140801,100,100\n20140901,,-5\n20140901,-1,\n20140701,-3,4\n"
    assert score("20140801,100,100\n", truth).score == 10.0
    with pytest.raises(DataError, match="no actual value on 2014-09-01"):
        score("20140901,100,100\n", truth.replace("20140901,-1,\n", ""))
    with pytest.raises(DataError, match="2014-09-01 stands twice"):
        score("20140901,100,100\n", truth)


def test_a_day_that_both_tables_lack_is_missing(score) -> None:
    found = score(month(30, 15), month(31, 15))
    assert (found.n_rows, found.n_expected, found.score_x30) == (29, 30, None)


@pytest.mark.parametrize(("step", "noun"), [(1, "days"), (7, "weeks")])
def test_periods_have_their_names(score, step: int, noun: str) -> None:
    days = np.datetime64("2024-01-01") + step * np.arange(28)
    text = "".join(f"{day},1,1\n" for day in days)
    found = score(text, text)
    assert (found.noun, found.n_expected, found.score_x30 is None) == (noun, 28, noun != "days")


def test_a_long_panel_is_the_truth_of_a_submission(score) -> None:
    long = DataSpec(kind="panel", targets={"y": 1.0})
    found = score("A,20240909,100\n", "unique_id,ds,y\nA,2024-09-09,100\nB,2024-09-09,-1\n", spec=long)
    assert (found.score, found.n_expected) == (10.0, 1)


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_a_panel_may_have_series_without_an_entity(score, order: slice) -> None:
    spec = DataSpec(kind="panel", targets={"in": 0.5, "out": 0.5})
    ids = ("A/in", "A/out", "in", "out")
    truth = "unique_id,ds,y\n" + "".join(f"{uid},2024-09-09,100\n" for uid in ids)
    lines = ["A,20240909,100,100\n", ",20240909,100,70\n"][order]
    assert score("".join(lines), truth, spec=spec).score == pytest.approx(0.5 * 10 + 0.5 * 5)


def test_missing_days_count_by_entity(score) -> None:
    days = [f"2014-08-{day:02}" for day in range(1, 4)]
    truth = "fund,date,purchase,redeem\n" + "".join(f"{who},{day},1,1\n" for who in "abc" for day in days)
    submission = "".join(f"{who},{day},1,1\n" for who in "ab" for day in days if (who, day) != ("b", days[1]))
    found = score(submission, truth, spec=PANEL)
    assert (found.n_rows, found.n_expected) == (5, 6)


def test_wape_pools_the_days(score) -> None:
    result = score("20140801,103,1000\n20140802,260,0\n", surrogate="wape")
    assert result.targets["purchase"].score == pytest.approx(10 * (1 - 63 / 300))


def test_wape_judges_amounts_of_either_sign(score) -> None:
    truth = "ds,purchase,redeem\n20140801,-100,10\n20140802,50.5,10\n"
    result = score("20140801,-90,10\n20140802,40.5,10\n", truth, "wape")
    assert result.targets["purchase"].score == pytest.approx(10 * (1 - 20 / 150.5))
    with pytest.raises(DataError, match=r"truth.csv: purchase: -100 on 2014-08-01 is negative.+or use the score wape"):
        score("20140801,90,10\n", truth)


def test_every_format_of_the_data_is_scored(tmp_path: Path) -> None:
    table = pa.table({"ds": np.array(["2014-08-01"], dtype="datetime64[D]"), "purchase": [100.0], "redeem": [1000]})
    pq.write_table(table, tmp_path / "truth.parquet")
    (tmp_path / "truth.csv.gz").write_bytes(gzip.compress(TRUTH.encode()))
    for name, text in (
        ("a.csv", "date,redeem,purchase\r\n2014/8/1,1000,100\r\n\r\n"),
        ("b.csv", "0,20140801,100,1000\n"),
        ("c.csv", ',date,purchase,redeem\n0,2014-08-01,100.0,"1,000"\n'),
        ("d.csv", "Datum;purchase;redeem;ds\nx;5,0;5,00;31.07.2014\nx;100,0;1.000,00;01.08.2014\n"),
    ):
        (tmp_path / name).write_text(text)
        for truth in ("truth.parquet", "truth.csv.gz")[name == "d.csv" :]:
            found = score_submission(tmp_path / name, tmp_path / truth, DataSpec(), "linear")
            assert found.targets["redeem"].score == 10.0, name
    assert len(found.notes) == 3


def test_ids_of_a_panel_may_look_like_days(score) -> None:
    truth = "fund,date,purchase,redeem\n20140801,20140801,10,10\n008,20140801,20,20\n"
    panel = score("20140801,20140801,10,10\n008,20140801,40,20\n", truth, spec=PANEL)
    assert panel.targets["purchase"].score == 5.0


@pytest.mark.parametrize(
    ("submission", "truth", "message"),
    [
        ("", TRUTH, "submission.csv: it is empty"),
        ("date,purchase,redeem\n", TRUTH, "submission.csv: it holds a header and no rows"),
        ("20140801,1,2\n20140802,1\n", TRUTH, "submission.csv:2: the row has 2 fields and the header 3"),
        ("20140801,1,2\n20140802,1,\n", TRUTH, "submission.csv:2: redeem on 2014-08-02 is empty: fill it in"),
        ("20140801,1,2\n20140802,1,-2\n", TRUTH, "submission.csv: redeem: -2 on 2014-08-02 is negative"),
        ("20140801,1,2\n20140802,inf,2\n", TRUTH, "submission.csv:2: purchase on 2014-08-02 is 'inf', not a number"),
        ("20140801,1,2\n\n2014-02-30,1,2\n", TRUTH, "submission.csv:3: ds is '2014-02-30', not a day"),
        ("20141301,1,2\n20140802,1,2\n", TRUTH, "submission.csv: there is no column for ds among 20141301, 1, 2"),
        ("20140801,1,2\n20140801,1,2\n", TRUTH, "submission.csv:2: 2014-08-01 stands twice"),
        ("20140803,1,2\n", TRUTH, "truth.csv: no actual value on 2014-08-03"),
        ("20140801,1,2,3\n", TRUTH, "write date, purchase, redeem, or add a header"),
        ("date,in,out\n20140801,1,2\n", TRUTH, "there is no column for purchase"),
        ("f,20140801,1,2\n", TRUTH, "write date, purchase, redeem, or add a header"),
    ],
)
def test_bad_files_get_a_sentence(score, submission: str, truth: str, message: str) -> None:
    with pytest.raises(DataError, match=message.replace("(", r"\(")):
        score(submission, truth)


def test_a_file_that_is_not_there_or_not_parquet_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"no")
    (tmp_path / "s.csv").write_text("20140801,1,2\n")
    with pytest.raises(DataError, match=r"t\.parquet: it cannot be read"):
        score_submission(tmp_path / "s.csv", tmp_path / "t.parquet", DataSpec(), "linear")
    with pytest.raises(DataError, match=r"gone\.csv: there is no such file"):
        score_submission(tmp_path / "gone.csv", tmp_path / "s.csv", DataSpec(), "linear")
