"""Tidecast from Python: forecasts of daily money flows.

>>> import tidecast
>>> run = tidecast.run(frame, horizon=14)  # doctest: +SKIP
>>> run.forecast()  # doctest: +SKIP

Names of other modules of this program, gathered under the program's own name. `cluster.api` says what each does.
"""

from __future__ import annotations

from cluster.api import evaluate, explore, open_run, predict, register, run, sample, to_frame, to_panel
from forecasting import errors
from forecasting.testing import check_model

__all__ = [
    "check_model",
    "errors",
    "evaluate",
    "explore",
    "open_run",
    "predict",
    "register",
    "run",
    "sample",
    "to_frame",
    "to_panel",
]
