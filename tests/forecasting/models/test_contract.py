"""Every registered model is put through the checks that a user's own must pass (`forecasting.testing`)."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting.models import built_in_models, model_type
from forecasting.models.base import FitTask
from forecasting.models.plugins import temporarily
from forecasting.schema import as_date
from forecasting.seeding import fit_key
from forecasting.testing import CHECKS, NAME, Subject, make_panel

QUICK = {
    "lstm-direct": {"input_size": 7, "hidden_size": 4, "epochs": 2},
    "lstm-classic": {"input_size": 7, "hidden_size": 4, "epochs": 2},
    "lstm-covariates": {"input_size": 7, "hidden_size": 4, "epochs": 2},
    "lstm-global": {"input_size": 7, "hidden_size": 4, "epochs": 2},
    "lstm-price": {"input_size": 7, "hidden_sizes": (4, 3), "epochs": 2},
    "lightgbm-direct": {"rounds": 10},
    "lightgbm-recursive": {"rounds": 10},
    "lightgbm-global": {"rounds": 10},
    "arima": {"max_p": 1, "max_q": 0, "max_seasonal_p": 0, "max_seasonal_q": 0},
}
PUBLISHED = {"lstm-classic", "lstm-covariates", "lstm-price"}
WITH_A_FILE = {"file"}
"""Models that forecast what a file says, not the panel; `test_models_file` is about them."""


def panel_for(name):
    """A day's change of a flow would make a price explode: `lstm-price` gets prices."""
    panel = make_panel()
    if name != "lstm-price":
        return panel
    changes = np.random.default_rng(1).normal(0, 0.01, panel.y.shape)
    return replace(panel, y=1e6 * np.exp(np.cumsum(changes, axis=1)))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", sorted(built_in_models().keys() - WITH_A_FILE))
def test_a_registered_model(name, check):
    cls = model_type(name)
    with temporarily(NAME, cls):
        check(Subject(cls, QUICK.get(name, {}), panel_for(name)))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_published_mistake_stays_before_the_cutoff(name, check):
    cls = model_type(name)
    with temporarily(NAME, cls):
        check(Subject(cls, {**QUICK[name], "as_published": True}, panel_for(name)))


def test_every_model_with_a_published_mistake_is_checked_with_it():
    assert {n for n, cls in built_in_models().items() if "as_published" in cls.settings_type.model_fields} == PUBLISHED


def test_a_later_setting_leaves_older_members_their_identity():
    cls = model_type("lstm-classic").settings_type
    dumped = cls(target_loss=None).model_dump(mode="json")
    assert not {"patience", "test_days"} & dumped.keys()
    assert cls(target_loss=None, test_days=5).model_dump()["test_days"] == 5
    assert cls.model_validate(dumped) == cls(target_loss=None)


def test_streams_are_keyed_by_content_never_by_position():
    keys = {fit_key(1, m, u, as_date(c)) for m in ("a", "b") for u in ("x", "y") for c in ("2024-01-31", "2024-02-29")}
    assert len(keys) == 8


def test_the_history_of_a_task_ends_at_its_cutoff():
    panel = make_panel()
    history = panel.history("redeem", as_date("2024-04-30"))
    assert history.cutoff == as_date("2024-04-30")
    assert FitTask(history, 31, 1).history.past.shape == (len(history.ds), 1)
