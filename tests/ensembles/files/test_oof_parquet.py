from __future__ import annotations

import io
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ensembles.bands.rules import Bands
from ensembles.files.leaderboard_json import LeaderboardFile
from ensembles.files.oof_parquet import OofFile
from ensembles.oof import OofCube
from forecasting.errors import StorageError
from forecasting.schema import as_dates
from tests.ensembles.cubes import month_cutoffs, random_cube
from tests.runs import ROOT

WEIGHTS = {"purchase": 0.45, "redeem": 0.55}
ENTITIES = ("a/b", "purchase", "redeem")
"""One with a slash and two named like targets."""


def cube_of(target: str, seed: int) -> OofCube:
    """Three entities in two windows of 4 and 3 days; the last entity begins in the second window."""
    cube = random_cube(target, "a:x2 b:y1", month_cutoffs(2), 4, seed=seed, n_series=3)
    cube.y_hat[:, 1, 3], cube.y[:, 1, 3], cube.ds[1, 3] = np.nan, np.nan, np.datetime64("NaT")
    cube.y_hat[2, 0], cube.y[2, 0] = np.nan, np.nan
    cube.y[0, 0, 1] = np.nan
    return replace(cube, unique_ids=tuple(f"{entity}/{target}" for entity in ENTITIES))


CUBES = {target: cube_of(target, seed) for seed, target in enumerate(WEIGHTS)}
BLENDED = {target: cube.y_hat.mean(axis=-1) for target, cube in CUBES.items()}
BANDS = {
    target: Bands(y_hat * 1.0, {80: y_hat * 0.8, 95: y_hat * 0.5}, {80: y_hat * 1.25, 95: y_hat * 2.0})
    for target, y_hat in BLENDED.items()
}
for each in BANDS.values():
    for end in each.quantiles.values():
        end[:, 0] = np.nan  # the first window has no bands


NAMES = ("q025", "q10", "q50", "q90", "q975")


def rows_by_hand() -> list[dict[str, object]]:
    """The rows as the file's description says them: series, window, day, member, the blend last."""
    rows = []
    for target, cube in CUBES.items():
        for s, w, d in np.ndindex(cube.y.shape):
            if np.isnan(BLENDED[target][s, w, d]):
                continue
            y = cube.y[s, w, d]
            day = {
                "unique_id": cube.unique_ids[s],
                "entity": ENTITIES[s],
                "target": target,
                "ds": (cube.cutoffs[w] + d + 1).item(),
                "cutoff": cube.cutoffs[w].item(),
                "y": None if np.isnan(y) else float(y),
            }
            empty = dict.fromkeys(NAMES)
            rows += [
                day | {"member": m.name, "y_hat": cube.y_hat[s, w, d, i]} | empty for i, m in enumerate(cube.members)
            ]
            ends = dict(zip(NAMES, BANDS[target].quantiles.values(), strict=True))
            known = {name: None if w == 0 else float(end[s, w, d]) for name, end in ends.items()}
            rows.append(day | {"member": "blend", "y_hat": BLENDED[target][s, w, d]} | known)
    return rows


def stored(rows: list[dict[str, object]], *leave_out: str) -> bytes:
    types = {
        **dict.fromkeys(("unique_id", "entity", "target"), pa.string()),
        "ds": pa.date32(),
        "cutoff": pa.date32(),
        "member": pa.string(),
        **dict.fromkeys(("y_hat", "y", *NAMES), pa.float64()),
    }
    columns = {n: pa.array([row[n] for row in rows], t) for n, t in types.items() if n not in leave_out}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


OOF = OofFile.of(CUBES, BLENDED, BANDS)


def test_the_file_holds_a_row_per_series_day_window_and_member() -> None:
    assert OOF.to_bytes() == stored(rows_by_hand())


def test_the_file_comes_back() -> None:
    back = OofFile.from_bytes(stored(rows_by_hand()), "run")
    assert back.to_bytes() == OOF.to_bytes()
    for name in ("unique_id", "ds", "cutoff", "member", "y_hat", "y"):
        np.testing.assert_array_equal(getattr(back, name), getattr(OOF, name), err_msg=name)
    assert list(back.bands) == [95, 80]
    np.testing.assert_array_equal(back.bands[95], OOF.bands[95])


