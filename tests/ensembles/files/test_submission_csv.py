from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ensembles.blend.fit import BlendSpec, fit_blend
from ensembles.evaluation.submission_score import score_submission
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.oof_parquet import OofFile
from ensembles.files.submission_csv import forecast_csv, submission_csv
from ensembles.risk.bands import Bands
from forecasting.calendar import Calendar
from forecasting.errors import DataError
from forecasting.schema import as_dates
from tests.ensembles.cubes import month_cutoffs, random_cube

WEIGHTS = {"purchase": 0.45, "redeem": 0.55}
DAYS = as_dates(["2014-09-05", "2014-09-06", "2014-09-28"])


def test_submission_is_dates_and_whole_numbers_without_header() -> None:
    y_hat = {"purchase": np.array([1.5, 1e17, -3.0]), "redeem": np.array([2.5, 0.4, 7.0])}
    text = submission_csv(DAYS, y_hat, ["purchase", "redeem"]).decode()
    assert text == "20140905,2,2\n20140906,100000000000000000,0\n20140928,0,7\n"


def test_a_panel_names_the_entity_first_and_leaves_out_incomplete_ones() -> None:
    y_hat = {
        "a/b/purchase": np.ones(3),
        "x,y/redeem": np.ones(3),
        "a/b/redeem": np.ones(3),
        "x,y/purchase": np.zeros(3),
    }
    y_hat["lonely/purchase"] = np.ones(3)
    rows = list(csv.reader(io.StringIO(submission_csv(DAYS, y_hat, ["purchase", "redeem"]).decode())))
    assert [r[0] for r in rows] == ["a/b"] * 3 + ["x,y"] * 3
    assert rows[3] == ["x,y", "20140905", "0", "1"]


def test_a_forecast_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        submission_csv(DAYS, {"purchase": np.array([1.0, np.nan, 2.0])}, ["purchase"])


def test_forecast_for_people_has_day_types_and_net_flow() -> None:
    y_hat = {"purchase": np.array([12345.0, 5.0, 100.0]), "redeem": np.array([20000.0, 1.0, 99.0])}
    raw = forecast_csv(DAYS, y_hat, ["purchase", "redeem"], Calendar("CN"), "fen", ("purchase", "redeem"))
    rows = list(csv.DictReader(io.StringIO(raw.decode())))
    assert [r["day_type"] for r in rows] == ["work day", "day off", "shifted work day"]
    assert [r["weekday"] for r in rows] == ["Fri", "Sat", "Sun"]
    assert rows[0]["purchase_cny"] == "123.45"
    assert rows[0]["net_flow_cny"] == "-76.55"
    assert rows[1]["net_flow_cny"] == "0.04"
    assert rows[2]["redeem_fen"] == "99"
    plain = forecast_csv(DAYS, y_hat, ["purchase", "redeem"], Calendar(None), "CNY").decode().splitlines()
    assert plain[0] == "date,weekday,day_type,holiday,event,purchase_cny,redeem_cny"
    assert plain[1] == "2014-09-05,Fri,work day,,,12345,20000"


def test_bands_stand_beside_the_forecast_in_cny() -> None:
    y_hat = {"purchase": np.full(3, 10000.0)}
    ends = {level: np.array([9000.4, np.nan, 1.0]) for level in (80, 95)}
    bands = {"purchase": Bands(ends, {level: 2 * value for level, value in ends.items()})}
    raw = forecast_csv(DAYS, y_hat, ["purchase"], Calendar("CN"), "fen", None, bands).decode()
    rows = list(csv.DictReader(io.StringIO(raw)))
    names = ["purchase_cny_lo_95", "purchase_cny_lo_80", "purchase_cny_hi_80", "purchase_cny_hi_95"]
    assert list(rows[0])[-4:] == names
    assert [rows[0][name] for name in names] == ["90.00", "90.00", "180.01", "180.01"]
    assert rows[1]["purchase_cny_lo_80"] == ""


def test_bands_are_columns_of_the_blend_in_the_tables() -> None:
    cubes = {"in": random_cube("in", "a:x1 b:y1", month_cutoffs(3), 28, seed=3)}
    blend = fit_blend(cubes, {"in": 1.0}, BlendSpec(candidates=("mean",)), "linear")
    final = {"in": cubes["in"].y_hat[:, 2]}
    blended = {"in": blend.apply("in", final["in"])}
    bands = {"in": blend.bands("in", blended["in"])}
    ds = np.datetime64("2014-06-01") + np.arange(28)
    forecast = ForecastFile.of(cubes, final, blended, ds, bands).to_arrow().to_pandas()
    assert list(forecast.columns)[-4:] == ["lo_95", "lo_80", "hi_80", "hi_95"]
    of_blend = forecast[forecast.member == "blend"]
    np.testing.assert_array_equal(of_blend.hi_80, bands["in"].high[80][0])
    assert (of_blend.lo_95 < of_blend.lo_80).all()
    assert forecast[forecast.member != "blend"].lo_80.isna().all()
    oof = OofFile.of(cubes, blend.prequential.y_hat, blend.prequential.bands).to_arrow().to_pandas()
    of_blend = oof[oof.member == "blend"]
    assert of_blend.lo_80.isna().sum() == 28
    np.testing.assert_array_equal(of_blend.hi_95[28:], blend.prequential.bands["in"].high[95][0, 1:].ravel())


def test_tables_hold_every_forecast_once() -> None:
    cubes = {t: random_cube(t, "a:x2 b:y1", month_cutoffs(3), 31, seed=i, n_series=2) for i, t in enumerate(WEIGHTS)}
    for cube in cubes.values():
        cube.y_hat[:, 1, 28:], cube.y[:, 1, 28:] = np.nan, np.nan
        cube.y[1, 0, 3] = np.nan
    blend = fit_blend(cubes, WEIGHTS, BlendSpec(candidates=("mean",)), "linear")
    final = {t: cube.y_hat[:, 0] for t, cube in cubes.items()}
    blended = {t: blend.apply(t, y_hat) for t, y_hat in final.items()}
    ds = np.datetime64("2014-06-01") + np.arange(31)
    forecasts = pq.read_table(io.BytesIO(ForecastFile.of(cubes, final, blended, ds).to_bytes())).to_pandas()
    assert list(forecasts.columns) == ["unique_id", "ds", "member", "y_hat"]
    assert len(forecasts) == 2 * 2 * 31 * 4
    one = forecasts[(forecasts.unique_id == "fund1/redeem") & (forecasts.member == "b-y/s00")]
    np.testing.assert_array_equal(one.y_hat, final["redeem"][1, :, 2])
    assert str(one.ds.iloc[2])[:10] == "2014-06-03"

    oof = pq.read_table(io.BytesIO(OofFile.of(cubes, blend.prequential.y_hat).to_bytes())).to_pandas()
    assert list(oof.columns) == ["unique_id", "ds", "cutoff", "member", "y_hat", "y"]
    assert len(oof) == 2 * 2 * (31 + 28 + 31) * 4
    assert oof.y_hat.notna().all()
    assert oof.y.isna().sum() == 2 * 4
    blended_rows = oof[(oof.member == "blend") & (oof.unique_id == "fund0/purchase")]
    np.testing.assert_array_equal(
        blended_rows.y_hat, blend.prequential.y_hat["purchase"][0][~np.isnan(cubes["purchase"].y_hat[0, ..., 0])]
    )
    assert {str(c)[:10] for c in oof.cutoff} == {"2014-02-28", "2014-03-31", "2014-04-30"}


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
        (b"20140801,1,2\n20140802,1,-2\n", TRUTH, "submission:2: redeem is '-2'"),
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
