"""A sound competition folder, and a copy of it to plant faults in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from forecasting.sample.write import write_sample


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample")
    write_sample(path, users=150, days=120)
    return path


@pytest.fixture
def folder(clean: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clean, tmp_path / "data"))
