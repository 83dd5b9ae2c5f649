"""What a fit comes to must not depend on its company, nor (beyond rounding) on its backend."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from forecasting.errors import ConfigError
from forecasting.models.lstm.engine import training as engine
from forecasting.models.lstm.engine.network import Network
from forecasting.models.lstm.engine.training import default_backend, memory_per_fit, resolve, train
from tests.forecasting.models.lstm.common import classic_spec, direct_spec, make_fit

BACKENDS = ["torch", "numba"]


@pytest.fixture(params=BACKENDS)
def backend(request):
    pytest.importorskip(request.param)
    return request.param


def assert_same_bits(a, b):
    assert np.array_equal(a.parameters, b.parameters)
    assert np.array_equal(a.train_loss, b.train_loss, equal_nan=True)
    assert np.array_equal(a.valid_loss, b.valid_loss, equal_nan=True)
    assert a.epoch == b.epoch


@pytest.mark.parametrize("batch_size", [7, 10, 32])
@pytest.mark.parametrize("hidden_size", [10, 15])
def test_a_fit_is_bit_identical_alone_among_31_others_and_in_a_compacted_batch(backend, batch_size, hidden_size):
    network = Network("direct", 6, 2, hidden_size, 5, 2)
    spec = direct_spec(batch_size=batch_size, network=network, patience=1, epochs=6, learning_rate=3e-2)
    fits = [make_fit(key, network, n=50 + 3 * (key % 5)) for key in range(1, 33)]
    together = train(spec, fits, backend)
    lengths = {len(result.train_loss) for result in together}
    assert len(lengths) > 1, "some fits must stop before others, or nothing is compacted"
    for k in (0, 13, 31):
        assert_same_bits(train(spec, [fits[k]], backend)[0], together[k])
    longest = int(np.argmax([len(result.train_loss) for result in together]))
    few = train(spec, [fits[3], fits[longest], fits[20]], backend)
    assert_same_bits(few[1], together[longest])


@pytest.mark.parametrize("batch_size", [7, 32])
def test_the_classic_network_is_bit_identical_in_any_company(batch_size):
    pytest.importorskip("torch")
    spec = classic_spec(batch_size=batch_size, target_loss=0.62)
    fits = [make_fit(key, spec.network, n=40 + key) for key in range(1, 9)]
    together = train(spec, fits, "torch")
    assert len({len(result.train_loss) for result in together}) > 1
    for k in (0, 5):
        assert_same_bits(train(spec, [fits[k]], "torch")[0], together[k])


def test_compaction_changes_nothing(monkeypatch):
    torch_backend = pytest.importorskip("forecasting.models.lstm.engine.torch_backend")
    spec = direct_spec(patience=1, epochs=6, learning_rate=3e-2)
    fits = [make_fit(key, spec.network, n=40 + key) for key in range(1, 9)]
    compacted = train(spec, fits, "torch")
    monkeypatch.setattr(torch_backend, "worth_compacting", lambda running, steps_left, device: False)
    for a, b in zip(compacted, train(spec, fits, "torch"), strict=True):
        assert_same_bits(a, b)


@pytest.mark.parametrize("loss", ["huber", "mse", "l1"])
def test_numba_agrees_with_torch_after_25_epochs(loss):
    pytest.importorskip("torch")
    pytest.importorskip("numba")
    spec = direct_spec(epochs=25, loss=loss, learning_rate=1e-3, patience=None)
    fits = [make_fit(key, spec.network, n=60 + key) for key in range(1, 4)]
    for a, b in zip(train(spec, fits, "torch"), train(spec, fits, "numba"), strict=True):
        # An L1 slope jumps at zero: once rounding flips a sign, paths part by a step of Adam.
        tolerance = 2e-2 if loss == "l1" else 1e-4
        assert np.abs(a.parameters - b.parameters).max() < tolerance
        assert np.abs(a.train_loss - b.train_loss).max() < tolerance / 10
        assert a.train_loss[-1] < 0.9 * a.train_loss[0]


def test_an_epoch_of_adam_equals_that_of_torch_optim(backend):
    """One full-batch update per epoch, with clipping, against torch.optim.Adam and autograd in float64."""
    torch = pytest.importorskip("torch")
    network = Network("direct", 4, 1, 6, 3)
    spec = direct_spec(network=network, batch_size=32, dropout=0.0, clip_norm=0.05, loss="mse", epochs=5, patience=None)
    fit = make_fit(3, network, n=32, n_valid=0)
    result = train(spec, [fit], backend)[0]
    from forecasting.models.lstm.engine.network import initial_parameters

    start = {
        k: torch.tensor(v.astype(np.float64))
        for k, v in network.unflatten(initial_parameters(network, fit.key)).items()
    }
    lstm, head = start["lstm"].requires_grad_(), start["head"].requires_grad_()
    optimizer = torch.optim.Adam([lstm, head], lr=spec.learning_rate)
    x, y, weight = (torch.tensor(a, dtype=torch.float64) for a in (fit.train.x, fit.train.y, fit.train.weight))
    for _ in range(spec.epochs):
        optimizer.zero_grad()
        h = c = torch.zeros(32, 6, dtype=torch.float64)
        for t in range(4):
            i, f, o, g = (torch.cat([h, torch.ones(32, 1), x[:, t]], 1) @ lstm.T).split(6, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        ((h @ head[:, :-1].T + head[:, -1] - y).square() * weight).mean().backward()
        torch.nn.utils.clip_grad_norm_([lstm, head], spec.clip_norm)
        optimizer.step()
    parts = network.unflatten(result.parameters)
    assert np.abs(parts["lstm"] - lstm.detach().numpy()).max() < 1e-5
    assert np.abs(parts["head"] - head.detach().numpy()).max() < 1e-5


def test_early_stop_keeps_the_best_weights(backend):
    spec = direct_spec(epochs=12, patience=2, learning_rate=5e-2)
    result = train(spec, [make_fit(4, spec.network, n=40)], backend)[0]
    assert len(result.valid_loss) < 12
    assert result.epoch == int(np.argmin(result.valid_loss)) + 1
    shorter = train(replace(spec, epochs=result.epoch), [make_fit(4, spec.network, n=40)], backend)[0]
    assert np.array_equal(shorter.parameters, result.parameters)


def test_without_validation_all_epochs_run_and_the_last_weights_stay(backend):
    spec = direct_spec(epochs=3, patience=1)
    result = train(spec, [make_fit(4, spec.network, n_valid=0)], backend)[0]
    assert result.epoch == 3
    assert len(result.train_loss) == 3
    assert np.isnan(result.valid_loss).all()


def test_sliding_batches_move_by_one_window(backend):
    spec = direct_spec(batches="sliding", batch_size=10, epochs=1)
    assert spec.steps(50) == 41
    fits = [make_fit(key, spec.network, n=n) for key, n in ((1, 50), (2, 12), (3, 6))]
    together = train(spec, fits, backend)
    assert_same_bits(train(spec, [fits[1]], backend)[0], together[1])
    assert_same_bits(train(spec, [fits[2]], backend)[0], together[2])


def test_another_key_gives_other_weights(backend):
    spec = direct_spec()
    fit = make_fit(1, spec.network)
    a, b = train(spec, [fit, replace(fit, key=fit.key + (1 << 33))], backend)
    assert np.abs(a.parameters - b.parameters).max() > 1e-2


def test_a_diverging_fit_does_not_touch_the_others(backend):
    spec = direct_spec()
    good, bad = make_fit(1, spec.network), make_fit(2, spec.network)
    bad.train.y[...] = np.nan
    results = train(spec, [good, bad, make_fit(3, spec.network)], backend)
    assert not results[1].finite or results[1].epoch == 0
    assert_same_bits(train(spec, [good], backend)[0], results[0])


def test_auto_is_numba_on_a_cpu_where_it_is_installed(monkeypatch):
    assert resolve("torch", "cpu") == "torch"
    assert default_backend("cuda:0") == "torch"
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    assert default_backend("cpu") == "torch"
    with pytest.raises(ConfigError, match="numba is not installed"):
        train(direct_spec(), [], "numba")


def test_numba_on_a_gpu_is_refused():
    pytest.importorskip("numba")
    with pytest.raises(ConfigError, match="runs on a CPU only"):
        train(direct_spec(), [], "numba", "cuda:0")


@pytest.mark.parametrize("n_known", [0, 20])
def test_memory_of_a_fit_is_what_the_stack_allocates(n_known):
    torch_backend = pytest.importorskip("forecasting.models.lstm.engine.torch_backend")
    import torch

    spec = direct_spec(network=Network("direct", 15, 1, 30, 31, n_known), batch_size=32, dropout=0.0)
    fits = [make_fit(key, spec.network, n=400, n_valid=0) for key in (1, 2)]
    stack = torch_backend.Stack(spec, torch_backend.StackedFits.of(spec, fits, "cpu"), "cpu")
    seen: dict[int, int] = {}

    def visit(value):
        if isinstance(value, torch.Tensor):
            seen[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
        elif isinstance(value, dict | list | tuple):
            for part in value.values() if isinstance(value, dict) else value:
                visit(part)
        elif hasattr(value, "__dict__") and type(value).__module__.startswith("forecasting"):
            visit(vars(value))

    visit(vars(stack))
    assert 0.7 < memory_per_fit(spec.network, 32, n_samples=400) / (sum(seen.values()) / 2) < 1.3


def test_the_models_import_neither_torch_nor_numba():
    import subprocess

    code = (
        "import sys; import forecasting.models.lstm.direct, forecasting.models.lstm.classic; "
        "sys.exit(bool({'torch', 'numba', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.gpu
@pytest.mark.parametrize("spec", [direct_spec(), classic_spec()])
def test_a_gpu_agrees_with_the_cpu(spec):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    fits = [make_fit(key, spec.network, n=50 + key) for key in range(1, 9)]
    for a, b in zip(train(spec, fits, "torch"), train(spec, fits, "torch", "cuda:0"), strict=True):
        assert np.abs(a.parameters - b.parameters).max() < 1e-3
        assert np.abs(a.train_loss - b.train_loss).max() < 1e-3


def test_products_in_registers_equal_plain_loops():
    microkernel = pytest.importorskip("forecasting.models.lstm.engine.microkernel")
    rng = np.random.default_rng(0)
    for m, depth, n in ((12, 9, 32), (31, 31, 16), (5, 1, 48), (120, 32, 32)):
        a, x = rng.normal(size=(depth, m)).astype(np.float32).T, rng.normal(size=(depth, n)).astype(np.float32)
        out, plain = rng.normal(size=(2, m, n)).astype(np.float32)
        plain[...] = out
        for add in (1, 0):
            microkernel.product(out, a, x, add)
            microkernel.product_plain(plain, a, x, bool(add))
            assert np.abs(out - plain).max() < 1e-5 * depth


def test_the_rational_tanh_is_as_good_as_single_precision_allows():
    kernel = pytest.importorskip("forecasting.models.lstm.engine.kernel")
    x = np.concatenate([np.linspace(-12, 12, 100_001), [np.inf, -np.inf, 0.0, 1e-20]]).astype(np.float32)
    y = x.copy()
    kernel.tanh_in_place(y)
    assert np.abs(y - np.tanh(x.astype(np.float64))).max() < 6e-7
    broken = np.array([np.nan], dtype=np.float32)
    kernel.tanh_in_place(broken)
    assert np.isnan(broken[0])


def test_a_warm_process_trains_the_first_fit_without_compiling():
    pytest.importorskip("numba")
    script = (
        "from forecasting.models.lstm.engine import kernel\n"
        "from forecasting.models.lstm.engine import training as engine\n"
        "from tests.forecasting.models.lstm.common import direct_spec, make_fit\n"
        "engine.warm_up('numba', 'cpu')\n"
        "assert len(kernel.epoch.signatures) == 1\n"
        "spec = direct_spec(epochs=1, dropout=0.1)\n"
        "engine.train(spec, [make_fit(1, spec.network)], 'numba')\n"
        "assert len(kernel.epoch.signatures) == 1\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
