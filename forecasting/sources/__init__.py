"""Files in, `Panel` out: the competition's folder, one daily table, or a panel of entities; CSV or Parquet, local or
remote.
"""

from __future__ import annotations

from forecasting.sources.load import load, read
from forecasting.sources.loaded import Loaded, SeriesProblem
from forecasting.sources.spec import DataSpec

__all__ = ["DataSpec", "Loaded", "SeriesProblem", "load", "read"]
