"""One daily table: a date column, one column per target, past covariates if any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecasting.calendar import Calendar
from forecasting.data.formats.columns import find_column
from forecasting.data.formats.files import TableFile
from forecasting.data.formats.reading import columns_of
from forecasting.data.formats.table import check_every_day, read_frame
from forecasting.data.spec import DataSpec
from forecasting.panel import Panel, Series

__all__ = ["read_daily"]


def read_daily(spec: DataSpec, files: Sequence[TableFile], calendar: Calendar) -> Panel:
    """The panel of one daily table; its rows may stand in any order.

    Raises
    ------
    DataError
        For a missing column, a cell that is not what it should be, a day that stands twice or is missing.
    """
    available, where = columns_of(files[0]), files[0].name
    past_names = spec.past or ()
    date_column = find_column("ds", spec.columns, available, where)
    targets = [find_column(t, spec.columns, available, where) for t in spec.targets]
    past = [find_column(p, spec.columns, available, where) for p in past_names]
    frame = read_frame(files, [date_column, *targets, *past])
    ds = frame.days(date_column)
    order = check_every_day(frame, ds)
    y = np.stack([frame.amounts(column, ds)[order] for column in targets])
    covariates = [frame.covariate(column)[order] for column in past]
    shared = np.stack(covariates, axis=-1) if covariates else np.empty((len(ds), 0))
    return Panel(
        ds=ds[order],
        series=tuple(Series(t) for t in spec.targets),
        y=y,
        past=np.repeat(shared[None], len(targets), axis=0),
        past_names=tuple(past_names),
        calendar=calendar,
    )
