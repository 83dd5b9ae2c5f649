"""A data set is found by its kind, and says as findings what keeps it from being read."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from forecasting.data import dataset
from forecasting.data.spec import DataSpec
from tests.forecasting.data.opened import check

YUEBAO = DataSpec()


def test_missing_folder_is_a_finding(tmp_path: Path) -> None:
    (finding,) = check(YUEBAO, tmp_path / "none", "CN")
    assert finding.severity == "error"
    assert finding.value == "there is no such file or folder"
    (finding,) = check(YUEBAO, tmp_path, "CN")
    assert "neither user_balance_table nor daily_totals" in finding.value


def test_every_kind_has_a_source() -> None:
    assert set(dataset._sources()) == set(get_args(DataSpec.model_fields["kind"].annotation))
