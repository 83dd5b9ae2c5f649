"""`python -m tests.bench.gpu`: what it computes from times, what its page says, and its rehearsal on a bare machine."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
from tests.bench.gpu import __main__ as bench
from tests.bench.gpu import checks, missing, page, speed
from tests.forecasting.models.lstm.engine.pretended_gpu import PretendedGpu

ROOT = Path(__file__).parent.parent
ABSENT = ["ray", "lightgbm", "statsmodels", "pydantic", "holidays", "pytest", "_pytest", "bokeh", "jinja2", "rich"]
ABSENT += ["typer", "safetensors", "threadpoolctl", "yaml"]
BLOCKER = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
"""
"""As a sitecustomize it makes every Python process one of a machine without these libraries."""
SETTINGS = """
import sys
from tests.bench.gpu.pydantic_standin import install_if_missing
assert install_if_missing() == (sys.argv[1] == "stand-in")
from forecasting.registry import found_in
from tests.bench.gpu.checks import _is_model
for cls in found_in("forecasting.models.lstm", _is_model):
    settings = cls.settings_type(epochs=3)
    classes = [c for c in cls.settings_type.__mro__ if c.__module__.startswith("forecasting")]
    names = {name for c in classes for name in vars(c).get("__annotations__", {})}
    print(cls.name, [(name, getattr(settings, name)) for name in sorted(names - {"model_config"})])
"""


def bare(tmp_path):
    """The environment of a machine that has torch, numpy, numba, pandas, pyarrow and scipy alone."""
    (tmp_path / "sitecustomize.py").write_text(BLOCKER)
    return {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}


def called(command, **options):
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize(("a", "b", "k0"), [(0.5, 0.002, 64), (0.0, 0.01, 1), (2.0, 0.0001, 512)])
def test_the_cost_of_batches_is_found_again(a, b, k0):
    sizes = [1, 4, 16, 64, 192, 512, 1024, 4096]
    found = speed.cost_of({n: a + b * max(n, k0) for n in sizes}, with_floor=True)
    assert (found["a"], found["b"], found["k0"]) == pytest.approx((a, b, k0), rel=1e-6, abs=1e-9)
    assert found["largest_error"] < 1e-6


def test_a_cost_is_never_negative():
    found = speed.cost_of({1: 0.9, 2: 2.1, 16: 16.5}, with_floor=False)
    assert found["a"] == 0.0
    assert found["b"] == pytest.approx(1.0, rel=0.1)
    assert found["k0"] == 0.0


def test_a_measurement_that_fails_is_named_and_the_others_go_on():
    log = bench.Log(bench.PLANS["cpu"])
    assert log.stage("broken", lambda: 1 / 0) is None
    assert log.stage("whole", lambda: 3) == 3
    late = bench.Log(bench.Plan(-1.0, (), (), 0, 0, 0, 0.0))
    assert late.stage("late", lambda: 3) is None
    assert log.failures == ["broken"]
    assert log.absent == [("broken", "failed: ZeroDivisionError: division by zero")]
    assert [stage["name"] for stage in log.timeline] == ["broken", "whole"]
    assert late.absent[0][0] == "late"
    assert not late.failures


def result(**changes):
    machine = {"device": "a GPU", "python": "3.11", "torch": "2.13", "cuda": "13", "numpy": "2.4"}
    check = {"name": "repeat", "question": "Twice the same?", "passed": False, "figures": "other bits"}
    base = {"machine": machine, "rehearsal": False, "checks": [check], "seconds": 1.0, "speed": [], "cost": {}}
    rest = {"memory": [], "sharing": None, "phases": None, "timeline": [], "absent": [("K = 8", "no time")]}
    return {**base, **rest, "missing": [], **changes}


def test_the_page_names_what_failed_and_what_is_absent():
    text = page.page_of(result())
    assert "Failed: repeat." in text
    assert "FAIL   Twice the same?" in text
    assert text.count(page.ABSENT) == 3
    assert "- K = 8: no time" in text
    assert "REHEARSAL" not in text
    assert "REHEARSAL" in page.page_of(result(rehearsal=True))


