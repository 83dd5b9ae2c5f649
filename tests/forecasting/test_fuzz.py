"""A bounded run of the fuzzer; ``python -m tests.forecasting.fuzz --cases 10000`` is the long one."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecasting.errors import DataError
from tests.forecasting import fuzz
from tests.forecasting.fuzz_data import sound_sets


@given(rng=st.randoms(use_true_random=False))
@settings(max_examples=120, suppress_health_check=list(HealthCheck))
def test_damaged_input_succeeds_or_gets_one_sentence(rng: Random) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        fuzz.run_case(rng, folder)
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("base", range(23))
def test_every_undamaged_base_can_be_planned(base: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, files, data = sound_sets()[base]
    whole = fuzz.Case(dict(files), fuzz.CONFIG.format(data=data, calendar="CN"), path)
    monkeypatch.setattr(fuzz, "make_case", lambda _: whole)
    assert fuzz.run_case(Random(0), tmp_path) == "success"


def test_the_fuzzer_notices_a_traceback_and_a_bad_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (KeyError("x"), DataError("two\nlines of text"), DataError("no")):

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(fuzz, "plan_only", fail)
        folder = tmp_path / str(id(error))
        folder.mkdir()
        with pytest.raises((KeyError, fuzz.Broken)):
            fuzz.run_case(Random(1), folder)
