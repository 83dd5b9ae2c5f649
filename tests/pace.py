"""How busy the machine is, for tests of what a person would wait for."""

import subprocess
import sys
import time

STARTED = 0.5
"""Seconds in which a machine that nobody else uses starts a Python with pandas."""


def pace() -> float:
    """How many times slower than such a machine this one is now; at least 1."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import pandas"], check=True)
    return max(1.0, (time.monotonic() - began) / STARTED)