def test_the_rows_of_the_blend_and_of_a_target() -> None:
    by_hand = [row for row in rows_by_hand() if row["member"] == "blend" and str(row["unique_id"]).endswith("/redeem")]
    for mine in (OOF.blend.of_target("redeem"), OOF.of_target("redeem").blend):
        assert mine.to_bytes() == stored(by_hand)
    assert set(OOF.of_target("redeem").unique_id) == {"a/b/redeem", "purchase/redeem", "redeem/redeem"}


def test_the_grid_of_the_blend() -> None:
    for target, cube in CUBES.items():
        grid = OOF.blend_grid(target)
        assert grid.unique_ids == cube.unique_ids
        np.testing.assert_array_equal(grid.cutoffs, as_dates(cube.cutoffs))
        np.testing.assert_array_equal(grid.horizons, [4, 3])
        np.testing.assert_array_equal(grid.y_hat, BLENDED[target])
        np.testing.assert_array_equal(grid.y, cube.y)
    with pytest.raises(StorageError, match="no forecast of fees"):
        OOF.blend_grid("fees")


def test_grids_of_one_file_have_the_same_windows() -> None:
    late = OOF.where((OOF.cutoff > OOF.cutoff.min()) | np.array([uid.endswith("/redeem") for uid in OOF.unique_id]))
    grid = late.blend_grid("purchase")
    assert grid.y_hat.shape == late.blend_grid("redeem").y_hat.shape == (3, 2, 4)
    assert np.isnan(grid.y_hat[:, 0]).all()
    np.testing.assert_array_equal(grid.horizons, [0, 3])
    np.testing.assert_array_equal(grid.y_hat[:, 1], BLENDED["purchase"][:, 1])


def test_a_row_in_another_place_is_the_same_row() -> None:
    mixed = OOF.where(np.random.default_rng(1).permutation(len(OOF)))
    for target in CUBES:
        grid, again = OOF.blend_grid(target), mixed.blend_grid(target)
        order = [again.unique_ids.index(uid) for uid in grid.unique_ids]
        np.testing.assert_array_equal(again.y_hat[order], grid.y_hat)


@pytest.mark.parametrize(
    "days",
    [
        (("2024-03-28", "2024-04-02", "2024-04-03"), ("2024-04-03", "2024-04-04", "NaT")),  # work days around Easter
        (("1969-12-29", "1970-01-05", "1970-01-12"), ("1970-01-12", "1970-01-19", "NaT")),  # weeks, and overlapping
    ],
)
def test_days_that_do_not_follow_each_other_stand_in_their_order(days: tuple[tuple[str, ...], ...]) -> None:
    ds = as_dates(days)
    cutoffs = (ds[0, 0] - 3, ds[1, 0] - 1)
    cubes = {}
    for seed, target in enumerate(WEIGHTS):
        cube = random_cube(target, "a:x2 b:y1", cutoffs, 3, seed=seed, n_series=2)
        cube.y_hat[:, 1, 2], cube.y[:, 1, 2] = np.nan, np.nan
        cubes[target] = replace(cube, ds=ds)
    cubes["purchase"].y_hat[:, 0, 0], cubes["purchase"].y[:, 0, 0] = np.nan, np.nan  # begins a period later
    cubes["redeem"].y[1, 0] = np.nan  # unknown in the whole window
    blended = {target: cube.y_hat.mean(axis=-1) for target, cube in cubes.items()}
    oof = OofFile.from_bytes(OofFile.of(cubes, blended).to_bytes(), "run")
    assert set(oof.ds) == set(ds[~np.isnat(ds)])
    back = oof.cubes(board_of(*[m.name for m in cubes["redeem"].members]))
    for target, cube in cubes.items():
        grid = oof.blend_grid(target)
        for found in (back[target].ds, grid.ds):
            np.testing.assert_array_equal(found, ds)
        np.testing.assert_array_equal(back[target].y_hat, cube.y_hat)
        np.testing.assert_array_equal(back[target].y, cube.y)
        np.testing.assert_array_equal(grid.y_hat, blended[target])
        np.testing.assert_array_equal(back[target].horizons, [3, 2])


