"""Frames in and out: ids, column names and dates come back as they were."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cluster import api
from cluster.frames import file_of
from cluster.notebook.spelling import Spelling
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError

pytestmark = pytest.mark.usefixtures("without_charts")

DAYS = 70
CONFIG: dict[str, Any] = {
    "data": {"targets": {"sales": 1.0}},
    "calendar": None,
    "windows": {"unit": "day", "n_windows": 2, "horizon": 7},
    "members": [{"model": "weekday-median"}],
}
LOCAL: dict[str, Any] = {"executor": "local", "quiet": True}


def long(*ids: object) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    parts = [
        pd.DataFrame(
            {
                "unique_id": pd.Series([uid] * DAYS, dtype=object if isinstance(uid, str) else None),
                "ds": pd.date_range("2024-01-01", periods=DAYS),
                "y": np.round(rng.uniform(90, 110, DAYS) * size, 2),
            }
        )
        for size, uid in zip((1, 60), ids, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


class FromArrow:
    """As polars gives its columns."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


LONG = DataSpec(kind="panel", targets={"sales": 1.0})


def read(frame: Any) -> tuple[pd.DataFrame, Spelling]:
    with file_of(frame) as written:
        return pd.read_parquet(written.path), written.spelling(LONG)


@pytest.mark.parametrize(
    "ids", [("shop1", "shop1/fees"), ('Zürich, "Süd"', "Köln; Ost"), (7, 12), ("007", "7"), ("sales", "a/sales")]
)
def test_ids_come_back_as_they_were(ids: tuple[object, object], tmp_path: Any) -> None:
    frame = long(*ids)
    run = api.run(frame, CONFIG, run_dir=str(tmp_path / "run"), **LOCAL)
    ahead = run.forecast()
    assert list(ahead) == ["unique_id", "ds", "member", "y_hat", "q025", "q10", "q50", "q90", "q975"]
    means = ahead.groupby("unique_id")["y_hat"].mean()
    assert (means[ids[0]] < 200, means[ids[1]] > 2000) == (True, True)
    assert len(run.oof().merge(frame, on=["unique_id", "ds"])) == len(run.oof())
    assert set(run.predict(frame)["unique_id"]) == set(ids)
    assert set(api.open_run(run.run_dir).forecast()["unique_id"]) == {str(uid) for uid in ids}


def test_ids_that_read_the_same_are_refused() -> None:
    with pytest.raises(DataError, match="ids 1 and '1' of the frame read the same"):
        read(long(1, "1"))


def test_columns_keep_the_names_that_the_configuration_gives(tmp_path: Any) -> None:
    names = {"unique_id": "shop", "ds": "day", "y": "amount"}
    config = CONFIG | {"data": {**CONFIG["data"], "kind": "panel", "columns": names}}
    frame = long("a", "b").rename(columns=names)
    run = api.run(frame, config, run_dir=str(tmp_path / "run"), **LOCAL)
    assert list(run.forecast())[:4] == ["shop", "day", "member", "y_hat"]
    assert {"shop", "day", "amount", "cutoff"} <= set(run.oof())
    assert list(run.predict(frame))[:2] == ["shop", "day"]
    assert run.plot("a").title.text == "a"


def test_periods_of_days_are_days_and_come_back_as_periods(tmp_path: Any) -> None:
    frame = long("a", "b")
    frame["ds"] = frame["ds"].dt.to_period("D")
    run = api.run(frame, CONFIG, run_dir=str(tmp_path / "run"), **LOCAL)
    assert run.forecast()["ds"].min() == pd.Period("2024-03-11", "D")
    assert len(run.oof().merge(frame, on=["unique_id", "ds"])) == len(run.oof())
    frame["ds"] = frame["ds"].dt.asfreq("M")
    with pytest.raises(DataError, match=r"holds periods of ME?: give days"):
        read(frame)


