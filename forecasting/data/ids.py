"""Which series an id means in the data of a configuration."""

from __future__ import annotations

from forecasting.data.spec import DataSpec
from forecasting.panel import Series

__all__ = ["series_of"]


def series_of(spec: DataSpec, unique_id: str) -> Series | None:
    """The series that an id means; None if it is of none of the targets.

    In a long panel of one target an id is never taken apart. Elsewhere it is a target, or ``entity/target``.
    """
    if spec.is_long and len(spec.targets) == 1:
        return Series(next(iter(spec.targets)), unique_id, unique_id)
    found = Series.named(unique_id, spec.targets)
    return None if found is None or found.entity == "" else found
