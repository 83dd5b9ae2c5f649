"""Data frames in the long convention of forecasting libraries, one row per series and day: unique_id, ds, y.

Further columns are past covariates: known up to the day a forecast is made on, and the same for all targets of an
entity or not, as the rows say.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from forecasting.data.dataset import open_data
from forecasting.data.spec import DataSpec
from forecasting.errors import DataError
from forecasting.panel import Panel
from forecasting.schema import DS, UNIQUE_ID, Y

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["file_of", "to_frame", "to_panel"]


def to_panel(
    frame: pd.DataFrame,
    targets: Mapping[str, float] | Sequence[str],
    *,
    calendar: str | None = "CN",
    past: Sequence[str] = (),
) -> Panel:
    """The panel of a long frame.

    Parameters
    ----------
    frame
        Columns unique_id (a target, or entity/target; with a single target any name), ds, y, and those in `past`.
    targets
        Names of the series of each entity, with or without weights in the score.
    calendar
        Country whose holidays count; None for weekends only.

    Raises
    ------
    DataError, ConfigError
        As reading a file does; a series that cannot be used is left out.
    """
    names = list(targets)
    weights = dict(targets) if isinstance(targets, Mapping) else {name: 1.0 / len(names) for name in names}
    with file_of(frame) as path:
        spec = DataSpec(kind="panel", targets=weights, past=tuple(past) or None)
        return open_data(spec, path, calendar).panel


def to_frame(panel: Panel) -> pd.DataFrame:
    """unique_id, ds, y and the past covariates of a panel, without the days before a series begins."""
    import pandas as pd

    parts = []
    for row, uid in enumerate(panel.unique_ids):
        known = ~np.isnan(panel.y[row])
        columns = {name: panel.past[row, known, i] for i, name in enumerate(panel.past_names)}
        days = panel.ds[known].astype("datetime64[ns]")
        parts.append(pd.DataFrame({UNIQUE_ID: uid, DS: days, Y: panel.y[row, known], **columns}))
    return pd.concat(parts, ignore_index=True)


@contextmanager
def file_of(frame: pd.DataFrame) -> Iterator[str]:
    """A Parquet file with the frame's columns, gone afterwards.

    Raises DataError when a column of the convention is missing.
    """
    for name in (UNIQUE_ID, DS, Y):
        if name not in frame.columns:
            raise DataError(
                f"the frame has no column {name}; it has {', '.join(map(str, frame.columns))}: "
                "give one row per series and day, with unique_id, ds and y"
            )
    with tempfile.TemporaryDirectory(prefix="tidecast-") as folder:
        path = Path(folder) / "frame.parquet"
        frame.to_parquet(path, index=False)
        yield str(path)