def board_of(*members: str, targets: Mapping[str, float] = WEIGHTS) -> LeaderboardFile:
    infos = {m.name: m for m in CUBES["redeem"].members}
    rows = [
        {
            "member": name,
            "family": infos[name].family,
            "setting": infos[name].setting,
            "targets": {},
            "seed": infos[name].seed_index,
            "member_id": infos[name].member_id,
        }
        for name in members
    ]
    blend = {"member": "blend", "family": "blend", "targets": {}}
    lists: dict[str, Any] = dict.fromkeys(("windows", "pairs", "settings"), ())
    return LeaderboardFile.model_validate(
        {
            "schema_version": 2,
            "sort": "score",
            "surrogate": "linear",
            "weights": targets,
            "coverage": {},
            **lists,
            "best_single": None,
            "rows": [blend, *rows],
        }
    )


def test_the_cubes_of_the_members_come_back() -> None:
    names = [m.name for m in CUBES["redeem"].members]
    back = OofFile.from_bytes(OOF.to_bytes(), "run").cubes(board_of(*names))
    assert list(back) == list(WEIGHTS)
    for target, cube in CUBES.items():
        assert back[target].members == cube.members
        assert back[target].unique_ids == cube.unique_ids
        assert back[target].cutoffs == cube.cutoffs
        np.testing.assert_array_equal(back[target].y_hat, cube.y_hat)
        np.testing.assert_array_equal(back[target].y, cube.y)
    with pytest.raises(StorageError, match=r"holds .+, which leaderboard\.json does not know"):
        OOF.cubes(board_of(*names[1:]))
    with pytest.raises(StorageError, match="no forecast of fees"):
        OOF.cubes(board_of(*names, targets={"fees": 1.0}))


def test_files_of_before_there_were_bands_are_read() -> None:
    back = OofFile.from_bytes(stored(rows_by_hand(), *NAMES), "run")
    assert back.bands == {}
    np.testing.assert_array_equal(back.blend_grid("redeem").y_hat, BLENDED["redeem"])
    assert OofFile.of(CUBES, BLENDED).to_bytes() == back.to_bytes()


def test_an_empty_file_comes_back() -> None:
    nothing = OOF.where(OOF.member == "nobody")
    assert len(OofFile.from_bytes(nothing.to_bytes(), "run").blend) == 0


@pytest.mark.parametrize("content", [b"", b"no Parquet", stored(rows_by_hand(), "cutoff")])
def test_a_damaged_file_gets_a_sentence(content: bytes) -> None:
    with pytest.raises(StorageError, match=r"runs/a/oof\.parquet is damaged \(.+\): run the same command again"):
        OofFile.from_bytes(content, "runs/a")


@pytest.mark.slow
def test_a_program_that_ends_on_a_large_damaged_table_ends() -> None:
    """Threads of Arrow that read a Python file ahead crashed an interpreter that ended meanwhile, or kept it waiting.

    Such a file is slow here, so that it would be so each time.
    """
    program = """
        import io, time
        import numpy as np, pyarrow as pa, pyarrow.parquet as pq
        from ensembles.files.oof_parquet import OofFile

        class Slow(io.BytesIO):
            def read(self, *n):
                time.sleep(0.3)
                return super().read(*n)

        columns = {name: np.random.default_rng(0).random(3_000_000) for name in "ab"}  # 24 MB each: read one by one
        sink = io.BytesIO()
        pq.write_table(pa.table(columns), sink, compression="none", use_dictionary=False)
        data = sink.getvalue()
        io.BytesIO = Slow
        OofFile.from_bytes(data[:4] + b"\\xff" * 36 + data[40:], "run")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("forecasting.errors.DamagedFile: run/oof.parquet is damaged")
