"""Who a member is: its id, its name, and what its trials are on."""

import pytest

from forecasting.models import model_type
from forecasting.panel import Series
from forecasting.trial import Member


def member(model, seed_index=0, label=None, **settings):
    cls = model_type(model)
    dumped = cls.settings_type.model_validate(settings).model_dump(mode="json")
    return Member(model, dumped, seed_index, label or model, cls.family)


def test_the_unit_of_a_member():
    assert member("lightgbm-global").unit(Series.named("a/b/redeem")) == "redeem"
    assert member("lightgbm-global").unit(Series.named("redeem")) == "redeem"
    assert member("seasonal-naive").unit(Series.named("a/redeem")) == "a/redeem"


def test_a_name_holds_the_seed_where_the_seed_matters():
    assert member("lstm-direct", 3).name == "lstm-direct/s03"
    assert member("seasonal-naive").name == "seasonal-naive"


def test_an_id_is_of_model_settings_and_seed_alone():
    base = member("lstm-direct").member_id
    assert member("lstm-direct", label="mine").member_id == base
    assert member("lstm-direct", 1).member_id != base
    assert member("lstm-direct", epochs=26).member_id != base


@pytest.mark.parametrize(
    ("model", "member_id"),
    [
        ("arima", "768392b75bc20462"),
        ("calendar-level", "ad272b38a37d3af8"),
        ("file", "d45109194354e84b"),
        ("lightgbm-direct", "6a78b4f22c7b1041"),
        ("lightgbm-global", "70ba208069ec76ef"),
        ("lightgbm-recursive", "a53ca40fc91dd96a"),
        ("lstm-classic", "3a651a27512d038d"),
        ("lstm-covariates", "1a6b42b781b8424c"),
        ("lstm-direct", "9fb92d665fbdcb37"),
        ("lstm-global", "b478091e33257ca8"),
        ("lstm-price", "e316d8602dfde2e4"),
        ("periodic-factor", "66e319b617f0c525"),
        ("seasonal-naive", "21157eed0bc09d10"),
        ("weekday-mean", "ebfa6656b818eca7"),
        ("weekday-median", "de0c4d90bd76dc32"),
    ],
)
def test_ids_of_default_members_stay(model, member_id):
    """Run directories are continued by these ids."""
    assert member(model).member_id == member_id
