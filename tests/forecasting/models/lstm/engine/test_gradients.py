"""Both backends against torch.nn.LSTM with copied weights, in float64, and against autograd."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.models.lstm.engine.network import forward, initial_parameters
from tests.forecasting.models.lstm.common import make_samples

pytest.importorskip("torch")
from tests.forecasting.models.lstm.engine.references import NETWORK, classic_passes, reference, torch_pass


def numba_pass(flat, samples, loss):
    pytest.importorskip("numba")
    from forecasting.models.lstm.engine import kernel

    n = len(samples)
    buffers, data = kernel.Buffers.of(NETWORK, n), kernel.Data(*vars(samples).values())
    p, d = NETWORK.unflatten(flat), NETWORK.unflatten(np.zeros_like(flat))
    no_mask, chosen = np.zeros((0, 0), dtype=np.float32), np.arange(n)
    kernel.gather(buffers, data, chosen)
    kernel.outputs(buffers, data, chosen, p["lstm"], p["head"], p["known"], no_mask)
    out = buffers.out[:, :n].T.copy()
    kernel.loss_and_slope(buffers, kernel.LOSSES[loss], np.float32(1.0 / out.size))
    kernel.gradients(buffers, data, chosen, p["lstm"], p["head"], no_mask, (d["lstm"], d["head"], d["known"]))
    return out, d


@pytest.mark.parametrize("loss", ["l1", "huber", "mse"])
@pytest.mark.parametrize("one_pass", [torch_pass, numba_pass])
def test_outputs_and_gradients_equal_those_of_nn_lstm(one_pass, loss):
    samples = make_samples(np.random.default_rng(1), 32, NETWORK)
    flat = initial_parameters(NETWORK, 11)
    NETWORK.unflatten(flat)["known"][...] = 0.3
    out, gradients = one_pass(flat, samples, loss)
    expected, expected_gradients = reference(NETWORK.unflatten(flat), samples, loss)
    assert np.abs(out - expected).max() < 1e-5
    assert np.abs(forward(NETWORK, NETWORK.unflatten(flat), samples.x, samples.known) - expected).max() < 1e-5
    for name, value in expected_gradients.items():
        assert np.abs(gradients[name] - value).max() < 1e-5, name
        assert np.abs(value).max() > 1e-3


@pytest.mark.parametrize("n_inputs", [1, 3])
def test_classic_gradients_equal_autograd_through_the_equations(n_inputs):
    (out, gradients), (expected, wanted), (network, flat, samples, without_mask) = classic_passes(n_inputs)
    assert (out - expected).abs().max() < 1e-5
    for name, value in wanted.items():
        scale = value.abs().max()
        assert scale > 1e-2, name
        assert (gradients[name] - value).abs().max() < 1e-5 * max(1.0, float(scale)), name
    assert np.abs(forward(network, network.unflatten(flat), samples.x, samples.known) - without_mask).max() < 1e-5
