"""The torch program as a recording: what a CUDA graph asks of it, as far as a CPU can show it."""

from __future__ import annotations

import gc
import weakref
from contextlib import nullcontext
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from forecasting.models.lstm.engine import torch_backend, torch_graph
from forecasting.models.lstm.engine.network import Network
from forecasting.models.lstm.engine.torch_backend import Packed, Stack, StackedFits, worth_compacting
from tests.forecasting.models.lstm.common import classic_spec, direct_spec, make_fit
from tests.forecasting.models.lstm.engine import tape
from tests.forecasting.models.lstm.engine.pretended_gpu import PretendedGpu
from tests.forecasting.models.lstm.engine.test_training import assert_same_bits

SPECS = {
    "stops early": direct_spec(patience=1, epochs=6, learning_rate=3e-2),
    "no dropout, odd steps": direct_spec(
        network=Network("direct", 5, 2, 10, 5, 2), dropout=0.0, loss="l1", batch_size=7
    ),
    "sliding": direct_spec(batches="sliding", batch_size=10, epochs=2),
    "classic": classic_spec(),
}


@pytest.fixture
def taped(monkeypatch):
    """Mini-batches are replayed from a tape, as a GPU replays them from a graph; gives the tapes' recorder."""
    made = []

    def record(work):
        made.append(work)
        return tape.record(work)

    monkeypatch.setattr(torch_backend, "recorder", lambda device: record)
    return made


def make_fits(spec, *, check=False, n=6):
    fits = [make_fit(key, spec.network, n=40 + 5 * key) for key in range(1, n + 1)]
    return [replace(fit, check=fit.train) for fit in fits] if check else fits


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("name", SPECS)
def test_replays_train_to_the_same_bits_as_running_each_mini_batch(name, check, request):
    spec = SPECS[name]
    fits = make_fits(spec, check=check)
    plain = torch_backend.train(spec, fits)
    recorded = request.getfixturevalue("taped")
    replayed = torch_backend.train(spec, fits)
    assert len(recorded) >= (3 if check else 2), "training and each evaluation have a recording"
    for a, b in zip(plain, replayed, strict=True):
        assert_same_bits(a, b)
        assert len(a.train_loss) > 1


def test_one_recording_serves_mini_batches_of_any_samples_epoch_and_mask(taped):
    spec = direct_spec()
    stack = Stack(spec, StackedFits.of(spec, make_fits(spec), "cpu"), "cpu")
    seen = []
    replay = stack.replays["train"]

    def look():
        replay()
        seen.append((stack.columns.clone(), stack.mask.clone(), stack.filled.clone()))

    stack.replays["train"] = look
    with torch.inference_mode():
        stack.epoch(1)
        stack.epoch(2)
    assert len(seen) == 2 * stack.steps > 4
    columns, masks, filled = (torch.stack(part) for part in zip(*seen, strict=True))
    for k, fit in enumerate(make_fits(spec)):
        for epoch in (columns[: stack.steps], columns[stack.steps :]):
            used = epoch[:, k][epoch[:, k] < stack.fits.train.longest]
            assert sorted(used.tolist()) == list(range(len(fit.train)))
    assert len({bytes(mask.numpy().tobytes()) for mask in masks}) == len(masks)
    assert filled[: stack.steps].sum(0).tolist() == [len(fit.train) for fit in make_fits(spec)]


def test_recording_trains_nobody(taped):
    spec = direct_spec()
    fits = StackedFits.of(spec, make_fits(spec), "cpu")
    before = [getattr(fits, name).clone() for name in ("parameters", "moment", "square", "updates")]
    stack = Stack(spec, fits, "cpu")
    after = [getattr(fits, name) for name in ("parameters", "moment", "square", "updates")]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert stack.loss_sum.sum() == stack.weight_sum.sum() == stack.total.sum() == 0.0


@pytest.mark.parametrize("graphs", [False, True])
def test_a_dropped_stack_leaves_no_tensors_behind(graphs, request):
    """Reference cycles would keep its memory until Python collects them, on a GPU beside that of the smaller stack."""
    if graphs:
        request.getfixturevalue("taped")
    spec = direct_spec()
    stack = Stack(spec, StackedFits.of(spec, make_fits(spec), "cpu"), "cpu")
    with torch.inference_mode():
        stack.epoch(1)
    held = [weakref.ref(stack.gradient), weakref.ref(stack.net.layer.gates), weakref.ref(stack.fits.parameters)]
    if graphs:
        request.getfixturevalue("taped").clear()  # what the test itself holds
    gc.disable()
    try:
        del stack
        assert [ref() for ref in held] == [None] * 3
    finally:
        gc.enable()


def test_lack_of_memory_inside_a_capture_is_a_memory_error_that_holds_no_tensors(monkeypatch):
    spec = direct_spec()
    held = []
    choose = Stack._choose

    def full(stack):
        choose(stack)
        held.append(weakref.ref(stack.gradient))
        if len(held) == 3:  # after two warm-ups
            try:
                raise torch.OutOfMemoryError("CUDA out of memory")
            finally:
                raise RuntimeError("operation failed due to a previous error during capture")

    monkeypatch.setattr(Stack, "_choose", full)
    monkeypatch.setattr(torch_backend, "recorder", lambda device: tape.record)
    gc.disable()
    try:
        with pytest.raises(MemoryError, match=r"6 fits do not fit into the memory of cpu") as caught:
            torch_backend.train(spec, make_fits(spec))
        assert len(held) == 3
        assert [ref() for ref in held] == [None] * 3
        assert caught.value.__context__ is None
    finally:
        gc.enable()
    monkeypatch.setattr(Stack, "_choose", choose)
    assert all(result.finite for result in torch_backend.train(spec, make_fits(spec)))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
    ],
)
def test_which_errors_are_a_lack_of_memory(monkeypatch, error, expected):
    assert torch_graph.is_out_of_memory(error) == expected

    def fail(*_):
        raise error

    monkeypatch.setattr(torch_backend, "_train", fail)
    with pytest.raises(MemoryError if expected else RuntimeError):
        torch_backend.train(None, [], "cpu")


