"""How `tests/bench/panel.py` measures."""

import sys

import pytest

from tests.bench import panel as bench

TWO_PROCESSES = """
import subprocess, sys, time
held = bytearray(80_000_000)
subprocess.run([sys.executable, "-c", "import time; held = bytearray(80_000_000); time.sleep(1.5)"])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_that_of_a_command_and_its_children():
    found = bench.measured([sys.executable, "-c", TWO_PROCESSES])
    assert 160 < found["pss_mb"] < 260
    assert found["wall_s"] >= 1.5
    assert found["cpu_s"] < found["wall_s"]


def test_a_command_that_fails_is_said_with_its_output():
    with pytest.raises(SystemExit, match=r"(?s)ended with 3:.*on the way"):
        bench.measured([sys.executable, "-c", "print('on the way'); raise SystemExit(3)"])


def test_growth_is_the_exponent_of_a_power():
    small = {"series": 100, "total": {"cpu_s": 10.0, "pss_mb": 200.0}}
    large = {"series": 10_000, "total": {"cpu_s": 1000.0, "pss_mb": 2000.0}}
    assert bench.growth(small, large) == {"cpu_s": 1.0, "pss_mb": 0.5}
