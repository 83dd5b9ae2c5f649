"""Both networks written plainly, in float64 by torch.nn.LSTM or by autograd, and the engine's pass beside them."""

from __future__ import annotations

import numpy as np
import torch

from forecasting.models.lstm.engine.network import Network, initial_parameters
from forecasting.models.lstm.engine.torch_layer import FusedLayer, Layer
from forecasting.models.lstm.engine.torch_network import Classic, Direct, MiniBatch, loss_terms
from tests.forecasting.models.lstm.common import make_samples

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


def torch_pass(flat, samples, loss, device="cpu"):
    """Outputs and gradients by the engine, for a pair of equal fits."""
    n = len(samples)
    net = Direct(NETWORK, 2, n, device)
    p = {name: torch.tensor(np.stack([value] * 2), device=device) for name, value in NETWORK.unflatten(flat).items()}
    d = {name: torch.zeros_like(value) for name, value in p.items()}
    x, y, weight, facts = (torch.tensor(np.stack([a] * 2), device=device) for a in vars(samples).values())
    batch = MiniBatch(x.permute(2, 0, 3, 1), y.transpose(1, 2), weight.transpose(1, 2), facts.permute(0, 3, 2, 1))
    out = net.forward(p, batch, None)
    _, slope = loss_terms(out - batch.y, loss)
    net.backward(p, d, batch, slope * batch.weight / batch.y[0].numel(), None)
    return out[1].T.cpu().numpy(), {name: value[1].cpu().numpy() for name, value in d.items()}


def classic_passes(n_inputs, device="cpu"):
    """The classic network by the engine and by autograd through the equations, with dropout.

    Outputs ``[2, N, T]`` and gradients of each side, and the engine's outputs of the second fit without dropout beside
    what they were computed from.
    """
    network = Network("classic", 5, n_inputs, 6, 5)
    samples = make_samples(np.random.default_rng(2), 16, network)
    flat = np.stack([initial_parameters(network, key) for key in (1, 2)])
    start = torch.tensor(flat)
    parts = {name: start[:, s].unflatten(1, network.shapes[name]) for name, s in network.slices.items()}
    leaves = {name: value.double().requires_grad_() for name, value in parts.items()}
    p = {name: value.to(device) for name, value in parts.items()}
    d = {name: torch.zeros_like(value) for name, value in p.items()}
    x, y, weight, facts = (torch.tensor(np.stack([a] * 2)) for a in vars(samples).values())
    turned = (x.permute(2, 0, 3, 1), y.transpose(1, 2), weight.transpose(1, 2), facts.permute(0, 3, 2, 1))
    batch = MiniBatch(*(part.to(device) for part in turned))
    mask = torch.tensor(np.random.default_rng(3).integers(0, 2, size=(2, 5, 6, 16)) * 2.0, dtype=torch.float32)
    net = Classic(network, 2, 16, device)
    out = net.forward(p, batch, mask.to(device))
    net.backward(p, d, batch, 2.0 * (out - batch.y) * batch.weight, mask.to(device))
    expected = classic_equations(leaves, x.double(), mask.double().permute(0, 3, 1, 2))
    ((expected - y.double()) ** 2 * weight).sum().backward()
    without = net.forward(p, batch, None)[1].T.cpu().numpy()
    gradients = {name: value.cpu() for name, value in d.items()}
    wanted = {name: leaf.grad for name, leaf in leaves.items()}
    return (out.transpose(1, 2).cpu(), gradients), (expected.detach(), wanted), (network, flat[1], samples, without)


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


FUSED_SIZES = [(3, 5, 30, 1, 32), (2, 4, 17, 2, 64), (2, 3, 40, 3, 32)]
"""Fits, steps, units, inputs and columns of layers; their matrices are padded, or need more than one block."""


def fused_apart(device: str) -> float:
    """Largest difference between a layer's outputs and gradients by the fused kernels and step by step."""
    generator, worst = torch.Generator().manual_seed(1), 0.0

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator).to(device)

    for n_fits, steps, hidden, n_inputs, columns in FUSED_SIZES:
        rows, gates = hidden + 1 + n_inputs, 4 * hidden
        plain, fused = (kind(n_fits, steps, hidden, n_inputs, columns, device) for kind in (Layer, FusedLayer))
        # As in training, a fit's matrix is part of a longer vector.
        flat = 0.3 * draw(n_fits, gates * rows + 32)
        d_plain, d_fused = torch.zeros_like(flat), torch.zeros_like(flat)
        matrix, d_one, d_other = (x[:, : gates * rows].unflatten(1, (gates, rows)) for x in (flat, d_plain, d_fused))
        x, d_out = draw(steps, n_fits, n_inputs, columns), draw(n_fits, hidden, columns)
        for layer, d_matrix in ((plain, d_one), (fused, d_other)):
            layer.inputs.copy_(x)
            layer.forward(matrix)
            layer.backward(d_out, matrix, d_matrix)
        pairs = [(plain.rows, fused.rows), (plain.gates, fused.gates), (plain.cell, fused.cell), (d_plain, d_fused)]
        worst = max(worst, *(float((a - b).abs().max()) for a, b in pairs))
    return worst