def test_what_a_machine_lacks_is_a_command(monkeypatch):
    monkeypatch.setattr(missing, "find_spec", lambda name: None if name in {"ray", "yaml", "pytest"} else name)
    lacking = missing.missing()
    assert lacking == ["pyyaml>=6.0", "ray[default]>=2.59", "pytest>=8.3"]
    assert missing.fetch_command(lacking).endswith("--dest wheels 'pyyaml>=6.0' 'ray[default]>=2.59' 'pytest>=8.3'")


def test_checks_notice_what_is_wrong(monkeypatch):
    monkeypatch.setattr(checks, "GRADIENTS", 1e-9)
    assert not checks.gradients("cpu")[0]
    monkeypatch.setattr(checks.torch_backend, "train", lambda *_: [])
    assert not checks.out_of_memory("cpu")[0]


def test_settings_without_pydantic_are_those_with_it(tmp_path):
    there = called(["-c", SETTINGS, "pydantic"], env={**os.environ, "PYTHONPATH": str(ROOT)})
    without = called(["-c", SETTINGS, "stand-in"], env=bare(tmp_path))
    assert without.returncode == there.returncode == 0, without.stderr + there.stderr
    assert without.stdout == there.stdout
    assert there.stdout.count("lstm-") >= 5


def test_without_a_gpu_one_sentence_says_so(tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("has a GPU")
    done = called(["-m", "tests.bench.gpu", "--out", str(tmp_path / "x.json")], cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr == "torch finds no CUDA device here: --device cpu rehearses without one\n"


def test_what_is_left_to_a_gpu_runs_on_a_pretended_one(monkeypatch):
    """Line by line, with few fits; the processes that share a GPU would find none."""
    plan = bench.Plan(300.0, (1, 2, 4, 8), (7,), 1, 4, 4, 1.0)
    monkeypatch.setitem(bench.PLANS, "cuda", plan)
    monkeypatch.setattr(checks.lstm, "SEEDS", 6)
    monkeypatch.setattr(checks.lstm, "EPOCHS", 6)
    monkeypatch.setattr(speed, "BATCH_EPOCHS", 2)
    monkeypatch.setattr(speed, "MEMORY_FITS", (2, 4))
    shared = {"processes": 4, "fits": 4, "alone": 10.0, "each": [5.0] * 4, "ratio": 2.0}
    monkeypatch.setattr(speed, "sharing", lambda *_: shared)
    with PretendedGpu().installed(monkeypatch):
        found = bench.run("cuda")
    assert found["failed"] == []
    assert [name for name, _ in found["absent"]] == []
    assert [check["passed"] for check in found["checks"]] == [True] * len(checks.CHECKS)
    assert [row["fits"] for row in found["speed"]] == [1, 1, 2, 4, 8]
    assert [row["input_size"] for row in found["memory"]] == [7]
    assert set(found["cost"]["seconds"]) == {1, 2, 4, 8}
    text = page.page_of(found)
    assert "Tidecast on a pretended GPU" in text
    assert "together 2.00 times one process" in text
    assert page.ABSENT not in text


@pytest.mark.slow
def test_the_rehearsal_passes_on_a_bare_machine(tmp_path):
    out, before = tmp_path / "rehearsal.json", resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = called(["-m", "tests.bench.gpu", "--device", "cpu", "--out", str(out)], env=bare(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found, text = json.loads(out.read_text()), out.with_suffix(".txt").read_text()
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 90  # CPU seconds: others use the machine
    assert found["rehearsal"]
    assert [check["passed"] for check in found["checks"]] == [True] * len(checks.CHECKS)
    assert {row["fits"] for row in found["speed"] if row["side"] == "engine"} == {1, 2, 16}
    assert len(found["sharing"]["each"]) == 2
    assert set(found["cost"]["seconds"]) == {"1", "2", "16"}
    assert {requirement.split(">")[0] for requirement in found["missing"]} >= {"pydantic", "holidays", "ray[default]"}
    assert set(bench.NO_GPU) | {"validation of settings"} <= {name for name, _ in found["absent"]}
    assert "THIS IS A REHEARSAL ON A CPU" in text
    assert "pip download" in text
    assert max(len(line) for line in text.splitlines() if "pip " not in line) <= 110
