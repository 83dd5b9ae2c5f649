"""The registry of models: one readable table of names.

Classes are imported when asked for, so that listing names costs nothing.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

from forecasting.errors import ConfigError
from forecasting.models.base import AnyModel

__all__ = ["MODELS", "model_type"]

MODELS: dict[str, str] = {
    "seasonal-naive": "forecasting.models.naive:SeasonalNaive",
    "weekday-mean": "forecasting.models.naive:WeekdayMean",
    "weekday-median": "forecasting.models.naive:WeekdayMedian",
    "periodic-factor": "forecasting.models.periodic:PeriodicFactor",
    "calendar-level": "forecasting.models.level:CalendarLevel",
    "arima": "forecasting.models.arima:Arima",
    "lightgbm-direct": "forecasting.models.gbm:LightGbmDirect",
    "lightgbm-recursive": "forecasting.models.gbm:LightGbmRecursive",
    "lightgbm-global": "forecasting.models.gbm_global:LightGbmGlobal",
    "lstm-direct": "forecasting.models.lstm.direct:LstmDirect",
    "lstm-classic": "forecasting.models.lstm.classic:LstmClassic",
}
"""Name in a configuration → ``module:class``."""


def model_type(name: str) -> type[AnyModel]:
    """The class registered under a name.

    Raises
    ------
    ConfigError
        When no model has this name.
    """
    if name not in MODELS:
        near = get_close_matches(name, MODELS, n=1)
        hint = f"did you mean {near[0]}?" if near else "choose one of " + ", ".join(sorted(MODELS))
        raise ConfigError(f"model {name!r} does not exist: {hint}")
    module, _, attribute = MODELS[name].partition(":")
    found: type[AnyModel] = getattr(import_module(module), attribute)
    return found
