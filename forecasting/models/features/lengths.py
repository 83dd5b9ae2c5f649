"""How much history a model needs: said in calendar days, asked for in periods that tell about as much."""

from __future__ import annotations

from forecasting.errors import TrialError
from forecasting.panel import History
from forecasting.schema import iso

__all__ = ["require"]


def require(history: History, days: int) -> None:
    """Raise TrialError when a history is shorter than so many calendar days are worth (see `Axis.worth`)."""
    needed = history.axis.worth(days)
    if len(history.y) < needed:
        raise TrialError(
            f"the history up to {iso(history.cutoff)} holds {len(history.y)} {history.axis.noun} and {needed} are "
            "needed: take a later cutoff"
        )
