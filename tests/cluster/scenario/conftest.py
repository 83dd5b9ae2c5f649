"""One finished run for all tests of scenarios."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.scenario.company_days import write_inputs
from tests.runs import run


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenario")
    write_inputs(folder)
    done = run(folder, "r")
    assert done.returncode == 0, done.stderr
    return folder
