"""`tidecast evaluate`: what a run's configuration would have scored, from its stored forecasts alone."""

from __future__ import annotations

from cluster.config import parse_config
from cluster.rundir.run_facts import finished_run
from cluster.rundir.store import RunStore
from ensembles.evaluation.evaluate import Evaluation, evaluate_blend
from ensembles.files.leaderboard_json import LeaderboardFile
from ensembles.files.oof_parquet import OofFile
from forecasting.errors import StorageError
from forecasting.score.points import submission_step

__all__ = ["evaluate_run"]


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
    return evaluate_blend(cubes, config.data.targets, config.blend, config.score.surrogate, rounding)
