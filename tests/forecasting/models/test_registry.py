"""The built-in models are found by their modules, cheaply; what a class can do, it says by itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from forecasting.errors import ConfigError
from forecasting.models import built_in_models, model_names
from forecasting.models.base import StackedModel, UsesGpu, WarmsUp
from forecasting.models.plugins import check_class

NAMES = {
    "arima",
    "calendar-level",
    "file",
    "lightgbm-direct",
    "lightgbm-global",
    "lightgbm-recursive",
    "lstm-classic",
    "lstm-covariates",
    "lstm-direct",
    "lstm-global",
    "lstm-price",
    "periodic-factor",
    "seasonal-naive",
    "weekday-mean",
    "weekday-median",
}
"""Names in users' configurations, which stay."""


def test_every_name_is_found():
    assert built_in_models().keys() >= NAMES
    assert set(model_names()) >= NAMES


def test_finding_them_loads_no_library_that_trains():
    code = (
        "import sys; from forecasting.models import model_names; model_names();"
        "print(sorted({'torch', 'numba', 'lightgbm', 'statsmodels', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_models_that_are_fitted_together_use_a_gpu_and_warm_up():
    together = {name for name, cls in built_in_models().items() if hasattr(cls, "fit_many")}
    assert together >= {"lstm-classic", "lstm-covariates", "lstm-direct"}
    for able in (UsesGpu, WarmsUp):
        assert {name for name, cls in built_in_models().items() if issubclass(cls, able)} >= together
    cls = built_in_models()["lstm-direct"]
    assert isinstance(cls(cls.settings_type()), StackedModel)


def test_a_class_that_is_fitted_together_must_say_what_it_takes():
    complete = built_in_models()["lstm-direct"]
    assert check_class("mine", complete) is complete
    facts = {name: getattr(complete, name) for name in dir(complete) if name != "bytes_per_fit" and name[0] != "_"}
    with pytest.raises(ConfigError, match="lacks bytes_per_fit"):
        check_class("mine", type("Mine", (), facts))
