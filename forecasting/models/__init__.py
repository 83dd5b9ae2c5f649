"""The registry of models: one readable table of names, and a user's own beside them (see `plugins`).

Classes are imported when asked for, so that listing names costs nothing.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Any

from forecasting.errors import ConfigError
from forecasting.models import plugins
from forecasting.models.base import AnyModel

__all__ = ["MODELS", "model_names", "model_type", "register"]

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
    "lstm-covariates": "forecasting.models.lstm.covariates:LstmCovariates",
    "lstm-global": "forecasting.models.lstm.across:LstmGlobal",
    "lstm-price": "forecasting.models.lstm.price:LstmPrice",
    "file": "forecasting.models.file:FileForecast",
}
"""Name in a configuration → ``module:class``."""


def register(name: str, cls: type[Any]) -> None:
    """Make a user's own model known to this process under a name for configurations.

    Raises
    ------
    ConfigError
        When the name is a built-in model's, or the class is no model.
    """
    if name in MODELS:
        raise ConfigError(f"model {name!r} is built in: register {cls.__name__} under another name")
    plugins.add(name, cls)


def model_names() -> tuple[str, ...]:
    """The built-in models, then those that a user registered or an installed package brings."""
    return tuple(dict.fromkeys((*MODELS, *plugins.names())))


def model_type(name: str) -> type[AnyModel]:
    """The class registered under a name.

    Raises
    ------
    ConfigError
        When no model has this name.
    """
    if name not in MODELS:
        own = plugins.find(name)
        if own is not None:
            return own
        known = sorted(model_names())
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "choose one of " + ", ".join(known)
        raise ConfigError(f"model {name!r} does not exist: {hint}")
    module, _, attribute = MODELS[name].partition(":")
    found: type[AnyModel] = getattr(import_module(module), attribute)
    return found
