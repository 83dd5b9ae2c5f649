from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ensembles.blend.fit import Blend, fit_blend
from ensembles.blend.methods.base import all_methods
from ensembles.blend.spec import BlendSpec
from ensembles.files.blend_json import BlendFile
from ensembles.oof import OofCube
from forecasting.digests import seal
from forecasting.errors import StorageError
from tests.ensembles.cubes import day_cutoffs, month_cutoffs, random_cube

WEIGHTS = {"purchase": 0.45, "redeem": 0.55}
KEYS = ["schema_version", "surrogate", "weights", "targets", "score", "score_x30", "score_in_sample", "per_window"]
TARGET_KEYS = ["method", "level", "units", "members", "factor", "factor_gain", "factor_per_window", "bands", "coverage"]


def cubes_of(n_series: int = 1, n_windows: int = 4) -> dict[str, OofCube]:
    return {
        target: random_cube(target, "a:x2 a:y1 b:z1 c:w2", month_cutoffs(n_windows), 28, seed=i, n_series=n_series)
        for i, target in enumerate(WEIGHTS, 40)
    }


def blend_by(method: str, cubes: dict[str, OofCube]) -> Blend:
    """The blend with this method in use for every target, whatever the windows say."""
    blend = fit_blend(cubes, WEIGHTS, BlendSpec(candidates=(method,), tie=0.0), "linear")
    tracks = {t: next(r for r in row if r.candidate.method == method) for t, row in blend.evidence.tracks.items()}
    targets = {
        t: type(found)(tracks[t].final, found.factor * 0.97, found.band_rule) for t, found in blend.targets.items()
    }
    return Blend(targets, blend.evidence)


@pytest.mark.parametrize("method", [method.name for method in all_methods()])
def test_a_blend_read_back_forecasts_bit_for_bit(method: str) -> None:
    cubes = cubes_of(n_series=2)
    blend = blend_by(method, cubes)
    back = BlendFile.from_bytes(BlendFile.of(blend).to_bytes(), "run").target_blends()
    assert list(back) == list(blend.targets)
    for target, cube in cubes.items():
        fresh, stored = blend.targets[target], back[target]
        y_hat = cube.y_hat[:, -1] * 1.1
        assert stored.apply(y_hat).tobytes() == fresh.apply(y_hat).tobytes()
        assert stored.needed == fresh.needed
        assert stored.combination.candidate == fresh.combination.candidate
        assert [u.name for u in stored.combination.units] == [u.name for u in fresh.combination.units]
        one, two = stored.bands(stored.apply(y_hat)), fresh.bands(fresh.apply(y_hat))
        for level in two.low:
            assert one.low[level].tobytes() == two.low[level].tobytes()
            assert one.high[level].tobytes() == two.high[level].tobytes()


def test_a_second_layer_read_back_forecasts_bit_for_bit() -> None:
    cubes = {
        t: random_cube(t, "a:x2 b:y1 c:z1", day_cutoffs(9, 7), 7, seed=i, n_series=2) for i, t in enumerate(WEIGHTS, 40)
    }
    spec = BlendSpec(candidates=("trimmed-mean", "ridge", "inverse-error", "second-layer"), tie=0.0)
    fitted = fit_blend(cubes, WEIGHTS, spec, "linear")
    tracks = {t: next(r for r in row if r.candidate.rule.layer == 2) for t, row in fitted.evidence.tracks.items()}
    targets = {t: type(f)(tracks[t].final, f.factor, f.band_rule) for t, f in fitted.targets.items()}
    file = BlendFile.from_bytes(BlendFile.of(Blend(targets, fitted.evidence)).to_bytes(), "run")
    for target, cube in cubes.items():
        y_hat = cube.y_hat[:, -1] * 1.1
        assert file.target_blends()[target].apply(y_hat).tobytes() == targets[target].apply(y_hat).tobytes()
        shares = file.targets[target].learned[-2].parts
        assert sum(share or 0.0 for share in shares.values()) == pytest.approx(1.0, abs=1e-5)
        assert next(iter(shares)) == "mean"


def test_bands_that_are_not_there_come_back_as_such() -> None:
    blend = fit_blend(cubes_of(n_windows=1), WEIGHTS, BlendSpec(candidates=("mean",)), "linear")
    file = BlendFile.of(blend)
    assert file.to_bytes() == BlendFile.from_bytes(file.to_bytes(), "run").to_bytes()
    rule = file.target_blends()["redeem"].band_rule
    np.testing.assert_array_equal(rule.own, blend.targets["redeem"].band_rule.own)
    assert rule.quantiles == pytest.approx(blend.targets["redeem"].band_rule.quantiles, nan_ok=True)


def test_bands_of_series_with_negative_amounts_come_back() -> None:
    cubes = {target: replace(cube, y_hat=cube.y_hat - 900, y=cube.y - 900) for target, cube in cubes_of(2).items()}
    blend = fit_blend(cubes, WEIGHTS, BlendSpec(candidates=("mean",)), "wape")
    back = BlendFile.from_bytes(BlendFile.of(blend).to_bytes(), "run").target_blends()["redeem"].band_rule
    rule, y_hat = blend.targets["redeem"].band_rule, cubes["redeem"].y_hat[:, -1, :, 0]
    assert rule.amounts is not None
    assert (rule.amounts > 0).all()
    np.testing.assert_array_equal(back.apply(y_hat).high[80], rule.apply(y_hat).high[80])


def test_the_layout_of_the_file() -> None:
    facts = json.loads(BlendFile.of(blend_by("greedy", cubes_of())).to_bytes())
    assert list(facts) == [*KEYS, "choices", "pairs", "best_single", "equal_weights", "digest"]
    target = facts["targets"]["redeem"]
    assert list(target) == [*TARGET_KEYS, "apply", "learned"]
    assert list(target["bands"]["quantiles"]) == list(target["coverage"]) == ["80", "95"]
    assert list(target["apply"]) == [
        "unit_weights",
        "factor",
        "own",
        "slope",
        "centre",
        "around_median",
        "amounts",
        "parts",
    ]
    assert [u["name"] for u in target["units"]] == sorted(u["name"] for u in target["units"])
    assert sum(m["weight"] for m in target["members"]) == pytest.approx(1.0, abs=1e-5)


def edited(edit: Any) -> bytes:
    facts = json.loads(BlendFile.of(blend_by("mean", cubes_of())).to_bytes())
    del facts["digest"]
    edit(facts)
    return seal(json.dumps(facts).encode() + b"\n", BlendFile.FILE)


def test_a_file_of_another_layout_or_a_damaged_one_is_refused() -> None:
    with pytest.raises(StorageError, match="schema version 7"):
        BlendFile.from_bytes(edited(lambda facts: facts.update(schema_version=7)), "run")
    with pytest.raises(StorageError, match=r"run/blend.json is damaged \(targets"):
        BlendFile.from_bytes(edited(lambda facts: facts.update(targets=3)), "run")
    with pytest.raises(StorageError, match=r"run/blend.json is damaged \(targets.redeem.apply: "):
        BlendFile.from_bytes(edited(lambda facts: facts["targets"]["redeem"].pop("apply")), "run")
    with pytest.raises(StorageError, match=r"run/blend.json is damaged \(.*nothing"):
        BlendFile.from_bytes(edited(lambda facts: facts["targets"]["redeem"].update(method="nothing")), "run")
