"""Damages to stored files, as `tests.bench.flips` makes them, are noticed."""

import pytest

from tests.bench import flips


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_damage_passes_in_silence(capsys):
    assert flips.main(["--flips", "100", "--files", "5", "--seed", "3"]) == 0, capsys.readouterr().err
