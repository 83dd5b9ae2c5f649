"""What a GPU asks of the torch program: settings under which it repeats its numbers, CUDA graphs, and lack of memory.

The README of this folder lists PyTorch's rules for graphs, and where each of them is kept.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from forecasting.models.lstm.engine.network import Network

__all__ = ["Recorder", "can_fuse", "is_out_of_memory", "on_device", "recorder", "unchanged"]

Recorder = Callable[[Callable[[], None]], Callable[[], None]]
"""Takes some work; gives what repeats it without running its Python code. Recording may run the work a few times."""

WARM_UPS = 2
"""Runs before a capture: the first makes cuBLAS's handle and workspace and loads kernels, none of which a capture may
do."""
REPEATING = (":4096:8", ":16:8")
FUSED_UNITS, FUSED_ROWS = 64, 16
"""Most units of a layer that `fused` trains, and most rows of ones and inputs: registers hold no more."""
NO_MEMORY = ("out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "can't allocate memory")
"""Lack of memory, as CUDA, cuBLAS and torch's CPU allocator say it in errors that have no class of their own."""


@contextmanager
def on_device(device: str) -> Iterator[None]:
    """Make a GPU the current one, without TF32 and with kernels that repeat their bits; on a CPU nothing changes."""
    if not device.startswith("cuda"):
        yield
        return
    # Read when a process first uses cuBLAS. PyTorch takes two values for ones with which results repeat bit by bit.
    if os.environ.get("CUBLAS_WORKSPACE_CONFIG") not in REPEATING:
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = REPEATING[0]
    with torch.cuda.device(device), _repeatable():
        yield


@contextmanager
def _repeatable() -> Iterator[None]:
    """Full single precision, and an error from any kernel whose result depends on the order of its threads."""
    precision = torch.get_float32_matmul_precision()
    strict, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    deterministic: Any = torch.utils.deterministic
    fills = deterministic.fill_uninitialized_memory
    torch.set_float32_matmul_precision("highest")  # containers may switch TF32 on by an environment variable
    torch.use_deterministic_algorithms(True)
    deterministic.fill_uninitialized_memory = False  # it costs a kernel for every new tensor
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision)
        torch.use_deterministic_algorithms(strict, warn_only=warns)
        deterministic.fill_uninitialized_memory = fills


def recorder(device: str) -> Recorder | None:
    """How work is recorded on a device; None on a CPU, which runs it anew each time.

    All graphs of one recorder share a pool of memory. They may: nothing in the pool outlives a replay, and replays
    follow one another on one stream.
    """
    if not device.startswith("cuda"):
        return None
    pool = torch.cuda.graph_pool_handle()
    return lambda work: _captured(work, pool)


@contextmanager
def unchanged(state: Sequence[Tensor]) -> Iterator[None]:
    """Undo what a block does to some tensors, in place."""
    before = [tensor.clone() for tensor in state]
    yield
    for tensor, value in zip(state, before, strict=True):
        tensor.copy_(value)


def _captured(work: Callable[[], None], pool: Any) -> Callable[[], None]:
    """`work` as a CUDA graph; gives its replay."""
    here = torch.cuda.current_stream()
    side = _side_stream(torch.cuda.current_device())
    side.wait_stream(here)
    with torch.cuda.stream(side):
        for _ in range(WARM_UPS):
            work()
    here.wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # A capture that fails may not leave its stream; the outer block does. Only this thread's calls can spoil it.
    with torch.cuda.stream(here), torch.cuda.graph(graph, pool, side, capture_error_mode="thread_local"):
        work()
    return graph.replay


@cache
def _side_stream(index: int) -> torch.cuda.Stream:
    """The stream of all captures on a GPU: cuBLAS keeps a workspace for each stream for ever."""
    return torch.cuda.Stream(index)


def can_fuse(network: Network, device: str) -> bool:
    """Whether `fused` computes a network's layer: on a GPU, where Triton compiles it and registers hold the weights."""
    small = network.hidden_size <= FUSED_UNITS and network.n_inputs < FUSED_ROWS
    fits = network.topology == "direct" and small and device.startswith("cuda")
    return fits and _compiles(network.hidden_size, network.n_inputs, device)


@cache
def _compiles(hidden: int, n_inputs: int, device: str) -> bool:
    """Whether Triton is there and its kernels for a layer run on a GPU; where they fail, a warning says why."""
    if find_spec("triton") is None:
        return False
    from forecasting.models.lstm.engine.torch_layer import FusedLayer

    try:
        layer = FusedLayer(2, 2, hidden, n_inputs, 32, device)
        matrix = torch.zeros(2, 4 * hidden, hidden + 1 + n_inputs, device=device)
        layer.forward(matrix)
        layer.backward(torch.zeros(2, hidden, 32, device=device), matrix, torch.zeros_like(matrix))
    except Exception as error:  # no compiler, or a GPU that is too small for these sizes: it is said in many ways
        if is_out_of_memory(error):
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        warnings.warn(f"Triton compiles no kernel here, so LSTMs train more slowly: {reason}", stacklevel=2)
        return False
    return True


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that it came up while handling, is a lack of memory.

    An allocation that fails inside a capture is followed by an error from the end of the capture, which hides it.
    """
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, torch.OutOfMemoryError) or any(words in str(chain) for words in NO_MEMORY):
            return True
        chain = chain.__cause__ or chain.__context__
    return False
