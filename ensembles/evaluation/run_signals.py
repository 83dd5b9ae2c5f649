"""The signals of a stored run: how often those of the blend and of each member were right in the backtest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ensembles.evaluation.run_results import RunResults
from ensembles.files.history_parquet import HistoryFile
from ensembles.files.oof_parquet import OofFile
from ensembles.files.table import rows_by_name
from ensembles.judging.signals import SignalQuality, judge_signals
from forecasting.schema import BLEND, FloatArray

__all__ = ["RunSignals"]


@dataclass(frozen=True)
class RunSignals:
    """`found` by target and member, the blend first; `beyond` the least change that is a signal, as a share."""

    beyond: float
    found: dict[tuple[str, str], SignalQuality]

    @classmethod
    def of(cls, results: RunResults) -> RunSignals | None:
        """None where the run's configuration asks for no signals, or it did not get as far as a blend.

        Raises
        ------
        StorageError
            When the stored files do not belong together.
        """
        beyond, oof, history = results.run.config.get("signal"), results.oof, results.history
        if beyond is None or oof is None or history is None:
            return None
        found: dict[tuple[str, str], SignalQuality] = {}
        for target, cube in oof.cubes(results.board, results.run.units).items():
            last = _last_known(history, cube.unique_ids, np.array(cube.cutoffs))
            members = {m.name: cube.y_hat[..., k] for k, m in enumerate(cube.members)}
            y_hats = {BLEND: _blended(oof, target, cube.unique_ids), **dict(sorted(members.items()))}
            found |= {(target, n): judge_signals(y_hat, cube.y, last, cube.ds, beyond) for n, y_hat in y_hats.items()}
        return cls(beyond, found)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is said of the blend's, per target."""
        share = f"{100 * self.beyond:g}%"
        of_blend = {target: quality for (target, member), quality in self.found.items() if member == BLEND}
        return tuple(f"signals of {target} beyond ±{share}: {q.sentence}" for target, q in of_blend.items())


def _blended(oof: OofFile, target: str, unique_ids: tuple[str, ...]) -> FloatArray:
    """The blend's forecasts ``[n_series, n_windows, horizon]``, series in this order."""
    grid = oof.blend_grid(target)
    return grid.y_hat[[grid.unique_ids.index(uid) for uid in unique_ids]]


def _last_known(history: HistoryFile, unique_ids: tuple[str, ...], cutoffs: np.ndarray) -> FloatArray:
    """The last amount known at each cutoff ``[n_series, n_windows]``, NaN where there is none."""
    rows, last = rows_by_name(history.unique_id), np.full((len(unique_ids), len(cutoffs)), np.nan)
    for row, uid in enumerate(unique_ids):
        mine = rows[uid][np.argsort(history.ds[rows[uid]], kind="stable")]
        at = np.searchsorted(history.ds[mine], cutoffs, side="right") - 1
        last[row] = np.where(at >= 0, history.y[mine][at], np.nan)
    return last