WAITS = {
    "aten._local_scalar_dense.default",
    "aten.nonzero.default",
    "aten.where.Scalar",
    "aten.where.ScalarOther",
    "aten.where.ScalarSelf",
}


class OnlyTheDevice(TorchDispatchMode):
    """Refuses what a capture would refuse: tensors of the CPU, copies between devices, and reading a value."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, torch.Tensor)]
        assert all(tensor.is_meta for tensor in tensors), f"{func} takes or gives a tensor of the CPU"
        assert str(func) not in WAITS, f"{func} waits for the GPU, or copies a number to it"
        return out


def on_meta(value):
    """The same on torch's meta device, which has shapes but no memory: what a program asks of it, it asks of a GPU."""
    if isinstance(value, torch.Tensor):
        return value.to("meta")
    if isinstance(value, Packed | StackedFits):
        return type(value)(**{f.name: on_meta(getattr(value, f.name)) for f in fields(value)})
    return value


@pytest.mark.parametrize("program", ["train", "valid", "check"])
@pytest.mark.parametrize("name", SPECS)
def test_a_mini_batch_neither_uses_the_host_nor_waits_for_it(name, program):
    spec = SPECS[name]
    stack = Stack(spec, on_meta(StackedFits.of(spec, make_fits(spec, check=True), "cpu")), "meta")
    with torch.inference_mode(), OnlyTheDevice():
        stack._perform(program)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x + torch.ones(3),
        lambda x: x.cpu(),
        lambda x: float(x[0]),
        lambda x: x[x > 0],
        lambda x: torch.where(x > 0, x, 1.0),
    ],
)
def test_what_a_capture_refuses_is_noticed(wrong):
    x = torch.ones(3, device="meta")
    with torch.inference_mode(), pytest.raises((AssertionError, RuntimeError, NotImplementedError)), OnlyTheDevice():
        wrong(x)


def test_new_graphs_are_made_when_they_pay():
    half, most = np.array([True] * 4 + [False] * 4), np.array([True] * 6 + [False] * 2)
    assert worth_compacting(half, 1000, "cuda:0")
    assert not worth_compacting(most, 1000, "cuda:0"), "too few have stopped"
    assert not worth_compacting(half, 30, "cuda:0"), "too little is left to do"
    assert worth_compacting(most, 1, "cpu")
    assert not worth_compacting(np.array([True, False]), 1000, "cpu"), "a lone fit has company"


def test_settings_of_a_gpu_hold_inside_and_go_back(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":0:0")
    torch.set_float32_matmul_precision("high")
    try:
        with torch_graph.on_device("cuda:0"):
            assert torch.are_deterministic_algorithms_enabled()
            assert torch.get_float32_matmul_precision() == "highest"
            assert torch_graph.os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.get_float32_matmul_precision() == "high"
        with torch_graph.on_device("cpu"):
            assert not torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.fixture
def gpu(monkeypatch):
    """A GPU played on the CPU (see `pretended_gpu`)."""
    torch_graph._side_stream.cache_clear()
    with PretendedGpu().installed(monkeypatch) as pretended:
        yield pretended
    torch_graph._side_stream.cache_clear()


@pytest.mark.parametrize("name", SPECS)
def test_the_path_of_a_gpu_gives_the_bits_of_the_cpu(monkeypatch, gpu, name):
    monkeypatch.setattr(torch_backend, "GRAPH_STEPS", 0)
    fits = make_fits(SPECS[name], check=True)
    for a, b in zip(
        torch_backend.train(SPECS[name], fits, "cuda:0"), torch_backend.train(SPECS[name], fits), strict=True
    ):
        assert_same_bits(a, b)
    assert gpu.log[0] == "device cuda:0"
    assert [stream.name for stream in gpu.streams] == ["main"]
    again = len([line for line in gpu.log if line == "pool"]) > 1
    assert again == (name == "stops early"), "a smaller stack has graphs of its own"


def test_a_capture_follows_its_warm_ups_on_the_same_stream(gpu):
    where = []
    record = torch_graph.recorder("cuda:0")
    for _ in range(2):
        record(lambda: where.append(gpu.streams[-1].name))
    assert where == ["side"] * 6, "two warm-ups and a capture each"
    ordered = ["side waits for main", "main waits for side", "capture into pool (0, 1) on side"]
    assert gpu.log == ["pool", *ordered, *ordered], "both graphs use one pool"


def test_a_capture_that_fails_leaves_its_stream(monkeypatch, gpu):
    step, runs = Stack._train_step, []

    def full(stack):
        runs.append(step(stack))
        if len(runs) == torch_graph.WARM_UPS + 1:
            raise torch.OutOfMemoryError("CUDA out of memory")

    spec = direct_spec()
    monkeypatch.setattr(Stack, "_train_step", full)
    with pytest.raises(MemoryError, match="6 fits do not fit into the memory of cuda:0"):
        torch_backend.train(spec, make_fits(spec), "cuda:0")
    assert [stream.name for stream in gpu.streams] == ["main"]
    assert gpu.log[-1] == "empty cache"
