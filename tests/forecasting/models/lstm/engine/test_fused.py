"""The fused kernels, in Triton's interpreter where there is no GPU; and the way back to the plain layer."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
import torch

from forecasting.models.lstm.engine import torch_graph
from forecasting.models.lstm.engine.network import Network
from tests.forecasting.models.lstm.engine.pretended_gpu import OnCpu

DIRECT = Network("direct", 5, 1, 30, 5)


@pytest.mark.skipif(find_spec("triton") is None, reason="needs Triton, which comes with torch's builds for CUDA")
def test_the_kernels_agree_with_the_layer_step_by_step():
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    code = f"from tests.forecasting.models.lstm.engine.references import fused_apart; print(fused_apart('{device}'))"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TRITON_INTERPRET": str(int(device == "cpu"))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert 0.0 < float(found.stdout) < 1e-5


@pytest.fixture
def compiler(monkeypatch):
    """Triton is there; whether it compiles is up to the test."""
    made = SimpleNamespace(error=None)

    def passes(*_):
        if made.error is not None:
            raise made.error

    fused = SimpleNamespace(forward=lambda *_: None, backward=passes)
    monkeypatch.setitem(sys.modules, "forecasting.models.lstm.engine.fused", fused)
    monkeypatch.setattr("forecasting.models.lstm.engine.fused", fused, raising=False)
    monkeypatch.setattr(torch_graph, "find_spec", lambda name: name == "triton")
    torch_graph._compiles.cache_clear()
    with OnCpu():
        yield made
    torch_graph._compiles.cache_clear()


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize(
    ("network", "device", "fuses"),
    [
        (DIRECT, "cuda:0", True),
        (DIRECT, "cpu", False),
        (Network("classic", 5, 1, 30, 5), "cuda:0", False),
        (Network("direct", 5, 1, 65, 5), "cuda:0", False),
        (Network("direct", 5, 16, 30, 5), "cuda:0", False),
    ],
)
def test_only_layers_that_registers_hold_are_fused(network, device, fuses):
    assert torch_graph.can_fuse(network, device) == fuses


def test_a_compiler_that_fails_is_said_and_the_plain_layer_trains(compiler):
    compiler.error = RuntimeError("cc not found\nFailed to find C compiler. Please specify via CC.")
    with pytest.warns(UserWarning, match=r"train more slowly: Failed to find C compiler"):
        assert not torch_graph.can_fuse(DIRECT, "cuda:0")
    assert not torch_graph.can_fuse(DIRECT, "cuda:0"), "said once"


def test_lack_of_memory_is_not_taken_for_a_compiler_that_fails(compiler):
    compiler.error = torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(torch.OutOfMemoryError):
        torch_graph.can_fuse(DIRECT, "cuda:0")
