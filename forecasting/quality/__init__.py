"""What is wrong with the data, as rows: check, severity, count, first place and value, remedy.

Errors are what a run could not use or would silently count wrongly; warnings are worth a look; info only tells.
"""

from __future__ import annotations

from forecasting.quality.check import check
from forecasting.quality.finding import Finding

__all__ = ["Finding", "check"]
