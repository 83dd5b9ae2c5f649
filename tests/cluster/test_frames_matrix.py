"""Frames of every library, shape and kind of dates give the same forecasts under the keys that came in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from cluster import api
from cluster.frames import file_of

pytestmark = pytest.mark.usefixtures("without_charts")

DAYS = pd.date_range("2024-01-01", periods=70)
SHOPS = {7: 1.0, 12: 40.0}
COMMON: dict[str, Any] = {
    "windows": {"unit": "day", "n_windows": 2, "horizon": 7},
    "members": [{"model": "weekday-median"}],
}
WIDE = COMMON | {"data": {"kind": "panel", "entity": "shop", "columns": {"ds": "day"}, "targets": {"sales": 1.0}}}
LONG = COMMON | {"data": {"targets": {"sales": 1.0}}}
DATES: dict[str, Callable[[pd.Series[Any]], Any]] = {
    "tz": lambda ds: ds.dt.tz_localize("Europe/Berlin"),
    "period": lambda ds: ds.dt.to_period("D"),
    "object": lambda ds: ds.dt.date.astype(object),
    "ns": lambda ds: ds.astype("datetime64[ns]"),
    "us": lambda ds: ds.astype("datetime64[us]"),
}


def pandas_frame(shape: str, dates: str) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    parts = []
    for shop, size in SHOPS.items():
        y = np.round(rng.uniform(90, 110, len(DAYS)) * size, 2)
        parts.append(pd.DataFrame({"shop": shop, "day": DAYS, "sales": y, "note": [1, "x"] * (len(DAYS) // 2)}))
    frame = pd.concat(parts, ignore_index=True)
    frame["day"] = DATES[dates](frame["day"])
    names = {"shop": "unique_id", "day": "ds", "sales": "y"} if shape == "long" else {}
    return frame.rename(columns=names)


def of_arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame.drop(columns="note"), preserve_index=False)


LIBRARIES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda frame: frame,
    "pandas-pyarrow": lambda frame: of_arrow(frame).to_pandas(types_mapper=pd.ArrowDtype).assign(note=frame["note"]),
    "polars": lambda frame: pl.from_arrow(of_arrow(frame)),
    "pyarrow": of_arrow,
}


def cases() -> list[tuple[str, str, str, str]]:
    found = []
    for library in LIBRARIES:
        for shape in ("wide", "long"):
            for place in ("column", "index") if library.startswith("pandas") else ("column",):
                found += [(library, shape, place, d) for d in DATES if d != "period" or library == "pandas"]
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The forecast from a CSV."""
    folder = tmp_path_factory.mktemp("csv")
    pandas_frame("wide", "ns").to_csv(folder / "sales.csv", index=False)
    run = api.run(folder / "sales.csv", WIDE, run_dir=folder / "run", executor="local", quiet=True)
    return run.forecast()


@pytest.mark.parametrize(("library", "shape", "place", "dates"), cases())
def test_every_frame_gives_the_same(
    library: str, shape: str, place: str, dates: str, expected: pd.DataFrame, tmp_path: Any
) -> None:
    frame = LIBRARIES[library](pandas_frame(shape, dates))
    date = "ds" if shape == "long" else "day"
    frame = frame.set_index(date) if place == "index" else frame
    run = api.run(frame, LONG if shape == "long" else WIDE, run_dir=tmp_path / "run", executor="local", quiet=True)
    found = run.forecast()
    key = "unique_id" if shape == "long" else "shop"
    assert list(found[key]) == [12] * 7 + [7] * 7  # sorted as texts
    assert isinstance(found[key].iloc[0], (int, np.integer))
    np.testing.assert_array_equal(found["y_hat"], expected["y_hat"])
    days = found[date]
    if dates == "tz":
        assert str(days.dt.tz) == "Europe/Berlin"
        days = days.dt.tz_localize(None)
    days = days.dt.to_timestamp() if dates == "period" else days
    assert list(days.dt.date) == [DAYS[-1].date() + dt.timedelta(k) for k in range(1, 8)] * 2


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_frame_alone_is_enough(library: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pandas_frame("wide", "us")
    frame = frame[frame["shop"] == 7].drop(columns="shop").assign(id=range(len(DAYS)))
    options: dict[str, Any] = {"executor": "local", "overrides": ["members=[{model: weekday-median}]"]}
    run = api.run(LIBRARIES[library](frame), horizon=5, run_dir=tmp_path / "run", **options)
    assert len(run.forecast()) == 5
    assert list(run.forecast())[:2] == ["unique_id", "day"]
    said = capsys.readouterr().err
    assert "inferred from the frame" in said
    assert "left aside: id" in said


@pytest.mark.parametrize("wrong", [[1, 2], 3, {"day": [1]}, np.zeros((3, 2)), pd.Series([1.0, 2.0])])
def test_what_is_no_frame_gets_one_sentence(wrong: Any) -> None:
    with pytest.raises(Exception, match="is no data frame: give a frame of pandas, polars or pyarrow"):
        api.run(wrong, executor="local")


def test_kinds_of_polars_that_parquet_or_arrow_lack() -> None:
    days = pd.date_range("2024-01-01", periods=4)
    frame = pl.DataFrame({"day": days.strftime("%Y-%m-%d"), "kind": ["a", None, "b", "a"], "amount": [1, 2, 3, 4]})
    frame = frame.with_columns(
        pl.col("day").cast(pl.Categorical),
        pl.col("kind").cast(pl.Enum(["b", "a"])),
        pl.col("amount").cast(pl.Int128),
    )
    with file_of(pl.concat([frame[:2], frame[2:]], rechunk=False)) as written:
        stored = pd.read_parquet(written.path)
    assert stored["day"].tolist() == list(days.strftime("%Y-%m-%d"))
    assert [None if pd.isna(kind) else kind for kind in stored["kind"]] == ["a", None, "b", "a"]
    assert stored["amount"].astype(int).tolist() == [1, 2, 3, 4]


def test_options_may_be_single_or_of_numpy(tmp_path: Any) -> None:
    frame = pd.DataFrame({"day": DAYS, "sales": np.random.default_rng(2).uniform(90, 110, len(DAYS)).round(2)})
    run = api.run(
        frame,
        horizon=np.int64(5),
        targets=pd.Index(["sales"]),
        seed=np.int64(3),
        levels=np.array([60, 90]),
        overrides="members=[{model: weekday-median}]",
        executor="local",
        quiet=True,
        run_dir=tmp_path / "r",
    )
    assert list(run.forecast().columns) == ["unique_id", "day", "member", "y_hat", "q05", "q20", "q50", "q80", "q95"]
    assert (len(run.forecast()), run.facts["config"]["seed"]) == (5, 3)
