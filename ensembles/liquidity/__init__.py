"""Liquidity at risk: how much more may go out than comes in, day by day and over the horizon.

In: out-of-fold and coming forecasts of the blend, as stored. Out: the distribution of the net outflow, the cash
that covers it, and how often the same procedure was exceeded on windows it had not seen.
"""

from __future__ import annotations

from ensembles.liquidity.exceedance import Exceedance, Share
from ensembles.liquidity.flows import Flows, flows_of_run
from ensembles.liquidity.risk import Liquidity, Risk, liquidity_at_risk
from ensembles.liquidity.rows import liquidity_csv, liquidity_rows

__all__ = [
    "Exceedance",
    "Flows",
    "Liquidity",
    "Risk",
    "Share",
    "flows_of_run",
    "liquidity_at_risk",
    "liquidity_csv",
    "liquidity_rows",
]
