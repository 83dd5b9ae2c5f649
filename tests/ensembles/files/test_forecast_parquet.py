from __future__ import annotations

import io
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ensembles.bands.rules import Bands
from ensembles.files.forecast_parquet import ForecastFile, TargetForecast
from forecasting.schema import as_dates
from tests.ensembles.cubes import month_cutoffs, random_cube

DAYS = as_dates("2014-06-01") + np.arange(3)
WEIGHTS = ("purchase", "redeem")
UIDS = {"purchase": ("a/b/purchase", "redeem/purchase"), "redeem": ("a/b/redeem", "redeem/redeem")}


def bands_around(values: np.ndarray) -> Bands:
    return Bands(values, {80: values * 0.8, 95: values * 0.5}, {80: values * 1.25, 95: values * 2.0})


def parts() -> list[TargetForecast]:
    rng = np.random.default_rng(1)
    made = []
    for target in WEIGHTS:
        blended = rng.uniform(1, 9, (2, 3))
        made.append(
            TargetForecast(UIDS[target], ("m1", "m2"), rng.uniform(1, 9, (2, 3, 2)), blended, bands_around(blended))
        )
    return made


def row_of(part: TargetForecast, series: int, day: int, member: int) -> tuple[object, ...]:
    """A row as the file's description says it."""
    of_blend = member == 2
    bands = part.bands
    assert bands is not None
    ends = bands.quantiles.values()
    entity, _, target = part.unique_ids[series].rpartition("/")
    return (
        part.unique_ids[series],
        entity,
        target,
        DAYS[day].item(),
        "blend" if of_blend else part.members[member],
        float(part.blended[series, day] if of_blend else part.y_hat[series, day, member]),
        *(float(end[series, day]) if of_blend else None for end in ends),
    )


def stored(rows: list[tuple[object, ...]]) -> bytes:
    types = [*[pa.string()] * 3, pa.date32(), pa.string(), *[pa.float64()] * 6]
    names = ["unique_id", "entity", "target", "ds", "member", "y_hat", "q025", "q10", "q50", "q90", "q975"]
    columns = zip(*rows, strict=True)
    table = pa.table({n: pa.array(list(c), t) for n, c, t in zip(names, columns, types, strict=True)})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def test_a_prediction_is_by_series_then_member_then_day() -> None:
    rows = [row_of(p, s, d, m) for p in parts() for s, m, d in product(range(2), range(3), range(3))]
    assert ForecastFile.of_prediction(parts(), DAYS).to_bytes() == stored(rows)


def test_a_run_is_by_series_then_day_then_member() -> None:
    cubes = {t: random_cube(t, "a:x1 b:y1", month_cutoffs(1), 3, seed=i, n_series=2) for i, t in enumerate(WEIGHTS)}
    final = {t: part.y_hat for t, part in zip(WEIGHTS, parts(), strict=True)}
    blended = {t: part.blended for t, part in zip(WEIGHTS, parts(), strict=True)}
    made = ForecastFile.of(cubes, final, blended, DAYS, {t: bands_around(y_hat) for t, y_hat in blended.items()})
    named = [
        TargetForecast(cubes[t].unique_ids, ("a-x/s00", "b-y/s00"), part.y_hat, part.blended, part.bands)
        for t, part in zip(WEIGHTS, parts(), strict=True)
    ]
    rows = [row_of(p, s, d, m) for p in named for s, d, m in product(range(2), range(3), range(3))]
    assert made.to_bytes() == stored(rows)


def test_the_file_comes_back_and_picks_rows() -> None:
    made = ForecastFile.of_prediction(parts(), DAYS)
    back = ForecastFile.from_bytes(made.to_bytes(), "run")
    assert back.to_bytes() == made.to_bytes()
    assert list(back.bands) == [95, 80]
    blend = back.of_target("redeem").blend
    assert list(dict.fromkeys(blend.unique_id)) == list(UIDS["redeem"])
    np.testing.assert_array_equal(blend.y_hat, parts()[1].blended.ravel())
    np.testing.assert_array_equal(blend.bands[95][1], 2.0 * parts()[1].blended.ravel())
    assert np.isnan(back.where(back.member == "m1").bands[80][0]).all()


@pytest.mark.parametrize("target", ["other", "b/redeem", ""])
def test_rows_of_a_strange_target_are_none(target: str) -> None:
    assert len(ForecastFile.of_prediction(parts(), DAYS).of_target(target)) == 0


def test_a_file_of_before_there_were_bands_is_read() -> None:
    old = io.BytesIO()
    columns = {"unique_id": ["a", "a"], "ds": pa.array(DAYS[:2]), "member": ["m", "blend"], "y_hat": [1.0, 2.0]}
    pq.write_table(pa.table(columns), old)
    back = ForecastFile.from_bytes(old.getvalue(), "run")
    assert back.bands == {}
    assert list(back.blend.y_hat) == [2.0]
