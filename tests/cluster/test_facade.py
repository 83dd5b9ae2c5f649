"""`import tidecast` gives what it says, and nothing of its own."""

import subprocess
import sys
from pathlib import Path

FACADE = Path(__file__).parent.parent.parent / "cluster" / "facade"
CODE = """
import types, tidecast
names = {name for name in vars(tidecast) if not name.startswith("_")} - {"annotations"}
assert names == set(tidecast.__all__), names ^ set(tidecast.__all__)
assert all(getattr(tidecast, name).__doc__ for name in names)
defined = [name for name in names if getattr(getattr(tidecast, name), "__module__", "") == "tidecast"]
assert not defined, defined
print(len(names))
"""


def test_all_is_what_can_be_imported():
    path = f"{FACADE.parent.parent}:{FACADE}"
    done = subprocess.run([sys.executable, "-c", CODE], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 8 <= int(done.stdout) <= 12
