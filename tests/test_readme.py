"""What the README tells a newcomer to type works as it stands there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.inference.configuration import infer
from cluster.inference.wishes import Wishes
from tests.readme import blocks, commands, continued

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


def test_the_marked_table_is_understood_without_a_configuration(tmp_path):
    table = next(text for language, text in blocks(README.read_text()) if language == "text")
    assert len(table.splitlines()) == 5
    (tmp_path / "flows.csv").write_text(continued(table))
    found = infer(str(tmp_path / "flows.csv"), "flows.csv", Wishes(), (), None)
    assert list(found.keys["data"]["targets"]) == ["inflow", "outflow"]


def test_the_marked_lines_begin_with_the_users_own_file():
    typed = [line for language, text in blocks(README.read_text()) if language == "console" for line in commands(text)]
    assert typed[0].startswith("tidecast run flows.csv")


@pytest.mark.slow
def test_the_marked_blocks_run_in_an_empty_folder(tmp_path):
    places = os.pathsep.join([str(ROOT), str(ROOT / "cluster" / "facade")])
    command = [sys.executable, "-P", str(ROOT / "tests" / "readme.py"), str(README), "--local"]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": places}, check=True)
    assert (tmp_path / "runs/flows/forecast.csv").stat().st_size > 0