def test_days_of_a_zone_are_those_of_its_clock() -> None:
    frame = long("a", "b")
    frame["ds"] = frame["ds"].dt.tz_localize("Europe/Berlin")
    stored, spelling = read(frame)
    assert stored["ds"].iloc[0] == pd.Timestamp("2024-01-01")
    back = spelling.restore(pd.DataFrame({"unique_id": ["a"], "ds": [pd.Timestamp("2024-03-11")]}))
    assert back["ds"].iloc[0] == pd.Timestamp("2024-03-11", tz="Europe/Berlin")


def test_columns_that_nobody_asked_for_do_no_harm() -> None:
    frame = long("a", "b")
    frame["note"] = [1, "x"] * DAYS
    frame["odd"] = [{1}, object()] * DAYS
    frame[3] = 1.0
    stored, _ = read(frame)
    assert list(stored["y"]) == list(frame["y"])
    assert list(stored["note"].iloc[:2]) == ["1", "x"]


def test_ids_may_stand_in_the_index() -> None:
    frame = long("a", "b")
    stored, _ = read(frame.set_index(["unique_id", "ds"]))
    pd.testing.assert_frame_equal(stored[["unique_id", "ds", "y"]], frame, check_dtype=False)


def test_frames_of_other_libraries_are_read_like_those_of_pandas() -> None:
    frame = long("a", "b")
    columns = {
        "unique_id": pa.array(frame["unique_id"], pa.large_string()),
        "ds": pa.array(frame["ds"].dt.date, pa.date32()),
        "y": pa.array(frame["y"]),
    }
    stored, _ = read(FromArrow(pa.table(columns)))
    assert list(stored["unique_id"]) == list(frame["unique_id"])
    assert pd.to_datetime(stored["ds"]).iloc[-1] == frame["ds"].iloc[-1]
    panel = api.to_panel(FromArrow(pa.table(columns)), ["sales"])
    assert panel.y.shape == (2, DAYS)
    with (
        pytest.raises(DataError, match="list is no data frame: give a frame of pandas, polars or pyarrow"),
        file_of([1, 2]),
    ):
        pass


def test_panels_come_back_as_the_frames_they_were() -> None:
    frame = long("a/sales", "b/sales")
    frame["ds"] = frame["ds"].astype("datetime64[ns]")
    pd.testing.assert_frame_equal(api.to_frame(api.to_panel(frame, ["sales"])), frame, check_dtype=False)
    days = [dt.date(2024, 1, 1) + dt.timedelta(int(i)) for i in np.tile(np.arange(DAYS), 2)]
    pd.testing.assert_frame_equal(
        api.to_frame(api.to_panel(frame.assign(ds=days), ["sales"])), frame, check_dtype=False
    )


@pytest.mark.parametrize("entity", [True, False])
def test_a_run_opened_again_has_the_names_of_the_frame(tmp_path: Any, entity: bool) -> None:
    days = pd.date_range("2024-01-01", periods=120)
    frame = pd.DataFrame({"Day": days, "Money in": np.random.default_rng(0).gamma(50, 2, 120)})
    keys: dict[str, Any] = {"kind": "table"}
    if entity:
        frame["Bank"] = "main"
        keys = {"kind": "panel", "entity": "Bank"}
    data = {**keys, "columns": {"ds": "Day", "inflow": "Money in"}, "targets": {"inflow": 1.0}}
    run = api.run(frame, {**CONFIG, "data": data}, run_dir=str(tmp_path / "run"), **LOCAL)
    ahead = run.forecast()
    assert {"Day", *(["Bank"] if entity else [])} < set(ahead)
    pd.testing.assert_frame_equal(api.open_run(run.run_dir).forecast(), ahead)
    pd.testing.assert_frame_equal(api.open_run(run.run_dir).oof(), run.oof())
    frame.to_csv(tmp_path / "flows.csv", index=False)
    of_file = api.run(tmp_path / "flows.csv", {**CONFIG, "data": data}, run_dir=str(tmp_path / "of-file"), **LOCAL)
    assert "ds" in of_file.forecast()
    pd.testing.assert_frame_equal(api.open_run(of_file.run_dir).forecast(), of_file.forecast())
