"""What was planned is a part of forecasts and actual values that factors and bands leave as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ensembles.blend.fit import fit_blend
from ensembles.blend.spec import BlendSpec
from ensembles.files.oof_parquet import OofFile
from ensembles.oof import OofCube
from tests.ensembles.cubes import calendar_days, day_cutoffs, members_of

SPEC = BlendSpec(candidates=("mean",), calibrate=True)


def cubes() -> tuple[OofCube, OofCube]:
    """Without and with a planned amount that is many times a day's."""
    rng = np.random.default_rng(9)
    y = rng.lognormal(5, 0.2, (2, 6, 14))
    y_hat = y[..., None] * rng.lognormal(0, 0.2, (2, 6, 14, 2))
    cutoffs = day_cutoffs(6, 14)
    bare = OofCube("out", ("a", "b"), cutoffs, members_of("f:x g:y"), y_hat, y, calendar_days(cutoffs, 14))
    planned = np.zeros(y.shape)
    planned[0, :, 5] = 5_000.0
    return bare, replace(bare, y=y + planned, y_hat=y_hat + planned[..., None], planned=planned)


def test_factor_and_bands_are_those_of_what_models_forecast() -> None:
    bare, full = cubes()
    one, other = (fit_blend({"out": cube}, {"out": 1.0}, SPEC, "linear") for cube in (bare, full))
    assert full.planned is not None
    assert one.targets["out"].factor < 1.0
    np.testing.assert_allclose(other.evidence.calibration["out"].factors, one.evidence.calibration["out"].factors)
    made, without = (found.evidence.prequential for found in (other, one))
    np.testing.assert_allclose(made.y_hat["out"], without.y_hat["out"] + full.planned, rtol=1e-12)
    for p, values in made.bands["out"].quantiles.items():
        np.testing.assert_allclose(values, without.bands["out"].quantiles[p] + full.planned, rtol=1e-9)
    np.testing.assert_allclose(other.targets["out"].band_rule.own, one.targets["out"].band_rule.own)
    assert other.evidence.coverage["out"] == one.evidence.coverage["out"]


def test_the_table_of_a_backtest_keeps_what_was_planned() -> None:
    _, full = cubes()
    blend = fit_blend({"out": full}, {"out": 1.0}, SPEC, "linear").evidence.prequential
    stored = OofFile.of({"out": full}, blend.y_hat, blend.bands)
    again = OofFile.from_bytes(stored.to_bytes(), "run")
    assert again.planned is not None
    assert stored.planned is not None
    np.testing.assert_array_equal(again.planned, stored.planned)
    assert set(again.planned) == {0.0, 5_000.0}
    bare, _ = cubes()
    plain = OofFile.of({"out": bare}, {"out": bare.y})
    assert OofFile.from_bytes(plain.to_bytes(), "run").planned is None
    assert "planned" not in plain.to_arrow().column_names
