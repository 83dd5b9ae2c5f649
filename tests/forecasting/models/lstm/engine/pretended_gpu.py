"""A GPU that is played on a CPU, so that the code for one runs line by line where there is none.

Tensors "on cuda" lie on the CPU; streams only write down what they were told; a graph is a `Tape`. A capture that fails
behaves as PyTorch's does: its end raises too, and the stream of the capture stays the current one.
"""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import torch
from torch.overrides import TorchFunctionMode

from forecasting.models.lstm.engine import torch_graph, torch_network
from tests.forecasting.models.lstm.engine.tape import Tape

__all__ = ["PretendedGpu"]


class OnCpu(TorchFunctionMode):
    """Gives the CPU to whoever asks for cuda."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*map(given, args), **{name: given(value) for name, value in (kwargs or {}).items()})


def given(value):
    if isinstance(value, torch.device):
        return torch.device("cpu")
    return "cpu" if isinstance(value, str) and value.startswith("cuda") else value


class PretendedGpu:
    """Stands in for `torch.cuda` while its `installed` block runs; `log` holds what happened, in order."""

    def __init__(self):
        self.log = []
        self.streams = [Stream(self, "main")]

    @contextmanager
    def installed(self, monkeypatch):
        replaced = {
            "Stream": lambda index=0: Stream(self, "side"),
            "CUDAGraph": Graph,
            "current_device": lambda: 0,
            "current_stream": lambda: self.streams[-1],
            "device": self.device,
            "empty_cache": lambda: self.log.append("empty cache"),
            "get_device_name": lambda: "a pretended GPU",
            "get_device_properties": lambda index: SimpleNamespace(total_memory=8 << 30),
            "graph": lambda *args, **kwargs: Capture(self, *args, **kwargs),
            "graph_pool_handle": lambda: self.log.append("pool") or (0, len(self.log)),
            "is_available": lambda: True,
            "memory_allocated": lambda: 0,
            "memory_reserved": lambda: 0,
            "stream": self.stream,
            "synchronize": lambda: None,
        }
        for name, value in replaced.items():
            monkeypatch.setattr(torch.cuda, name, value)
        for module in (torch_graph, torch_network):
            monkeypatch.setattr(module, "can_fuse", lambda network, device: False)
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        with OnCpu():
            yield self

    @contextmanager
    def device(self, device):
        self.log.append(f"device {device}")
        yield

    @contextmanager
    def stream(self, stream):
        before = self.streams[-1]
        self.streams.append(stream)
        try:
            yield
        finally:
            self.streams[:] = [*self.streams[: self.streams.index(before)], before]


class Stream:
    def __init__(self, gpu, name):
        self.gpu, self.name = gpu, name

    def wait_stream(self, other):
        self.gpu.log.append(f"{self.name} waits for {other.name}")


class Graph:
    """Replays what a `Capture` has put on its tape."""

    def replay(self):
        self.tape.replay()


class Capture:
    """As `torch.cuda.graph`."""

    def __init__(self, gpu, graph, pool, stream, *, capture_error_mode):
        assert capture_error_mode == "thread_local"
        self.gpu, self.graph, self.pool, self.on = gpu, graph, pool, stream

    def __enter__(self):
        self.gpu.streams.append(self.on)
        self.gpu.log.append(f"capture into pool {self.pool} on {self.on.name}")
        self.graph.tape = Tape()
        self.graph.tape.__enter__()

    def __exit__(self, kind, error, trace):
        self.graph.tape.__exit__(kind, error, trace)
        if error is not None:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")
        self.gpu.streams.pop()
