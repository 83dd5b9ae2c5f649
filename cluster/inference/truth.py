"""What a submission is judged by: a configuration, or the table of actual values where it says enough."""

from __future__ import annotations

from pathlib import Path

from cluster.config import load_config
from cluster.inference.columns import columns_of, look_at
from forecasting.data.spec import DataSpec
from forecasting.errors import UserError
from forecasting.schema import UNIQUE_ID, Y

__all__ = ["judged_by"]


def judged_by(config: str | None, truth: Path) -> tuple[DataSpec, str]:
    """What the tables hold, and the name of the score.

    Without a configuration a long panel (unique_id, ds, y) is understood as a run on it alone does; all else is the
    competition's.
    """
    loaded = load_config(config or "yuebao")
    long = _long(truth) if config is None else None
    return long or loaded.data, loaded.score.surrogate


def _long(truth: Path) -> DataSpec | None:
    try:
        look = look_at(str(truth), {})
        if not {UNIQUE_ID, Y} <= set(look.columns):
            return None
        return DataSpec(**columns_of(look, {}).data)
    except UserError:
        return None  # what is wrong with it is said where it is read
