"""What a newcomer's terminal shows in the first minute, and what is left of Ray when the data are bad."""

import os
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from tests.bench.first_minute import FIRST_LINE, ROOT, SILENCE, feel
from tests.pace import pace
from tests.runs import command, write_inputs

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]

FACTOR = 3
"""How much slower than promised the machine of these tests may be while nobody else uses it."""


def test_the_demo_says_something_at_once_and_all_the_time(tmp_path):
    before = pace()
    felt = feel(ROOT, tmp_path, "run")
    factor = FACTOR * max(before, pace())
    assert felt.code == 0, felt.output.decode()[-2000:]
    assert felt.first_line <= FIRST_LINE * factor, str(felt)
    assert felt.silence <= SILENCE * factor, str(felt)
    assert b"report.html" in felt.output


def test_bad_data_end_at_once_without_a_ray_left_behind_or_a_word_about_it(tmp_path):
    write_inputs(tmp_path)
    data = tmp_path / "data.csv"
    data.write_text(data.read_text().replace("2024-03-01", "no day"))
    mark = f"FIRST_MINUTE={uuid.uuid4()}"
    name, _, value = mark.partition("=")
    done = subprocess.run(
        command("run", "config.yaml", "--data", "data.csv"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), name: value},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 2
    assert "no day" in done.stderr.splitlines()[-1]
    assert "ray" not in done.stderr.lower()
    for _ in range(300):
        if not marked(mark):
            break
        time.sleep(0.1)
    assert not marked(mark)


def marked(mark):
    """Pids of the processes that inherited this variable."""
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark.encode() in place.read_bytes():
                found.append(place.parent.name)
    return found
