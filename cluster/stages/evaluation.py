"""How good a run's blend was, from its stored forecasts alone."""

from __future__ import annotations

from dataclasses import replace

from cluster.config import parse_config
from cluster.rundir.run_facts import finished_run
from cluster.rundir.store import RunStore
from ensembles.evaluation.contenders import Contenders
from ensembles.evaluation.evaluate import Evaluation, evaluate_blend
from ensembles.evaluation.run_results import RunResults
from ensembles.files.blend_json import BlendFile
from ensembles.files.leaderboard_json import LeaderboardFile
from ensembles.files.oof_parquet import OofFile
from ensembles.files.run_json import RunFile
from forecasting.errors import StorageError
from forecasting.score.names import score_named
from forecasting.score.points import submission_step

__all__ = ["evaluate_run", "worst_unit"]


def evaluate_run(run_dir: str) -> Evaluation:
    """The blend of a run against what else one could have done, window by window.

    Raises
    ------
    StorageError
        When the directory holds no finished run.
    """
    store = RunStore(run_dir)
    run = finished_run(store)
    config = parse_config(run.config, f"{run_dir}/run.json")
    board = store.read(LeaderboardFile)
    if dict(board.weights) != dict(config.data.targets):
        raise StorageError(f"{run_dir}/run.json and {board.FILE} do not belong together: run again to write both")
    cubes = store.read(OofFile).cubes(board, run.units)
    rounding = submission_step(config.data.kind, config.data.unit)
    found = evaluate_blend(cubes, config.data.targets, config.blend, config.score.surrogate, rounding)
    return replace(found, noun=run.axis.noun)


def worst_unit(store: RunStore) -> str:
    """Which unit a run's blend scored worst in, as a sentence; "" where its score hides none.

    The forecasts are read only where there is something to say.
    """
    if not all(store.has(file) for file in (RunFile, OofFile, BlendFile)):
        return ""
    run, board = store.read(RunFile), store.read(LeaderboardFile)
    if len(set(run.units.values())) < 2 or not score_named(board.surrogate).pooled:
        return ""
    contenders = Contenders.of(RunResults(board, store.read(BlendFile), run, store.read(OofFile), None))
    return "" if contenders is None else contenders.units_in_words
