"""Both backends against torch.nn.LSTM with copied weights, in float64, and against autograd."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.models.lstm.engine.network import Network, forward, initial_parameters
from tests.forecasting.models.lstm.common import make_samples

torch = pytest.importorskip("torch")
NETWORK = Network("direct", 9, 2, 12, 7, 3)
GATES = (0, 1, 3, 2)  # torch orders i, f, g, o; here i, f, o, g


def reference(parameters, samples, loss):
    """Outputs and gradients of the direct network by torch.nn.LSTM in float64, for all samples at once."""
    parts = {name: torch.tensor(value, dtype=torch.float64) for name, value in parameters.items()}
    hidden = NETWORK.hidden_size
    lstm = torch.nn.LSTM(NETWORK.n_inputs, hidden, batch_first=True).double()
    order = torch.cat([torch.arange(k * hidden, (k + 1) * hidden) for k in GATES])
    with torch.no_grad():
        lstm.weight_hh_l0[order] = parts["lstm"][:, :hidden]
        lstm.bias_ih_l0[order] = parts["lstm"][:, hidden]
        lstm.bias_hh_l0.zero_()
        lstm.weight_ih_l0[order] = parts["lstm"][:, hidden + 1 :]
    head, known = parts["head"].requires_grad_(), parts["known"].requires_grad_()
    x, y, weight, facts = (torch.tensor(a, dtype=torch.float64) for a in vars(samples).values())
    last = lstm(x)[0][:, -1]
    out = last @ head[:, :-1].T + head[:, -1] + facts @ known
    error = out - y
    terms = {"l1": error.abs(), "mse": error**2, "huber": torch.nn.functional.huber_loss(out, y, reduction="none")}[
        loss
    ]
    ((terms * weight).sum() / error.numel()).backward()
    matrix = torch.cat([lstm.weight_hh_l0.grad, lstm.bias_ih_l0.grad[:, None], lstm.weight_ih_l0.grad], dim=1)[order]
    return out.detach().numpy(), {"lstm": matrix.numpy(), "head": head.grad.numpy(), "known": known.grad.numpy()}


def torch_pass(flat, samples, loss):
    from forecasting.models.lstm.engine.torch_network import Direct, MiniBatch, loss_terms

    n = len(samples)
    net = Direct(NETWORK, 2, n, "cpu")
    p = {name: torch.tensor(np.stack([value] * 2)) for name, value in NETWORK.unflatten(flat).items()}
    d = {name: torch.zeros_like(value) for name, value in p.items()}
    x, y, weight, facts = (torch.tensor(np.stack([a] * 2)) for a in vars(samples).values())
    batch = MiniBatch(x.permute(2, 0, 3, 1), y.transpose(1, 2), weight.transpose(1, 2), facts.permute(0, 3, 2, 1))
    out = net.forward(p, batch, None)
    _, slope = loss_terms(out - batch.y, loss)
    net.backward(p, d, batch, slope * batch.weight / batch.y[0].numel(), None)
    return out[1].T.numpy(), {name: value[1].numpy() for name, value in d.items()}


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
    from forecasting.models.lstm.engine.torch_network import Classic, MiniBatch

    network = Network("classic", 5, n_inputs, 6, 5)
    samples = make_samples(np.random.default_rng(2), 16, network)
    flat = np.stack([initial_parameters(network, key) for key in (1, 2)])
    p = {name: torch.tensor(flat[:, s]).unflatten(1, network.shapes[name]) for name, s in network.slices.items()}
    d = {name: torch.zeros_like(value) for name, value in p.items()}
    x, y, weight, facts = (torch.tensor(np.stack([a] * 2)) for a in vars(samples).values())
    batch = MiniBatch(x.permute(2, 0, 3, 1), y.transpose(1, 2), weight.transpose(1, 2), facts.permute(0, 3, 2, 1))
    mask = torch.tensor(np.random.default_rng(3).integers(0, 2, size=(2, 5, 6, 16)) * 2.0, dtype=torch.float32)
    net = Classic(network, 2, 16, "cpu")
    out = net.forward(p, batch, mask)
    net.backward(p, d, batch, 2.0 * (out - batch.y) * batch.weight, mask)
    leaves = {name: value.double().requires_grad_() for name, value in p.items()}
    expected = classic_equations(leaves, x.double(), mask.double().permute(0, 3, 1, 2))
    ((expected - y.double()) ** 2 * weight).sum().backward()
    assert (out.transpose(1, 2) - expected).abs().max() < 1e-5
    for name, leaf in leaves.items():
        scale = leaf.grad.abs().max()
        assert scale > 1e-2, name
        assert (d[name] - leaf.grad).abs().max() < 1e-5 * max(1.0, float(scale)), name
    without_mask = net.forward(p, batch, None)[1].T
    assert (
        np.abs(forward(network, network.unflatten(flat[1]), samples.x, samples.known) - without_mask.numpy()).max()
        < 1e-5
    )


def classic_equations(p, x, mask):
    """The classic network written plainly: ``[K, N, T]``."""

    def layer(inputs, matrix, peephole, projection):
        n_fits, n, steps, _ = inputs.shape
        hidden = peephole.shape[-1]
        cell = inputs.new_zeros(n_fits, n, hidden)
        back = inputs.new_zeros(n_fits, n, hidden if projection is None else 1)
        outputs = []
        for t in range(steps):
            rows = torch.cat([back, inputs.new_ones(n_fits, n, 1), inputs[:, :, t]], dim=2)
            i, f, o, g = (rows @ matrix.transpose(1, 2)).split(hidden, dim=2)
            i = torch.sigmoid(i + peephole[:, None, 0] * cell)
            f = torch.sigmoid(f + peephole[:, None, 1] * cell)
            cell = f * cell + i * torch.tanh(g)
            back = torch.sigmoid(o + peephole[:, None, 2] * cell) * torch.tanh(cell)
            back = back if projection is None else back @ projection.transpose(1, 2)
            outputs.append(back)
        return torch.stack(outputs, dim=2)

    dense = torch.tanh(x @ p["dense"][:, None, :, 1:].transpose(2, 3) + p["dense"][:, None, None, :, 0])
    first = layer(dense, p["lstm"], p["peephole"], None) * mask
    return layer(first, p["lstm2"], p["peephole2"], p["projection"])[..., 0]
