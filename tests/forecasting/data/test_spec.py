"""What a data section may say, and what it may not."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from forecasting.data.spec import DataSpec


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"targets": {}}, "at least one target"),
        ({"targets": {"purchase": 0.4, "redeem": 0.4}}, "sum to 0.8"),
        ({"targets": {"a/b": 1.0}}, "cannot be a target's name"),
        ({"targets": {"ds": 1.0}}, "cannot be a target's name"),
        ({"targets": {"event": 1.0}}, "'event' cannot be a target's name: a column of the results is called so"),
        ({"targets": {"date": 1.0}}, "columns: {date_amount: date}"),
        ({"targets": {"a": -1.0, "b": 2.0}}, "the weight of a is -1"),
        ({"past": ("a", "a")}, "named twice"),
        ({"columns": {"purchse": "in"}}, "'purchse', which is not asked for: its keys are ds, purchase, redeem"),
        ({"columns": {"y": "in"}}, "'y', which is not asked for"),
        ({"entity": "fund"}, "entity is for kind: panel, and kind is yuebao"),
        ({"kind": "folder"}, "yuebao"),
        ({"unit": "EUR"}, "unit is EUR, and kind yuebao knows fen and CNY"),
        ({"kind": "table", "unit": " "}, "a short text such as EUR"),
        ({"kind": "table", "as_of": "soon"}, "not a date"),
        ({"kind": "table", "max_lag": -1}, "greater than or equal to 0"),
        ({"kind": "table", "freq": "M"}, "'auto', 'D', 'B' or 'W'"),
        ({"colunms": {}}, "Extra inputs"),
    ],
)
def test_impossible_spec_is_refused(settings: dict[str, object], part: str) -> None:
    with pytest.raises(ValidationError, match=part):
        DataSpec.model_validate(settings)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in DataSpec.model_fields.values())


@pytest.mark.parametrize(("kind", "unit"), [("yuebao", "fen"), ("table", None), ("panel", None)])
def test_the_competition_alone_has_a_unit_unasked(kind: str, unit: str | None) -> None:
    assert DataSpec.model_validate({"kind": kind}).unit == unit
    assert DataSpec.model_validate({"kind": kind, "unit": None}).unit == unit


def test_a_day_may_be_written_with_or_without_dashes() -> None:
    assert DataSpec.model_validate({"as_of": 20240309}).as_of == DataSpec.model_validate({"as_of": "2024-03-09"}).as_of
