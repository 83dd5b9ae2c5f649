"""The stored files of a small run, made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from ensembles.blend.fit import fit_blend
from ensembles.blend.spec import BlendSpec
from ensembles.evaluation.leaderboard import MemberFacts, build_leaderboard
from ensembles.evaluation.run_results import RunResults
from ensembles.files.blend_json import BlendFile
from ensembles.files.forecast_parquet import ForecastFile
from ensembles.files.leaderboard_json import LeaderboardFile
from ensembles.files.oof_parquet import OofFile
from ensembles.files.run_json import DataFacts, Environment, PlannedRow, RunFile
from ensembles.judging.judge import Judge
from ensembles.oof import MemberInfo, OofCube
from forecasting.schema import iso
from forecasting.score.names import score_named
from forecasting.windows import Window
from tests.ensembles.cubes import month_cutoffs, random_cube

WEIGHTS = {"purchase": 0.45, "redeem": 0.55}

RUN = RunFile(
    schema_version=RunFile.SCHEMA,
    created="2014-08-01T00:00:00+0800",
    status="done",
    config_name="yuebao",
    config={"calendar": "CN", "data": {"unit": "fen"}, "seed": 1},
    data=DataFacts(fingerprint="abc", path="folder", start="2013-07-01", end="2014-05-28", series=2),
    planned_fits={},
    executor="local",
    device="cpu",
    environment=Environment(
        tidecast="0.1.0",
        python="3.11",
        platform="Linux",
        processor="a processor",
        libraries={"numpy": "2.4", "ray": None},
    ),
)


@cache
def small_run(
    n_windows: int = 4,
    n_series: int = 1,
    rename: str = "",
    failed: tuple[tuple[MemberInfo, str], ...] = (),
    **spec: Any,
) -> RunResults:
    """`rename` is put before every member's name and setting."""
    cutoffs = month_cutoffs(n_windows)
    cubes = {t: _cube(t, cutoffs, i, n_series, rename) for i, t in enumerate(WEIGHTS)}
    return run_of(cubes, failed, **spec)


def run_of(
    cubes: dict[str, OofCube],
    failed: tuple[tuple[MemberInfo, str], ...] = (),
    weights: Mapping[str, float] = WEIGHTS,
    **spec: Any,
) -> RunResults:
    """The stored files of a run with these out-of-fold forecasts; the days to come are the last window's, higher."""
    first = next(iter(cubes.values()))
    blend = fit_blend(cubes, weights, BlendSpec(**{"candidates": ("mean", "median")} | spec), "linear", RUN.rounding)
    final = {t: cube.y_hat[:, -1] * 1e7 for t, cube in cubes.items()}
    blended = {t: blend.targets[t].apply(y_hat) for t, y_hat in final.items()}
    windows = [Window(cutoff, int(first.horizons[0])) for cutoff in first.cutoffs]
    facts = MemberFacts(failed=failed)
    judge = Judge.of(cubes, weights, score_named("linear"), RUN.rounding)
    board = build_leaderboard(cubes, judge, blend, windows, {}, facts, season_length=7)
    bands = {t: blend.targets[t].bands(y_hat) for t, y_hat in blended.items()}
    ahead = ForecastFile.of(cubes, final, blended, windows[-1].ds + 31, bands)
    oof = OofFile.of(cubes, blend.evidence.prequential.y_hat, blend.evidence.prequential.bands)
    return RunResults(
        board=board,
        blend=BlendFile.of(blend),
        run=RUN,
        oof=oof,
        forecast=ahead,
    )


def changed(results: RunResults, **parts: Any) -> RunResults:
    """The same run with other fields of its leaderboard or of run.json."""
    board = {key: value for key, value in parts.items() if key in LeaderboardFile.model_fields}
    run = {key: value for key, value in parts.items() if key in RunFile.model_fields}
    return replace(results, board=results.board.model_copy(update=board), run=results.run.model_copy(update=run))


@cache
def treasury_run(balance: float | None = 3e9) -> RunResults:
    """Four funds in EUR and USD: three in the group north, one of them in its part harbour. Of fund0 a tax is planned,
    and all begin with a balance, where there is one.
    """
    results = small_run(n_series=4)
    assert results.forecast is not None
    start = results.forecast.ds.min()
    tax = PlannedRow(
        series="fund0/redeem",
        date=iso(start + 3),
        until=iso(start + 3),
        amount=5e9,
        kind="planned",
        note="=tax",
        author="Ann",
    )
    config = {**results.run.config, "data": {"kind": "panel", "unit": "EUR", "planned": "planned.csv"}}
    balances = {} if balance is None else {f"fund{i}": balance for i in range(4)}
    facts = {"balances": balances, "decimals": 2, "series": 8}
    return changed(
        results,
        config=config,
        config_name="treasury.yaml",
        data=results.run.data.model_copy(update=facts),
        groups={"fund0": ("north",), "fund1": ("north", "harbour"), "fund2": (), "fund3": ("north",)},
        units={"fund0": "EUR", "fund1": "EUR", "fund2": "EUR", "fund3": "USD"},
        planned=(tax,),
    )


def failed_run() -> RunResults:
    """A run of which every member ran out of memory."""
    board = small_run().board
    reason = {"status": "failed", "reason": "ran out of memory", "score": None}
    rows = tuple(row.model_copy(update=reason) for row in board.rows if row.member_id)
    nothing = {"rows": rows, "pairs": (), "coverage": {}, "best_single": None, "settings": ()}
    return RunResults(board.model_copy(update=nothing), None, RUN.model_copy(update={"status": "failed"}), None, None)


def _cube(target: str, cutoffs: tuple[np.datetime64, ...], seed: int, n_series: int, rename: str) -> OofCube:
    cube = random_cube(target, "a:x2 a:y1 b:z1 c:w2", cutoffs, 28, seed=seed, n_series=n_series)
    members = tuple(
        MemberInfo(m.member_id, rename + m.name, m.family, rename + m.setting, m.seed_index) for m in cube.members
    )
    return replace(cube, members=members)
